"""The page of reasons has each reason that a file, study or radiograph can be left out for, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from fxcore.attempt import QUARANTINE_REASONS

ROOT = Path(__file__).parent.parent
# Where a call has its reason, when it does not name it.
_PLACES = {"UnreadableFileError": 0, "LabelProblem": 1, "_rejected": 2, "Reject": 4}
# Of the `Scorer` alone, which writes no table.
_WITHOUT_A_TABLE = {"not_an_image"}


def _given(call: ast.Call) -> Iterator[str]:
    """Yield the reason that a call is given, where it stands there as it is."""
    arguments = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
    place = _PLACES.get(getattr(call.func, "id", "") or getattr(call.func, "attr", ""))
    if place is not None:
        arguments += call.args[place:][:1]
    yield from (node.value for node in arguments if isinstance(node, ast.Constant) and node.value)


def test_the_page_has_every_reason() -> None:
    page = (ROOT / "docs" / "rejects.md").read_text(encoding="utf-8")
    # The first table is of stages.
    listed = re.findall(r"^\| `(\w+)` \|", page.partition("## ")[2], re.MULTILINE)
    assert len(listed) == len(set(listed))
    files = chain(*((ROOT / room).rglob("*.py") for room in ("fxcore", "fxserve")))
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    given = set(chain.from_iterable(_given(node) for node in nodes if isinstance(node, ast.Call)))
    assert len(given) > 20
    assert given | {*QUARANTINE_REASONS} <= {*listed} | _WITHOUT_A_TABLE
    assert {*listed} <= {node.value for node in nodes if isinstance(node, ast.Constant)}
