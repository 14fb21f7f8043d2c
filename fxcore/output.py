"""The output of a run: taken by one run at a time, and only by runs of the same settings."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fxcore.dataset.assemble import discard_idle_work, read_provenance
from fxcore.dataset.in_place import finish_renames
from fxcore.dataset.layout import Layout
from fxcore.dataset.locks import run_lock
from fxcore.dataset.tables import write_atomically
from fxcore.errors import DataSetError, FxrayError
from fxcore.json_text import from_json
from fxcore.progress import Progress
from fxcore.settings import without_allowances
from fxcore.shards import Shard

SETTINGS_FILE = "settings.json"
"""What a run was begun with, in the work folder."""


@contextmanager
def output_folder(
    out: Path, identity: dict[str, Any], progress: Progress, shard: Shard | None = None
) -> Iterator[Layout]:
    """Take `out` for this run: made if need be, locked, checked to be of the same settings.

    A run that is broken off before it did anything leaves a finished data set finished.

    Parameters
    ----------
    out : Path
        A new or empty folder, or one that an earlier run with the same `identity` made.
    identity : dict
        What must not differ between the runs that make one data set: version, settings, key. Empty for one
        that goes on with whatever it was begun with.
    progress : Progress
        Told when this run has to wait.
    shard : Shard, optional
        The share that this run does; others may be at work in the same folder.

    Raises
    ------
    FxrayError
        If another run is at work there, or the folder holds something else.
    """
    layout = Layout(out, shard.name if shard else "")
    # Through JSON, so that what is compared has the types of what was stored.
    identity = json.loads(json.dumps(identity))
    if out.exists() and not out.is_dir():
        raise FxrayError(f"{out} is a file; name a folder")
    # Before anything is touched: a refused run must leave a finished data set finished.
    check_settings(layout.root, begun_settings(layout), identity)
    make_folder(layout, layout.provenance, "data set")
    with run_lock(layout, progress.say) as is_held:
        layout.staging.mkdir(exist_ok=True)
        layout.records.mkdir(exist_ok=True)
        _begin_with(layout, identity)
        finish_renames(layout)
        with finished_if_idle(layout, layout.provenance, is_held):
            yield layout


def make_folder(layout: Layout, last: Path, what: str) -> None:
    """Make the folder of an output with its work folder, unless what is in it is none of this kind.

    Parameters
    ----------
    layout : Layout
    last : Path
        The file of it that is written last.
    what : str
        What it is, for the message.

    Raises
    ------
    FxrayError
        If it holds something else, or cannot be written to.
    """
    try:
        layout.root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(layout.discarded_work, ignore_errors=True)
        # Listed before looked for: another shard may begin here in between.
        strangers = {path.name for path in layout.root.iterdir()} - {layout.work.name}
        if strangers and not layout.work.exists() and not last.exists():
            raise FxrayError(f"{layout.root} is not empty and not a {what} of fxray; name a new folder")
        layout.work.mkdir(exist_ok=True)
    except OSError as error:
        raise FxrayError(f"cannot write to {layout.root}: {error.strerror}") from error


def _begin_with(layout: Layout, identity: dict[str, Any]) -> None:
    """Let the output be of these settings from now on, or check that it is where it was begun before.

    Raises
    ------
    FxrayError
        If it was begun with others: long ago, or just now by another shard.
    """
    check_settings(layout.root, begun_settings(layout), identity)
    place, staged = layout.work / SETTINGS_FILE, layout.staging / SETTINGS_FILE
    if not identity:
        return
    write_atomically(staged, json.dumps(identity).encode())
    try:
        # A link never replaces: of shards that begin together, one says what all of them are begun with.
        os.link(staged, place)
    except FileExistsError:
        check_settings(layout.root, begun_settings(layout), identity)
    except OSError:
        # A file system without links: FAT, some shares of other systems.
        staged.replace(place)
    finally:
        staged.unlink(missing_ok=True)


@contextmanager
def finished_if_idle(layout: Layout, last: Path, is_held: Callable[[], bool]) -> Iterator[None]:
    """Leave a finished output finished where a run is broken off before it did anything.

    Parameters
    ----------
    layout : Layout
    last : Path
        The file of it that is written last.
    is_held : callable
        As from `fxcore.dataset.locks.run_lock`: tells whether the output is still this run's, and no other's.
    """
    try:
        yield
    except BaseException:
        # Nothing that happens here is to take the place of what broke it off.
        with suppress(OSError):
            if is_held():
                discard_idle_work(layout, last)
        raise


def begun_settings(layout: Layout) -> dict[str, Any]:
    """Return what an unfinished or finished run at `layout` was begun with; empty if there is none.

    Raises
    ------
    DataSetError
        If it cannot be read, or is no data set.
    """
    path = layout.work / SETTINGS_FILE
    if path.exists():
        try:
            begun = from_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataSetError(f"cannot read {path}: {error}") from error
        if not isinstance(begun, dict):
            raise DataSetError(f"{path} is damaged; remove {layout.root} and begin again")
        if "model_sha256" in begun:
            raise DataSetError(
                f"{layout.root} is an unfinished scoring; go on with it by fxray score, or name a new folder"
            )
        return begun
    return read_provenance(layout) if layout.provenance.exists() else {}


def check_settings(root: Path, begun: dict[str, Any], identity: dict[str, Any]) -> None:
    """Check that the output at `root`, if it was `begun`, was so with the same `identity`.

    What a worker is allowed may be another: files that need more are given up, and tried again by each run.

    Raises
    ------
    FxrayError
        Naming the first setting that differs.
    """
    if begun:
        for name, value in identity.items():
            earlier, now = without_allowances(begun.get(name)), without_allowances(value)
            if earlier != now:
                raise FxrayError(
                    f"{root} was made with another {name.replace('_', ' ')} "
                    f"({difference(earlier, now)}); use the same, or name a new folder"
                )


def difference(one: Any, other: Any, path: str = "", names: tuple[str, str] = ("then", "now")) -> str:
    """Say where two trees of settings differ first, each by its name; only for trees that do."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if one.get(key) != other.get(key):
                return difference(one.get(key), other.get(key), f"{path}.{key}" if path else key, names)
    return f"{path + ': ' if path else ''}{one!r} {names[0]}, {other!r} {names[1]}"
