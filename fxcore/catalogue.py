"""The index of an archive: what each file is, looked into once and kept in a file for the next run.

It holds paths and identifiers, as the archive does: it is readable by its owner only, and never lies in
a data set. Its size on disk follows the archive's; its size in memory does not.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from types import TracebackType

from fxcore.attempt import QUARANTINE_REASONS, WorkerFailure
from fxcore.config import to_dict
from fxcore.dataset.assemble import is_data_set, is_training_run
from fxcore.dataset.layout import PROVENANCE_FILE, TRAINING_FILE, WORK_FOLDER, Layout
from fxcore.dataset.replacing import replacing
from fxcore.dicom.config import Limits
from fxcore.dicom.entries import Found, IndexEntry, walk
from fxcore.errors import FxrayError
from fxcore.executor import Executor
from fxcore.index_file import APPLICATION_ID
from fxcore.jobs import IndexTask, look_into_files
from fxcore.places import resolved
from fxcore.progress import Progress

# Raised when what is kept, or how a file is judged, changes.
_FORMAT = 9
_BATCH = 64
_SECONDS_PER_BATCH = 120.0
_SECONDS_BETWEEN_KEEPS = 180.0
# A file changed this shortly before it is looked into may change again within one tick of its clock.
_SETTLED_NS = 2_000_000_000
# What may be better at the next try.
PASSING_REASONS = ("unreadable", *QUARANTINE_REASONS)

# An entry is flat: many times faster than `dataclasses.astuple`, which copies deeply.
_VALUES = attrgetter(*(field.name for field in fields(IndexEntry)))

_COLUMNS = "source, size, modified, changed, inode, kind, reason, entry"
_SCHEMA = """
CREATE TABLE made_with(text TEXT);
CREATE TABLE files(
    source BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, inode INTEGER,
    kind TEXT, reason TEXT, entry TEXT
) WITHOUT ROWID;
"""
# What may be of fxray's own making: the folders, below the archive's own, with one of its files.
_FIND_OWN = f"""
SELECT substr(source, 1, length(source) - {len(PROVENANCE_FILE)}) FROM found
WHERE substr(source, -{len(PROVENANCE_FILE) + 1}) = CAST('/{PROVENANCE_FILE}' AS BLOB)
UNION SELECT substr(source, 1, length(source) - {len(TRAINING_FILE)}) FROM found
WHERE substr(source, -{len(TRAINING_FILE) + 1}) = CAST('/{TRAINING_FILE}' AS BLOB)
UNION SELECT substr(source, 1, instr(source, CAST('/{WORK_FOLDER}/' AS BLOB))) FROM found
WHERE instr(source, CAST('/{WORK_FOLDER}/' AS BLOB)) ORDER BY 1
"""
_TEMPORARY = """
CREATE TEMP TABLE found(
    source BLOB PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, inode INTEGER
) WITHOUT ROWID;
CREATE TEMP TABLE stale(source BLOB PRIMARY KEY) WITHOUT ROWID;
"""
_FIND_STALE = f"""
INSERT INTO stale SELECT found.source FROM found LEFT JOIN files USING (source)
WHERE found.changed IS NULL OR files.changed IS NOT found.changed
OR files.modified IS NOT found.modified OR files.size IS NOT found.size
OR files.inode IS NOT found.inode OR files.reason IN ({", ".join("?" * len(PASSING_REASONS))})
"""


@contextlib.contextmanager
def open_catalogue(
    archive: Path, limits: Limits, executor: Executor, progress: Progress, place: Path
) -> Iterator[Catalogue]:
    """Index the archive, going on from what an earlier run kept at `place`, and keep it there.

    Parameters
    ----------
    archive : pathlib.Path
    limits : Limits
        Sizes past which a file is refused.
    executor : Executor
        Where files are looked into.
    progress : Progress
        Told, too, where the index cannot be kept: that costs the next run time, this one nothing.
    place : pathlib.Path
    """
    place = resolved(place)
    with Catalogue() as catalogue:
        catalogue.load(place, progress.say)

        def keep() -> None:
            try:
                catalogue.keep(place)
            except FxrayError as error:
                progress.say(f"The next run will have to look into all files again: {error}")

        if catalogue.update(archive, limits, executor, progress, keep):
            keep()
        yield catalogue


class Catalogue:
    """The entries of an archive's files, in order of their paths; a context manager.

    What its database cannot do where it is used leaves the context as an `FxrayError`.

    It works on a private copy that vanishes with the process, so runs over the same archive, on one
    machine or several, never wait for each other; `keep` puts a whole new file in place of the old.

    Attributes
    ----------
    database : sqlite3.Connection
        With the table ``files``; who plans from it may add temporary tables.
    """

    def __init__(self) -> None:
        self.database = _empty()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(sqlite3.Error):
            self.database.close()
        if isinstance(error, sqlite3.OperationalError):
            raise FxrayError(
                f"the index of the archive cannot be worked with in the temporary folder ({error}); "
                "make room there, or name a folder with room by SQLITE_TMPDIR or TMPDIR"
            ) from error

    def update(
        self,
        archive: Path,
        limits: Limits,
        executor: Executor,
        progress: Progress,
        keep: Callable[[], None] = lambda: None,
    ) -> bool:
        """Make the entries those of the files that are there now; return whether anything changed.

        A file is looked into, in a worker process, unless its entry is of the same size, inode, and
        times of change. One that kills or hangs its worker gets an entry as unreadable.

        Parameters
        ----------
        archive : pathlib.Path
        limits : Limits
            Entries made under others are made anew.
        executor : Executor
        progress : Progress
            Told how many files are found, then how many are looked into.
        keep : callable, optional
            Called now and then with what is found so far, and where this is broken off. That is an
            index like any other: the entries that were not renewed are as stale for the next run.
        """
        progress.stage("Listing files", None)
        with self._transaction():
            self._forget_unless_made_with(limits)
            self._list(archive, progress)
            own = self._pass_over_own(archive)
            gone = self.database.execute(
                "DELETE FROM files WHERE source NOT IN (SELECT source FROM found)"
            ).rowcount
            self.add(IndexEntry(source, kind=kind) for source, kind in own.items())
        self.database.execute("DELETE FROM stale")
        self.database.execute(_FIND_STALE, PASSING_REASONS)
        (count,) = self.database.execute("SELECT COUNT(*) FROM stale").fetchone()
        progress.stage("Looking into files", count)
        sources = (os.fsdecode(source) for (source,) in self.database.execute("SELECT source FROM stale"))
        now_and_then = _NowAndThen(keep)
        try:
            self.database.execute("BEGIN")
            for entries in _look_into(archive, sources, limits, executor):
                self.add(entries)
                if now_and_then.due():
                    self.database.execute("COMMIT")
                    now_and_then.call()
                    self.database.execute("BEGIN")
                progress.advance(len(entries))
            self.database.execute("COMMIT")
        except BaseException:
            # Nothing that happens here is to take the place of what broke it off.
            with contextlib.suppress(sqlite3.Error, OSError):
                if self.database.in_transaction:
                    self.database.execute("COMMIT")
                keep()
            raise
        return bool(count or gone)

    def add(self, entries: Iterable[IndexEntry]) -> None:
        """Add or replace entries."""
        rows = (
            (os.fsencode(entry.source), entry.kind, entry.reason, json.dumps(_VALUES(entry)))
            for entry in entries
        )
        self.database.executemany(
            """
            INSERT OR REPLACE INTO files
            SELECT new.source, size, modified, changed, inode, new.kind, new.reason, new.entry
            FROM (SELECT ? AS source, ? AS kind, ? AS reason, ? AS entry) AS new
            LEFT JOIN found USING (source)
            """,
            rows,
        )

    def entries(self) -> Iterator[IndexEntry]:
        """Yield all entries, in order of the bytes of their paths."""
        for (entry,) in self.database.execute("SELECT entry FROM files ORDER BY source"):
            yield entry_from(entry)

    def entry(self, source: bytes) -> IndexEntry:
        """Return the entry of one file, by the bytes of its path."""
        (entry,) = self.database.execute("SELECT entry FROM files WHERE source = ?", (source,)).fetchone()
        return entry_from(entry)

    def modified(self, source: str) -> int | None:
        """Return when the content of a file changed last, in nanoseconds; None where that is not known."""
        query = "SELECT modified FROM files WHERE source = ?"
        modified: int | None = self.database.execute(query, (os.fsencode(source),)).fetchone()[0]
        return modified

    def load(self, place: Path, say: Callable[[str], None]) -> None:
        """Start from what an earlier run kept at `place`, if anything."""
        # Also where the user may not look.
        if not os.path.exists(place):  # noqa: PTH110
            return
        try:
            with contextlib.closing(sqlite3.connect(f"{place.as_uri()}?mode=ro", uri=True)) as kept:
                kept.backup(self.database)
            whole = self.database.execute("PRAGMA quick_check").fetchone() == ("ok",)
            for columns in ("text FROM made_with", f"{_COLUMNS} FROM files"):
                self.database.execute(f"SELECT {columns} LIMIT 1")
        except sqlite3.Error:
            whole = False
        if not whole:
            say(f"The kept index {place} is damaged; all files are looked into anew.")
            self.database.close()
            self.database = _empty()

    def keep(self, place: Path) -> None:
        """Put the index at `place` for the next run, readable by its owner only.

        Raises
        ------
        FxrayError
            If it cannot be written there.
        """
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (
                replacing(place, 0o600) as beside,
                # No locks of SQLite's, which are those of `replacing` on some file systems; no journal.
                contextlib.closing(sqlite3.connect(f"{beside.as_uri()}?nolock=1", uri=True)) as kept,
            ):
                kept.execute("PRAGMA journal_mode = OFF")
                self.database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self.database.backup(kept)
        except (OSError, sqlite3.Error) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise FxrayError(
                f"cannot keep the index of the archive at {place}: {why}. Name another place with --index."
            ) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self.database.execute("BEGIN")
        yield
        self.database.execute("COMMIT")

    def _forget_unless_made_with(self, limits: Limits) -> None:
        wanted = json.dumps([_FORMAT, to_dict(limits)])
        if self.database.execute("SELECT text FROM made_with").fetchall() != [(wanted,)]:
            self.database.execute("DELETE FROM files")
            self.database.execute("DELETE FROM made_with")
            self.database.execute("INSERT INTO made_with VALUES (?)", (wanted,))

    def _list(self, archive: Path, progress: Progress) -> None:
        """Fill the table of what is there now."""
        self.database.execute("DELETE FROM found")
        rows = map(_signature, walk(archive))
        while batch := list(itertools.islice(rows, 1000)):
            self.database.executemany("INSERT INTO found VALUES (?, ?, ?, ?, ?)", batch)
            progress.advance(len(batch))

    def _pass_over_own(self, archive: Path) -> dict[str, str]:
        """Put one row in place of all that lies in a folder of fxray's making; return kinds by folder.

        The images of a data set are copies of others of the archive as likely as not, and of other studies by
        their names; those of a training run are plots.
        """
        own: dict[str, str] = {}
        for (source,) in self.database.execute(_FIND_OWN).fetchall():
            folder = os.fsdecode(source)
            within = bool(own) and folder.startswith(next(reversed(own)))
            if not within and (kind := _kind_of(archive / folder)):
                # Up to the character that follows the slash.
                end = source[:-1] + bytes([source[-1] + 1])
                self.database.execute("DELETE FROM found WHERE source >= ? AND source < ?", (source, end))
                self.database.execute("INSERT INTO found VALUES (?, 0, 0, 0, 0)", (source,))
                own[folder] = kind
        return own


class _NowAndThen:
    """Calls a function every few minutes, and less often where that would take a share of the time."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._next = time.monotonic() + _SECONDS_BETWEEN_KEEPS

    def due(self) -> bool:
        return time.monotonic() >= self._next

    def call(self) -> None:
        began = time.monotonic()
        self._function()
        now = time.monotonic()
        self._next = now + max(_SECONDS_BETWEEN_KEEPS, 50 * (now - began))


