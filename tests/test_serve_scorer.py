"""Scoring of single files from Python."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

from fxcore.errors import ParameterError, UsageError
from fxserve import Scorer
from fxserve.score import score
from tests.serve_models import mean_model, settings_for
from tests.test_program_images import draw
from tests.train.data import make


def test_a_link_that_is_named_is_followed(tmp_path):
    scorer = Scorer(settings_for(mean_model(tmp_path / "m.onnx"), run_steps=False), device="cpu")
    draw(tmp_path / "elsewhere" / "1.png")
    links = {name: tmp_path / name for name in ("link", "dangling", "loop")}
    for name, target in {"link": "elsewhere/1.png", "dangling": "nowhere", "loop": "loop"}.items():
        links[name].symlink_to(tmp_path / target)
    found, dangling, loop = scorer.score(links.values())
    (of_file,) = scorer.score(tmp_path / "elsewhere" / "1.png")
    assert found.path == str(links["link"])
    assert (found.probability, found.rejected) == (of_file.probability, "")
    assert scorer.probability(links["link"]) == of_file.probability
    assert dangling.rejected == "unreadable: the file cannot be read (No such file or directory)"
    assert loop.rejected == "unreadable: the file cannot be read (Too many levels of symbolic links)"


def test_a_name_that_no_file_has_costs_itself(tmp_path):
    scorer = Scorer(settings_for(mean_model(tmp_path / "m.onnx")), device="cpu")
    (found,) = scorer.score("one\0two.png")
    assert found.rejected == "unreadable: the file cannot be read (embedded null byte)"


@pytest.mark.parametrize("threads", [0, -1, 100_000, 1.5])
def test_a_number_of_threads_that_cannot_be_is_refused(tmp_path, threads):
    with pytest.raises(ParameterError, match=rf"threads must be .*, not {threads}"):
        Scorer(settings_for(mean_model(tmp_path / "m.onnx")), threads=threads)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", -1),
        ("workers", 1.5),
        ("batch", 2.5),
        ("batch", -1),
        ("threshold", "0.5"),
        ("device", None),
    ],
)
def test_an_argument_that_cannot_be_is_refused(tmp_path, name, value):
    model = settings_for(mean_model(tmp_path / "m.onnx"))
    draw(tmp_path / "archive" / "1.png")
    with pytest.raises(ParameterError, match=rf"{name} (must be|is) .*, not {value!r}"):
        score(model, tmp_path / "archive", tmp_path / "out", **{name: value})


@pytest.mark.parametrize("option", ["key_file", "index_file", "as_is"])
def test_an_argument_about_another_kind_of_source_is_wrong_usage(tmp_path, option):
    model, source = settings_for(mean_model(tmp_path / "m.onnx")), tmp_path / "source"
    if option == "as_is":
        draw(source / "1.png")
    else:
        make(source, studies=2)
    with pytest.raises(UsageError, match=f"--{option[:3].replace('_', '-')}.* is a .*leave"):
        score(model, source, tmp_path / "out", device="cpu", **{option: tmp_path / "file"})
    assert not (tmp_path / "out").exists()
