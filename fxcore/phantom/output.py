"""Where an archive comes to lie: in its folder as a whole, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fxcore.dataset.assemble import discard_work
from fxcore.dataset.layout import Layout
from fxcore.dataset.locks import run_lock
from fxcore.errors import ParameterError
from fxcore.output import begun_settings
from fxcore.stopping import undisturbed


def check_folder(out: Path) -> None:
    """See that `out` is new, empty, or what a run that was killed left there.

    Raises
    ------
    ParameterError
        If it is anything else, or lies in what is no folder.
    """
    place = next((path for path in (out, *out.parents) if path.exists()), out)
    if place.exists() and not place.is_dir():
        raise ParameterError(f"{place} is a file; name a folder")
    layout = Layout(out)
    strangers = place == out and {path.name for path in out.iterdir()} - {
        layout.work.name,
        layout.discarded_work.name,
    }
    if strangers or begun_settings(layout):
        raise ParameterError(
            f"{out} is not an empty folder: the phantom never writes over anything; choose another"
        )


@contextmanager
def whole_or_not_at_all(out: Path, last: str) -> Iterator[Path]:
    """Yield an empty folder; what is in it at the end of the block then appears in `out`, `last` as the last.

    A block that is broken off leaves nothing. What one that was killed left is out of sight, in a folder
    inside `out`, which the next one removes.

    Raises
    ------
    FxrayError
        If another run is writing there, or something else lies there by now.
    """
    out.mkdir(parents=True, exist_ok=True)
    layout = Layout(out)
    with run_lock(layout, lambda text: None):
        try:
            check_folder(out)
            for left_over in (layout.discarded_work, layout.staging):
                shutil.rmtree(left_over, ignore_errors=True)
            layout.staging.mkdir()
            yield layout.staging
            with undisturbed():
                for entry in sorted(layout.staging.iterdir(), key=lambda entry: entry.name == last):
                    entry.rename(out / entry.name)
        finally:
            # Nothing that happens here is to take the place of what broke it off.
            with suppress(OSError):
                discard_work(layout)