def _empty() -> sqlite3.Connection:
    # No name: a temporary file of SQLite's own, held in memory while it is small.
    database = sqlite3.connect("", isolation_level=None)
    database.executescript(_SCHEMA + _TEMPORARY)
    return database


def _kind_of(folder: Path) -> str:
    if is_training_run(folder):
        return "training_run"
    return "data_set" if is_data_set(Layout(folder)) else ""


def entry_from(text: str) -> IndexEntry:
    """Return the entry that is stored as `text`."""
    return IndexEntry(*json.loads(text))


def _signature(found: Found) -> tuple[bytes, int | None, int | None, int | None, int | None]:
    """Return path, size, times of change, inode; the time of change is None where it proves nothing."""
    source, status = os.fsencode(found.source), found.status
    if status is None or stat.S_ISDIR(status.st_mode):
        return source, None, None, None, None
    changed = _in_64_bits(status.st_ctime_ns) if status.st_ctime_ns < time.time_ns() - _SETTLED_NS else None
    return source, status.st_size, _in_64_bits(status.st_mtime_ns), changed, _in_64_bits(status.st_ino)


def _in_64_bits(number: int) -> int:
    """Return what SQLite can hold in place of a number: another for each of 2**64.

    An inode has 64 bits and no sign; nanoseconds since 1970 do not fit after 2262, and any file may say so.
    """
    return (number + 2**63) % 2**64 - 2**63


def _look_into(
    archive: Path, sources: Iterator[str], limits: Limits, executor: Executor
) -> Iterator[list[IndexEntry]]:
    batches = iter(lambda: tuple(itertools.islice(sources, _BATCH)), ())
    tasks = (IndexTask(str(archive), batch, limits) for batch in batches)
    suspects: list[IndexTask] = []
    for outcome in executor.run(look_into_files, tasks, lambda task: _SECONDS_PER_BATCH):
        if isinstance(outcome.result, WorkerFailure):
            suspects.append(outcome.task)
        else:
            yield outcome.result
    pieces = (piece for task in suspects for piece in task.pieces())
    for outcome in executor.run(look_into_files, pieces, lambda task: _SECONDS_PER_BATCH):
        if isinstance(outcome.result, WorkerFailure):
            (source,) = outcome.task.sources
            reason, message = outcome.result.reason, outcome.result.message
            yield [IndexEntry(source, kind="unreadable", reason=reason, message=message)]
        else:
            yield outcome.result
