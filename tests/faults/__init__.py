"""Runs of the whole program that are broken on purpose: killed, starved, misled, interrupted.

``python -m tests.faults`` breaks them in every way named here, checks that nothing is lost, and
prints what was tried and what the user saw. ``tests/test_program_faults.py`` runs a short form.
"""

from __future__ import annotations

from tests.faults.clock import clock_jumps, times_of_files
from tests.faults.disk import full_disk, full_disk_elsewhere, locked_in_mid_run, output_removed, read_only
from tests.faults.kills import group_killed, killed_at_each_step, parent_killed, worker_killed
from tests.faults.locks import started_together, two_at_once
from tests.faults.scenario import Scenario
from tests.faults.signals import interrupted, interrupted_in_native_code, interrupted_twice
from tests.faults.sources import archive_gone, away_for_a_moment, sources_change, unreadable
from tests.faults.workers import broken_worker

SCENARIOS: dict[str, Scenario] = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (
        group_killed,
        parent_killed,
        killed_at_each_step,
        worker_killed,
        broken_worker,
        interrupted,
        interrupted_in_native_code,
        interrupted_twice,
        two_at_once,
        started_together,
        clock_jumps,
        times_of_files,
        full_disk,
        full_disk_elsewhere,
        read_only,
        locked_in_mid_run,
        output_removed,
        sources_change,
        archive_gone,
        away_for_a_moment,
        unreadable,
    )
}
