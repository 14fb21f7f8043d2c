"""Files that break the worker that reads them: each costs itself, with the cause named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.faults.scenario import Finding, Place, draw
from tests.program import rows

# File name of the fault (see the hook), what it is, and what the message in rejects.csv must name.
_FAULTS = {
    "raise.png": ("meets an exception that nobody thought of", "a fault of fxray (ZeroDivisionError)"),
    "eat.png": ("asks for memory without end", "more memory than a worker may take"),
    "kill.png": ("is killed (SIGKILL)", "SIGKILL"),
    "abort.png": ("aborts", "SIGABRT"),
    "segfault.png": ("reads invalid memory", "SIGSEGV"),
    "exit.png": ("ends the process", "exit code 7"),
    "hang.png": ("hangs asleep", "2 seconds"),
    "spin.png": ("hangs in a native loop that holds the interpreter's lock", "2 seconds"),
}


def broken_worker(root: Path, short: bool) -> Iterator[Finding]:
    """Each of the faults, one in a study with good files; all in one archive at once."""
    place = Place(root, studies=len(_FAULTS) + 2, images=2)
    undisturbed = place.undisturbed("ingest")
    for number, name in enumerate(_FAULTS):
        draw(place.study_folder(number) / name, 1000 + number)
    config = root / "quick.toml"
    config.write_text("[ingest]\nseconds_per_file = 2\nmemory_per_worker = 0.5\n")
    run = place.start("ingest", "--config", config, environment={"FXRAY_TEST_SLOW": "study:0.01"})
    ended = run.wait(90)
    assert ended.code == 3, f"exit code {ended.code} instead of 3: {ended.errors}"
    run.assert_gone()
    rejects = rows(place.out / "rejects.csv")
    assert len(rejects) == len(_FAULTS), [reject["message"] for reject in rejects]
    pictures = {name for name in undisturbed if name.endswith(".png")}
    written = {str(path.relative_to(place.out)) for path in place.out.rglob("*.png")}
    assert written == pictures, "a good file was lost, or a bad one was not given up"
    for what, cause in _FAULTS.values():
        seen = [reject["message"] for reject in rejects if cause in reject["message"]]
        assert len(seen) == (2 if "seconds" in cause else 1), (what, seen)
        yield Finding(
            f"`ingest`: a file at which the worker {what}", 1, f"exit code 3; rejects.csv: {seen[0]}"
        )
    place.assert_no_temporaries()
    shutil.rmtree(place.out)
