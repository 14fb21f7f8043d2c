"""The files and folders that a run is given: what they are, told before anything is touched."""

from __future__ import annotations

import stat
from os import PathLike
from pathlib import Path

from fxcore.errors import ParameterError


def resolved(path: str | PathLike[str]) -> Path:
    """Return `path` from the root on, with links followed; what it names need not be there.

    Raises
    ------
    ParameterError
        If links lead in a circle.
    """
    try:
        return Path(path).resolve()
    except RuntimeError as error:
        raise ParameterError(
            f"the links at {path} lead in a circle; mend them, or name the place they are meant to lead to"
        ) from error


def check_apart(out: Path, source: Path, what: str) -> None:
    """Check that an output and what it is made from do not lie within each other; both with links followed.

    Parameters
    ----------
    out, source : pathlib.Path
    what : str
        For the message: what the source is.

    Raises
    ------
    ParameterError
    """
    if out.is_relative_to(source) or source.is_relative_to(out):
        raise ParameterError(f"the output {out} and the {what} {source} must not lie within each other")


def check_regular(place: Path, name: str, option: str) -> None:
    """Check that `place`, if there is anything, is a file as on a disk: to open a pipe is to wait for others.

    Parameters
    ----------
    place : pathlib.Path
    name, option : str
        For messages: what is kept there, and the option that names it.

    Raises
    ------
    ParameterError
    """
    try:
        mode = place.stat().st_mode
    except OSError:
        # Not there, or not to be looked at: who opens it will say so.
        return
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe, a device or the like"
        raise ParameterError(f"the {name} {place} is {what}, not a file; name another place with {option}")


def check_model_place(out: Path) -> None:
    """Check that a model may be written to `out`: that it replaces nothing but a model, by the name of it.

    Raises
    ------
    ParameterError
    """
    if out.is_dir():
        raise ParameterError(f"{out} is a folder; name a file")
    if out.exists() and out.suffix.lower() != ".onnx":
        raise ParameterError(
            f"{out} exists, and is no model by its name, so it is not overwritten; name a file that ends in "
            ".onnx"
        )
