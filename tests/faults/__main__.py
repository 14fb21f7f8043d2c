"""``python -m tests.faults``: break runs in every way there is, and print what came of it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import pytest

from tests.faults import SCENARIOS
from tests.faults.scenario import NOTHING, Finding

_COLUMNS = ("fault", "tried", "lost", "what the user saw")


def main() -> int:
    """Run the scenarios asked for; return 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="few tries of each: about a minute")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="one scenario (repeatable)")
    parser.add_argument("--markdown", type=Path, help="page whose table is refreshed")
    options = parser.parse_args()
    every: list[Finding] = []
    skipped: list[str] = []
    for name in options.only or SCENARIOS:
        findings: list[Finding] = []
        since = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fxray-faults-") as folder:
            try:
                for finding in SCENARIOS[name](Path(folder), options.short):
                    findings.append(finding)
                    print(_row(finding), flush=True)
                    if options.markdown:
                        _write(options.markdown, name, findings, time.monotonic() - since)
            except pytest.skip.Exception as reason:
                skipped.append(f"{name}: {reason}")
                print(f"skipped: {skipped[-1]}", flush=True)
            except AssertionError as error:
                findings.append(Finding(name, 1, "", f"DEFECT: {error or _place(error)}"))
                print(_row(findings[-1]), flush=True)
        every.extend(findings)
        if options.markdown and findings:
            _write(options.markdown, name, findings, time.monotonic() - since)
        print(f"  ({name}: {time.monotonic() - since:.0f} s)", file=sys.stderr, flush=True)
    defects = sum(finding.lost != NOTHING for finding in every)
    print(f"{sum(f.tried for f in every)} faults, {defects} defects, {len(skipped)} scenarios skipped")
    return 1 if defects else 0


def _place(error: BaseException) -> str:
    """Name the check that failed, where it has no words of its own."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}: {last.line}"


def _row(finding: Finding) -> str:
    cells = (finding.fault, str(finding.tried), finding.lost, finding.seen)
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in cells) + " |"


def _write(page: Path, name: str, findings: list[Finding], seconds: float) -> None:
    """Put the table of one scenario into its section of the page, or a new one at its end."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    what = (SCENARIOS[name].__doc__ or "").strip()
    tried = sum(finding.tried for finding in findings)
    lines = [
        f"### {name.replace('-', ' ').capitalize()}",
        "",
        what,
        "",
        "| " + " | ".join(_COLUMNS) + " |",
        "|---|---:|---|---|",
        *map(_row, findings),
        "",
        f"{tried} tried in {seconds:.0f} seconds on {os.cpu_count()} cores.",
    ]
    text = page.read_text(encoding="utf-8")
    head, found, rest = text.partition(begin)
    tail = rest.partition(end)[2] if found else "\n"
    head = head if found else head.rstrip("\n") + "\n\n"
    page.write_text("\n".join([head + begin, "", *lines, "", end]) + tail, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
