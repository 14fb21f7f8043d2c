"""How many worker processes are started where not all cores of the machine may be used."""

from __future__ import annotations

import os

import pytest

from fxcore import cores


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Return how a machine of 64 cores is made one with these control groups, and files under their root."""

    def make(text: str, files: dict[str, str]) -> None:
        (tmp_path / "cgroup").write_text(text)
        for name, content in files.items():
            place = tmp_path / "root" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content)
        monkeypatch.setattr(cores, "_GROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(cores, "_MOUNTED", tmp_path / "root")
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)

    return make


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
        ("0::/a.slice/b.service\n", {"a.slice/cpu.max": "300000 100000\n"}, 3),
        ("0::/../../seen/from/elsewhere\n", {"cpu.max": "300000 100000\n"}, 3),
        (
            "5:cpu,cpuacct:/job\n",
            {"cpu/job/cpu.cfs_quota_us": "-1", "cpu/job/cpu.cfs_period_us": "100000"},
            64,
        ),
        ("5:cpu,cpuacct:/job\n", {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ("5:cpu:/\n", {"cpu/cpu.cfs_quota_us": "400000"}, 64),
        ("0::/\n", {"cpu.max": "damaged"}, 64),
        ("", {}, 64),
    ],
)
def test_there_are_no_more_workers_than_a_control_group_gives_cores(groups, text, files, expected):
    groups(text, files)
    assert cores.default_workers() == expected


def test_where_nothing_is_said_of_groups_it_is_the_affinity(tmp_path, monkeypatch):
    monkeypatch.setattr(cores, "_GROUPS", tmp_path / "none")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert cores.default_workers() == 1
