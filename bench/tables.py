"""Results as text: the same cells for the terminal and for the Markdown page."""

from __future__ import annotations

import os
from pathlib import Path

from bench.results import Findings, Result, Table
from fxcore.errors import FxrayError

COLUMNS = ("what", "held against", "ours", "theirs", "ratio", "× floor", "peak memory", "mark", "remark")
MARK_COLUMNS = ("what", "held against", "input", "ratio", "mark", "met", "remark")

EXPLANATION = (
    "Ratio: their time over ours, taken in each of the interleaved rounds; median, quartiles in brackets. "
    "Above 1, fxray is faster. × floor: our time over that of moving the bytes which must be moved, at the "
    "bandwidth of a copy measured in the same rounds. Peak memory: ours and theirs, inputs not counted."
)


def cells(result: Result) -> tuple[str, ...]:
    """Return a result as the cells of `COLUMNS`."""
    memory = ""
    if result.ours_peak_bytes is not None and result.peer_peak_bytes is not None:
        memory = f"{_megabytes(result.ours_peak_bytes)}, {_megabytes(result.peer_peak_bytes)} MB"
    return (
        named(result.name, result.threads, result.input),
        named(result.peer, result.peer_threads, result.input),
        _quantity(result.ours_s, result.unit),
        _quantity(result.peer_s, result.unit),
        ratio_text(result),
        "" if result.times_floor is None else _number(result.times_floor),
        memory,
        "" if result.met is None else f"{_mark(result)}: {met_text(result)}",
        # What goes with a mark is said where the marks are listed.
        result.note if result.met is None else "",
    )


def mark_cells(result: Result) -> tuple[str, ...]:
    """Return a result that has a mark as the cells of `MARK_COLUMNS`."""
    return (
        named(result.name, result.threads, result.input),
        named(result.peer, result.peer_threads, result.input),
        result.input,
        ratio_text(result),
        _mark(result),
        met_text(result),
        result.note,
    )


def _mark(result: Result) -> str:
    return "works" if result.mark is None else f"≥ {result.mark:g}"


def met_text(result: Result) -> str:
    return "met" if result.met else "not met"


def ratio_text(result: Result) -> str:
    low, high = result.ratio_quartiles
    return f"{_number(result.ratio)} ({_number(low)}–{_number(high)})"


def inputs(findings: Findings) -> list[str]:
    """Return the names of the inputs in the order in which they were measured first."""
    return list(dict.fromkeys(result.input for result in findings.results))


def machine_text(findings: Findings) -> str:
    """Name the machine in one line."""
    facts = dict(findings.machine)
    head = f"{facts.pop('processor')}, {facts.pop('cores')}, {facts.pop('memory')}, "
    head += f"{facts.pop('system')}"
    return f"{head}; {', '.join(f'{name} {version}' for name, version in facts.items())}"


