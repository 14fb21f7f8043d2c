"""Runs that are broken on purpose, in short: see ``python -m tests.faults`` for all of them, many times."""

from __future__ import annotations

import pytest

from tests.faults import SCENARIOS
from tests.faults.scenario import NOTHING
from tests.program import fxray
from tests.test_program_images import draw

# The others are marked as slow; CI runs them too.
QUICK = (
    "group-killed",
    "parent-killed",
    "interrupted",
    "interrupted-in-native-code",
    "full-disk",
    "sources-change",
    "archive-gone",
)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SCENARIOS]
)
def test_nothing_is_lost(tmp_path, name):
    findings = list(SCENARIOS[name](tmp_path, True))
    assert findings
    assert all(finding.lost == NOTHING for finding in findings)


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    draw(tmp_path / "archive" / "0.png")
    refused = fxray("ingest", tmp_path / "archive", "/proc/fxray", "--key", tmp_path / "key", code=1)
    assert "cannot write to /proc/fxray" in refused.stderr


def test_a_temporary_folder_with_too_long_a_path_is_named(tmp_path):
    draw(tmp_path / "archive" / "0.png")
    folder = tmp_path / ("t" * 100)
    folder.mkdir()
    job = ["ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key"]
    refused = fxray(*job, code=1, environment={"TMPDIR": str(folder)})
    assert f"{folder}: The path of the temporary folder is too long" in refused.stderr
    assert "name a shorter one by TMPDIR" in refused.stderr
    assert not (tmp_path / "out").exists()
