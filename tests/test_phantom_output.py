"""Where the phantom archive comes to lie: whole or not at all, whoever asks for it and however it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fxcore import demo as demonstration
from fxcore.dataset.layout import Layout
from fxcore.dataset.locks import run_lock
from fxcore.errors import FxrayError, ParameterError
from fxcore.phantom import synthesise
from fxcore.phantom.archive import LABELS
from fxcore.progress import Silent

_SMALL = {"studies": 6, "seed": 7, "scale": 0.04}


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _interrupt(units: int) -> None:
    raise KeyboardInterrupt


class _Interrupted(Silent):
    def advance(self, units: int) -> None:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    out = tmp_path_factory.mktemp("phantom") / "archive"
    synthesise(out, **_SMALL)
    return _names(out)


def test_what_is_broken_off_leaves_nothing_and_can_be_made_again(tmp_path: Path, whole: set[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        synthesise(tmp_path, **_SMALL, progress=_interrupt)
    assert not _names(tmp_path)
    synthesise(tmp_path, **_SMALL)
    assert _names(tmp_path) == whole


def test_what_a_killed_run_left_is_removed(tmp_path: Path, whole: set[str]) -> None:
    layout = Layout(tmp_path)
    for folder in (layout.staging / "0AB1", layout.discarded_work):
        folder.mkdir(parents=True)
        (folder / "half.dcm").write_bytes(b"DICM")
    synthesise(tmp_path, **_SMALL)
    assert _names(tmp_path) == whole


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with run_lock(Layout(tmp_path), print), pytest.raises(FxrayError, match="another run is writing"):
        synthesise(tmp_path, **_SMALL)


def test_an_unfinished_data_set_is_no_place_for_an_archive(tmp_path: Path) -> None:
    Layout(tmp_path).work.mkdir()
    (Layout(tmp_path).work / "settings.json").write_text('{"version": "1"}')
    with pytest.raises(ParameterError, match="not an empty folder"):
        synthesise(tmp_path, **_SMALL)
    assert _names(tmp_path) == {".fxray", ".fxray/settings.json"}


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    for make in (
        lambda: synthesise(file, **_SMALL),
        lambda: synthesise(file / "archive" / "deeper", **_SMALL),
        lambda: demonstration.demo(file),
    ):
        with pytest.raises(ParameterError, match=r"notes\.txt is a file; name a folder"):
            make()


def test_an_interrupted_demonstration_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "STUDIES", 6)
    monkeypatch.setattr(demonstration, "SCALE", 0.04)
    with pytest.raises(KeyboardInterrupt):
        demonstration.demo(tmp_path, workers=2, progress=_Interrupted())
    assert demonstration.demo(tmp_path, workers=2).studies_done > 0
    assert (tmp_path / "archive" / LABELS).exists()


def test_a_script_from_stdin_may_make_an_archive(tmp_path: Path, whole: set[str]) -> None:
    script = (
        "from pathlib import Path\nfrom fxcore.phantom import synthesise\n"
        f"synthesise(Path({str(tmp_path / 'out')!r}), **{_SMALL!r}, workers=2)\n"
    )
    subprocess.run([sys.executable, "-"], input=script, text=True, check=True, timeout=280)
    assert _names(tmp_path / "out") == whole