def without_empty_columns(
    columns: tuple[str, ...], rows: list[tuple[str, ...]]
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Leave out the columns in which no row has anything."""
    kept = [k for k in range(len(columns)) if any(row[k] for row in rows)]
    return tuple(columns[k] for k in kept), [tuple(row[k] for k in kept) for row in rows]


def named(name: str, threads: int, input_name: str) -> str:
    """Say on how many threads, or worker processes, where it is more than one."""
    unit = "workers" if input_name.startswith("archive") else "threads"
    return f"{name}, {threads} {unit}" if threads > 1 else name


def _quantity(value: float, unit: str) -> str:
    if unit == "B":
        return f"{_megabytes(int(value))} MB"
    return _time(value) if unit == "s" else f"{_number(value)} {unit}"


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{_number(seconds)} s"
    return f"{_number(seconds * 1e3)} ms" if seconds >= 1e-3 else f"{_number(seconds * 1e6)} µs"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"


# --- Markdown ---


def markdown(findings: Findings, plot: str = "") -> str:
    """Return the block of one family: marks, a table for each input, what follows, the machine.

    Parameters
    ----------
    plot : str
        Path of the plot as the page should name it; empty for none.
    """
    parts = []
    if findings.marks:
        parts.append(_table(MARK_COLUMNS, [mark_cells(result) for result in findings.marks]))
    parts += [" ".join(findings.said)] if findings.said else []
    parts += [f"![Ratio of each peer's time to that of fxray]({plot})"] if plot else []
    for name in inputs(findings):
        rows = [cells(result) for result in findings.results if result.input == name]
        table = _table(*without_empty_columns(COLUMNS, rows))
        parts.append(
            f"<details><summary>{name}: {len(rows)} rows</summary>\n\n{table}\n\n</details>"
            if len(rows) > 12
            else f"**{name}**\n\n{table}"
        )
    parts += [_titled(table) for table in findings.all_tables]
    return "\n\n".join([*parts, *_end(findings)])


def short_markdown(findings: Findings) -> str:
    """Return what a page has room for that leads to the other: marks, or what the tables come down to."""
    parts = []
    if findings.marks:
        parts.append(_table(*without_empty_columns(MARK_COLUMNS, [mark_cells(r) for r in findings.marks])))
    if findings.summary:
        parts.append(_titled(findings.summary))
    parts += [" ".join(findings.said)] if findings.said else []
    return "\n\n".join([*parts, *_end(findings)])


def _end(findings: Findings) -> list[str]:
    skipped = "\n".join(f"- {text}" for text in findings.skipped)
    machine = f"Measured on: {machine_text(findings)}. It took {findings.seconds:.0f} seconds."
    return [*([f"Not measured:\n\n{skipped}"] if skipped else []), machine]


def _titled(table: Table) -> str:
    return f"**{table.title}**\n\n{_table(table.columns, list(table.rows))}"


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def replace_block(page: str, name: str, block: str) -> str:
    """Return the page with the block of that name replaced, or added at the end where there is none.

    Raises
    ------
    FxrayError
        If its markers are not one pair.
    """
    begin, end = _markers(name)
    marked = f"{begin}\n\n{block.strip()}\n\n{end}"
    if place := _place(page, name):
        before, after = page[: place.start], page[place.stop :]
    else:
        before, after = page.rstrip(), ""
        marked = f"{'' if before else '# Benchmarks'}\n\n## {name}\n\n{marked}\n"
    # A page keeps its line endings; where it has both, they stay where they are.
    windows = 2 * page.count("\r\n") > page.count("\n")
    return before + (marked.replace("\n", "\r\n") if windows else marked) + after


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"


def _place(page: str, name: str) -> slice | None:
    """Return where the block of that name is in the page, with its markers.

    What stands between markers is ours to replace, so there must be no doubt which two belong together.
    """
    begin, end = _markers(name)
    if begin not in page and end not in page:
        return None
    if page.count(begin) != 1 or page.count(end) != 1:
        raise FxrayError(
            f"the block {name} begins {page.count(begin)} times and ends {page.count(end)} times; leave "
            f"one {begin} and, after what is to be replaced, one {end}"
        )
    if page.index(begin) > page.index(end):
        raise FxrayError(f"the block {name} ends before it begins; put {end} after {begin}")
    return slice(page.index(begin), page.index(end) + len(end))


def check_page(path: Path, family: str) -> None:
    """See that the family's block in the page at `path` can be refreshed.

    Raises
    ------
    FxrayError
        If the page cannot be read, or markers of the block stand alone.
    """
    _block(_read(path), path, family)


def write_markdown(findings: Findings, path: Path, plot: Path | None = None) -> None:
    """Refresh the family's block in the page at `path`, and nothing else of it.

    A page with the block ``FAMILY, in short`` gets `short_markdown` there.

    Raises
    ------
    FxrayError
        If the page cannot be read or written, or markers of the block stand alone.
    """
    page = _read(path)
    name = _block(page, path, findings.family)
    link = Path(os.path.relpath(plot, path.parent)).as_posix() if plot else ""
    block = markdown(findings, link) if name == findings.family else short_markdown(findings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(replace_block(page, name, block), encoding="utf-8", newline="")
    except OSError as error:
        raise FxrayError(f"cannot refresh {path}: {error}") from error


def _block(page: str, path: Path, family: str) -> str:
    """Return the name of the block that is the family's in this page."""
    names = (f"{family}, in short", family)
    try:
        return next((name for name in names if _place(page, name)), family)
    except FxrayError as error:
        raise FxrayError(f"cannot refresh {path}: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode() if path.exists() else ""
    except (OSError, UnicodeError) as error:
        raise FxrayError(f"cannot refresh {path}: {error}") from error
