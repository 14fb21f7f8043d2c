"""What the pages name is there: links lead somewhere, and modules and what is said to be in them exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def _anchors(page: Path) -> set[str]:
    """Return what headings are linked to by, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in _LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            place = page.parent / target if target else page
            assert place.exists(), target
            assert not anchor or anchor in _anchors(place), f"{target}#{anchor}"


def test_what_the_page_for_developers_names_is_there() -> None:
    text = (ROOT / "docs" / "developing.md").read_text(encoding="utf-8")
    for path in re.findall(r"`([\w./]+\.py)`", text):
        assert (ROOT / path).exists() or list(ROOT.glob(f"fxcore/**/{path}")), path
    code = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("fx*/**/*.py"))
    for name in re.findall(r"`(?:\w+\.)?(_?[A-Za-z]\w+)` (?:and `\w+` )?in `", text):
        assert re.search(rf"^ *(def|class) {name}\b|^{name}\b.*=", code, re.MULTILINE), name
