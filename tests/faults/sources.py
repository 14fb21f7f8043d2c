"""Sources that change, vanish or cannot be read while a run is at work on them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.scenario import Finding, Place, draw, finished
from tests.program import rows, tree

# Without these, root obeys the permissions of files like everybody else.
_WITHOUT_PRIVILEGE = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def _change(study: Path) -> None:
    for path in study.glob("*.png"):
        draw(path, 999)


def _truncate(study: Path) -> None:
    for path in study.glob("*.png"):
        os.truncate(path, path.stat().st_size // 2)


def _delete(study: Path) -> None:
    shutil.rmtree(study)


def _rename(study: Path) -> None:
    study.rename(study.with_name(f"{study.name}-renamed"))


def _add(study: Path) -> None:
    draw(study / "late.png", 998)


def _change_class(study: Path) -> None:
    new = study.name.replace("positive", "x").replace("negative", "positive").replace("x", "negative")
    study.rename(study.with_name(new))


_CHANGES: dict[str, Callable[[Path], None]] = {
    "files changed": _change,
    "files truncated": _truncate,
    "folders deleted": _delete,
    "folders renamed": _rename,
    "files added": _add,
    "class folders renamed": _change_class,
}


def sources_change(root: Path, short: bool) -> Iterator[Finding]:
    """Half of the studies change between being found and being read."""
    for number, (what, change) in enumerate(_CHANGES.items()):
        if short and change is not _truncate:
            continue
        place = Place(root / str(number))
        run = place.start("build", environment={"FXRAY_TEST_SLOW": "study:0.05"})
        assert run.wait_until(lambda place=place: bool(finished(place.out)))
        for study in range(0, 24, 2):
            change(place.study_folder(study))
        ended = run.wait()
        assert ended.code == 0, ended.errors
        seen = sorted({reject["message"] for reject in rows(place.out / "rejects.csv")})
        place.finish("build", expected=place.fresh("build"))
        yield Finding(
            f"`build`: {what} in mid-run", 1, f"exit code 0; rejects.csv: {'; '.join(seen) or 'nothing'}"
        )


def archive_gone(root: Path, short: bool) -> Iterator[Finding]:
    """The whole archive is gone in mid-run, as a network drive goes, and is there again for the next run."""
    for phase, slow in {"looking into files": "index:0.05", "studies": "study:0.1"}.items():
        for job in ("build", "preprocess"):
            if (job == "preprocess" or short) and phase != "studies":
                continue
            place = Place(root / f"{job} {phase}")
            place.undisturbed(job)
            source = place.ingested if job == "preprocess" else place.archive
            run = place.start(
                job, environment={"FXRAY_TEST_SLOW": slow, "XDG_CACHE_HOME": str(place.root / "other")}
            )
            reached = "*/*/metadata.csv" if phase == "studies" else ".fxray/settings.json"
            assert run.wait_until(lambda out=place.out, reached=reached: any(out.glob(reached)))
            away = source.rename(place.root / "away")
            ended = run.wait()
            away.rename(source)
            assert ended.code == 1, f"exit code {ended.code}: {ended.errors}"
            assert str(source.resolve()) in ended.last_words, ended.errors
            place.finish(job)
            words = place.plain(ended.last_words)
            yield Finding(f"`{job}`: the whole source gone during {phase}", 1, f"exit code 1; {words}")


def away_for_a_moment(root: Path, short: bool) -> Iterator[Finding]:
    """Some files cannot be read for a moment and are there, unchanged, for the next run."""
    for job in ("build",) if short else ("build", "preprocess"):
        place = Place(root / job)
        place.undisturbed(job)
        run = place.start(job, environment={"FXRAY_TEST_SLOW": "study:0.1"})
        assert run.wait_until(lambda place=place: bool(finished(place.out)))
        source = place.ingested if job == "preprocess" else place.archive
        away = place.root / "away"
        away.mkdir()
        moved = [path for path in sorted(source.rglob("*.png")) if path.name < "c"][::2]
        for number, path in enumerate(moved):
            path.rename(away / str(number))
        ended = run.wait()
        for number, path in enumerate(moved):
            (away / str(number)).rename(path)
        assert ended.code == 0, ended.errors
        seen = sorted({reject["message"] for reject in rows(place.out / "rejects.csv")})
        place.finish(job, expected=place.undisturbed(job))
        what = f"`{job}`: files away for a moment"
        yield Finding(what, 1, f"exit code 0; rejects.csv: {'; '.join(seen) or 'nothing'}")


def unreadable(root: Path, short: bool) -> Iterator[Finding]:
    """Files and folders that the user may not read, and may read at the next run."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root reads everything, and setpriv is not there to give that up")
    before = _WITHOUT_PRIVILEGE if os.geteuid() == 0 else ()
    place = Place(root, studies=6, images=1)
    place.undisturbed("build")
    for what, target in (("a file", place.study_folder(1) / "0.png"), ("a folder", place.study_folder(2))):
        mode = target.stat().st_mode
        target.chmod(0)
        ended = place.start("build", before=before).wait()
        assert ended.code == 0, ended.errors
        seen = sorted({reject["message"] for reject in rows(place.out / "rejects.csv")})
        assert seen, "a file that cannot be read disappeared without a word"
        target.chmod(mode)
        place.finish("build")
        yield Finding(f"`build`: {what} may not be read", 1, f"exit code 0; rejects.csv: {'; '.join(seen)}")
    assert place.run("build").code == 0
    target.chmod(0)
    ended = place.start("build", before=before).wait()
    target.chmod(mode)
    # Its study is finished and seems gone: it is not removed.
    assert ended.code == 1, ended.errors
    assert tree(place.out) == place.undisturbed("build")
    what, words = "a folder with a finished study may not be read", place.plain(ended.last_words)
    place.finish("build")
    yield Finding(f"`build`: {what}", 1, f"exit code 1; {words}")
    mode = place.archive.stat().st_mode
    place.archive.chmod(0)
    ended = place.start("build", before=before).wait()
    place.archive.chmod(mode)
    assert ended.code in (1, 2), f"exit code {ended.code}: {ended.errors}"
    words = " ".join(re.sub("[╭╮╰╯│─]", " ", place.plain(ended.errors)).split())
    yield Finding("`build`: the archive may not be read", 1, f"exit code {ended.code}; {words}")
    if place.out.exists():
        place.finish("build")
    assert tree(place.archive)
