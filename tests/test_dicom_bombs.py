"""Files that would take all memory or all time are refused with a reason, or read as if they did not try."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.hostile.bombs import BOMBS

_MOST_MIB = 500
# Seconds differ between machines; the unguarded reading of most takes minutes.
_MOST_SECONDS = 30


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("bombs")
    for name, (build, _) in BOMBS.items():
        (folder / name).write_bytes(build())
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.measure", *(str(folder / name) for name in BOMBS)],
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )
    assert done.stderr == ""
    results = {result["name"]: result for result in map(json.loads, done.stdout.splitlines())}
    for name in BOMBS:
        (folder / name).unlink()
    return results


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_little_memory(name: str, measured: dict[str, dict[str, Any]]) -> None:
    result = measured[name]
    assert result["reason"] in BOMBS[name][1], result
    assert result["mib"] < _MOST_MIB, result
    assert result["seconds"] < _MOST_SECONDS, result
