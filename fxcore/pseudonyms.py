"""Keyed pseudonyms: the same identifier gives the same pseudonym, and nobody without the key can redo it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fxcore.errors import FxrayError
from fxcore.user_folders import user_folder

_KEY_BYTES = 32
_DIGITS = 24
# Of 32 random bytes, so few are different once in 10^30 keys.
_LEAST_DIFFERENT = 10


def default_key_file() -> Path:
    """The user's own key file: ``$FXRAY_KEY``, or ``fxray/pseudonyms.key`` in the configuration folder.

    Raises
    ------
    ParameterError
        If there is no such folder.
    """
    if named := os.environ.get("FXRAY_KEY"):
        return Path(named)
    folder = user_folder("XDG_CONFIG_HOME", ".config", "pseudonym key", "--key")
    return folder / "fxray" / "pseudonyms.key"


class Pseudonyms:
    """HMAC-SHA256 pseudonyms of 96 bits under one secret key.

    Among a billion identifiers, two share a pseudonym with a chance below 1 in 10^10.

    Parameters
    ----------
    key : bytes
        32 secret bytes.
    note : str
        What the user should know of the key, if anything.
    """

    def __init__(self, key: bytes, note: str = "") -> None:
        self._key, self.note = key, note

    def of(self, kind: str, identifier: str) -> str:
        """Return the pseudonym (24 hexadecimal digits) of an identifier.

        Different kinds (``"study"``, ``"patient"``, …) never share a pseudonym by accident.
        """
        message = f"{kind}\0{identifier}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_DIGITS]

    @property
    def key_check(self) -> str:
        """What a data set keeps to recognise its key; it does not help to find the key."""
        return self.of("key check", "")


def load_key(path: Path, *, may_create: bool) -> Pseudonyms:
    """Read the key file, or make one with mode 0600.

    Parameters
    ----------
    path : Path
        The key file; it must lie outside any data set.
    may_create : bool
        False where pseudonyms under an existing key are to be gone on with.

    Raises
    ------
    FxrayError
        If the file is missing and may not be made, cannot be read, or is not a key.
    """
    try:
        with path.open("rb") as file:
            key, mode = file.read(_KEY_BYTES + 1), os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        if not may_create:
            raise FxrayError(
                f"the pseudonym key {path} is missing, and the output was made with one. Put it back "
                "or name it with --key; a new key would give every study a new identifier."
            ) from None
        return Pseudonyms(_create(path))
    except OSError as error:
        raise FxrayError(f"cannot read the pseudonym key {path}: {error.strerror}") from error
    if len(key) != _KEY_BYTES:
        count = str(len(key)) if len(key) < _KEY_BYTES else "more"
        raise FxrayError(f"{path} is not a pseudonym key: it has {count} bytes instead of {_KEY_BYTES}")
    if len(set(key)) < _LEAST_DIFFERENT:
        raise FxrayError(
            f"{path} is not a secret key: its {_KEY_BYTES} bytes are nearly all the same, which anybody can "
            "guess; name another with --key, or a new file, and one is made"
        )
    note = ""
    if mode & stat.S_IROTH:
        note = (
            f"The pseudonym key {path} can be read by all users of this machine, and who has it can tell "
            "whose pseudonyms these are: take that right away (chmod o-r)."
        )
    return Pseudonyms(key, note)


def load_key_of(path: Path, out: Path, begun: Mapping[str, Any]) -> Pseudonyms:
    """Read the key that the output at `out` was begun with, or where it is new, make one if need be.

    Parameters
    ----------
    path : Path
        The key file.
    out : Path
        The output, for messages.
    begun : mapping
        What the output says it was begun with; empty where it is new.

    Raises
    ------
    FxrayError
        As `load_key` does, and if the key is another one.
    """
    pseudonyms = load_key(path, may_create=not begun)
    if begun and begun.get("key_check") != pseudonyms.key_check:
        raise FxrayError(
            f"{path} is not the pseudonym key that {out} was begun with; name that one with --key"
        )
    return pseudonyms


def _create(path: Path) -> bytes:
    key = secrets.token_bytes(_KEY_BYTES)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(key)
                os.fsync(file.fileno())
            # A link never replaces: of two runs that start at once, one key wins and both use it.
            os.link(beside, path)
        except FileExistsError:
            return path.read_bytes()
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise FxrayError(
            f"cannot make the pseudonym key {path}: {error.strerror}. Name another with --key."
        ) from error
    return key
