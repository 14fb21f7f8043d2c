"""A share of the studies, for many machines that do one data set without talking to each other.

Each leaves an account of what it did in the work folder; `fxcore.merge` makes one whole of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from fxcore.dataset.layout import Layout
from fxcore.dataset.tables import write_atomically
from fxcore.errors import DataSetError, ParameterError
from fxcore.json_text import from_json
from fxcore.study import Reject

_MOST = 9999


@dataclass(frozen=True)
class Shard:
    """Share `number` (from 1) of `count`.

    Which studies it holds follows from their pseudonyms alone, so every machine finds the same shares.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count <= _MOST:
            raise ParameterError(
                f"shard {self.number}/{self.count}: the first number goes from 1 to the second, "
                f"and that to {_MOST} at most"
            )

    @classmethod
    def from_text(cls, text: str) -> Shard:
        """Read ``i/n``.

        Raises
        ------
        ParameterError
            If `text` is not of that form, or the numbers are out of range.
        """
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        if not match:
            raise ParameterError(f"--shard {text!r} is not of the form i/n, as in 3/16")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def name(self) -> str:
        """What tells its files from those of the others."""
        return f"{self.number}-of-{self.count}"

    def holds(self, study_id: str) -> bool:
        """Tell whether the study is of this share."""
        return int(study_id[:8], 16) % self.count == self.number - 1


@dataclass(frozen=True)
class Account:
    """What a finished shard says of itself.

    Attributes
    ----------
    number, count : int
        Which shard it is, of how many.
    digest : str
        Of all it saw, studies of others and rejects too: shards that saw the same archive have the same.
    studies : int
        How many studies are its own.
    provenance : dict
        What ``dataset.json`` begins with.
    """

    number: int
    count: int
    digest: str
    studies: int
    provenance: dict[str, Any]


def write_account(
    layout: Layout, account: Account, studies: Collection[str], loose: Callable[[], Iterable[Reject]]
) -> None:
    """Leave the account of a shard: a line of its own, one for each of its studies, one for each reject.

    What was dropped outside any study is the same for all shards; the first one writes it down.
    """

    def lines() -> Iterator[bytes]:
        yield json.dumps(asdict(account)).encode() + b"\n"
        yield from (json.dumps(study).encode() + b"\n" for study in sorted(studies))
        if account.number == 1:
            yield from (json.dumps(astuple(reject)).encode() + b"\n" for reject in loose())

    write_atomically(layout.account, lines())


def drop_accounts(layout: Layout, shard: Shard | None, say: Callable[[str], None]) -> None:
    """Remove the accounts that a run of `shard` outdates: its own, and those of other numbers of shards.

    Of these nothing holds any more once the studies are shared out otherwise, and done anew where they
    have changed. A whole run (None) outdates all of them.
    """
    accounts = Layout(layout.root).all_of("account")
    others = [path for path in accounts if shard and not path.name.endswith(f"-of-{shard.count}")]
    for path in accounts if shard is None else (*others, layout.account):
        path.unlink(missing_ok=True)
    if shard and others:
        say(
            f"{len(others)} finished shards of another number count no more, but what they made is kept: "
            f"run all from 1/{shard.count} to {shard.count}/{shard.count}, and merge."
        )


def read_account(path: Path) -> Account:
    """Return what a shard says of itself.

    Raises
    ------
    DataSetError
        If it cannot be read.
    """
    for values in _lines(path):
        try:
            return Account(**values)
        except TypeError:
            break
    raise DataSetError(f"{path} is not the account of a shard; run that shard again")


def studies_of(path: Path) -> Iterator[str]:
    """Yield the identifiers of the shard's studies.

    Raises
    ------
    DataSetError
        If there are not as many as the account says.
    """
    count = 0
    for value in _lines(path):
        if isinstance(value, str):
            count += 1
            yield value
    if count != read_account(path).studies:
        raise DataSetError(f"{path} is cut short; run that shard again")


def rejects_of(path: Path) -> Iterator[Reject]:
    """Yield what was dropped outside any study, if the shard wrote it down."""
    return (Reject(*value) for value in _lines(path) if isinstance(value, list))


def _lines(path: Path) -> Iterator[Any]:
    try:
        with path.open("rb") as file:
            for line in file:
                yield from_json(line)
    except (OSError, ValueError) as error:
        raise DataSetError(f"cannot read {path}: {error}; run that shard again") from error
