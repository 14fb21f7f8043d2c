"""Where benchmarks write to: looked at before anything is measured; of a page, the block and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import bench.run
from bench import tables
from bench.inputs import SIZES, STANDARD
from bench.outputs import check_outputs
from bench.results import Findings, compare
from fxcore.cli.app import app
from fxcore.errors import FxrayError, ParameterError

FINDINGS = Findings(
    "png",
    dict.fromkeys(("processor", "cores", "memory", "system", "python"), "some"),
    [compare("kernel", "OpenCV", STANDARD, {"ours": [1.0], "peer": [2.0]}, mark=3.0, note="a | b")],
    said=["So it is."],
    seconds=1.0,
)
BEGIN, END = "<!-- bench:png -->", "<!-- /bench:png -->"


def test_a_block_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "page.md"
    tables.write_markdown(FINDINGS, page)
    first = page.read_text(encoding="utf-8")
    assert "| ≥ 3 | not met | a \\| b |" in first
    tables.write_markdown(FINDINGS, page)
    assert page.read_text(encoding="utf-8") == first

    framed = "# Mine\n\nbefore \\1\n" + first.replace("# Benchmarks", "") + "after\n"
    page.write_text(framed, encoding="utf-8")
    tables.write_markdown(replace(FINDINGS, family="kernels"), page)
    tables.write_markdown(replace(FINDINGS, said=["Other."]), page)
    refreshed = page.read_text(encoding="utf-8")
    assert refreshed.startswith("# Mine\n\nbefore \\1\n")
    assert "after\n" in refreshed
    assert refreshed.count("So it is.") == 1
    assert refreshed.count("Other.") == 1
    assert refreshed.index("Other.") < refreshed.index("after") < refreshed.index("So it is.")


@pytest.mark.parametrize(
    "markers", [(BEGIN,), (END,), (END, BEGIN), (BEGIN, BEGIN, END), (BEGIN, END, END), (BEGIN, END) * 2]
)
def test_markers_that_do_not_pair_are_named_and_no_text_is_lost(
    tmp_path: Path, markers: tuple[str, ...]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Ours\n\n" + "".join(f"{marker}\n\n## My notes\n\n" for marker in markers))
    before = page.read_bytes()
    for refresh in (
        lambda: tables.write_markdown(FINDINGS, page),
        lambda: check_outputs("png", None, [page], None),
    ):
        with pytest.raises(FxrayError, match=rf"page\.md: the block png .* {END}"):
            refresh()
    assert page.read_bytes() == before


@pytest.mark.parametrize("text", [f"a\r\n\r\n{BEGIN}\r\nold\r\n{END}\r\nb\r\n", "a\r\n\r\nb\r\n"])
def test_a_page_keeps_its_line_endings(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_bytes(text.encode())
    tables.write_markdown(FINDINGS, page)
    refreshed = page.read_bytes().decode()
    assert "So it is." in refreshed
    assert "old" not in refreshed
    assert "\n" not in refreshed.replace("\r\n", "")
    page.write_bytes(text.replace("\r\n", "\n").encode())
    tables.write_markdown(FINDINGS, page)
    assert page.read_bytes().decode() == refreshed.replace("\r\n", "\n")


def test_png_family_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, STANDARD, (120, 150))
    outputs = [str(tmp_path / name) for name in ("new/f.json", "docs/page.md", "docs/plot.svg")]
    options = [*("--json", outputs[0]), *("--markdown", outputs[1]), *("--plot", outputs[2])]
    result = CliRunner().invoke(app, ["bench", "png", "--quick", *options])
    assert result.exit_code == 0, result.output
    assert "Marks" in result.stdout
    rows = json.loads(Path(outputs[0]).read_text(encoding="utf-8"))["rows"]
    assert {row["name"] for row in rows} == {"PNG encode", "PNG decode"}
    assert "](plot.svg)" in Path(outputs[1]).read_text(encoding="utf-8")
    assert Path(outputs[2]).read_text(encoding="utf-8").lstrip().startswith("<?xml")


def _measured(*_: object, **__: object) -> Findings:
    pytest.fail("it began to measure")


@pytest.mark.parametrize(
    ("family", "options", "said"),
    [
        ("accuracy", ["--plot", "plot.svg"], "accuracy has nothing to draw"),
        ("learning", ["--plot", "plot.svg"], "learning has nothing to draw"),
        ("png", ["--plot", "plot.xyz"], "plot.xyz has an ending that names no way to draw it; use one of"),
        ("png", ["--plot", "plot"], "plot has an ending that names no way to draw it; use one of"),
        ("png", ["--json", "folder"], "folder is a folder; name a file"),
        ("png", ["--markdown", "folder"], "folder is a folder; name a file"),
        ("png", ["--json", "file/x.json"], "file"),
        ("png", ["--markdown", "page.md"], "page.md: the block png begins 1 times and ends 0 times"),
        ("png", ["--markdown", "latin.md"], "latin.md"),
    ],
)
def test_a_bad_destination_is_found_before_anything_is_measured(
    family: str, options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench.run, "run", _measured)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "page.md").write_text(BEGIN)
    (tmp_path / "latin.md").write_bytes(b"\xe9")
    result = CliRunner().invoke(app, ["bench", family, *options])
    assert result.exit_code == 1, result.output
    assert said in result.stderr


def test_figures_are_shown_before_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "new"

    def run(*_: object, **__: object) -> Findings:
        folder.rmdir()
        return FINDINGS

    monkeypatch.setattr(bench.run, "run", run)
    result = CliRunner().invoke(app, ["bench", "png", "--json", str(folder / "figures.json")])
    assert result.exit_code == 1
    assert "So it is." in result.stdout


def test_a_destination_that_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ParameterError, match=r"f\.json may not be written"):
        check_outputs("png", tmp_path / "f.json", [], None)


def test_sheets_need_a_folder_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError):
        bench.run.run("accuracy", sheet=tmp_path / "file")
