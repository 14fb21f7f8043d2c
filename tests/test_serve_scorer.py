"""Scoring of single files from Python."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

from fxcore.errors import ParameterError
from fxserve import Scorer
from fxserve.score import score
from tests.serve_models import mean_model, settings_for
from tests.test_program_images import draw


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


@pytest.mark.parametrize("threads", [0, -1, 100_000])
def test_a_number_of_threads_that_cannot_be_is_refused(tmp_path, threads):
    with pytest.raises(ParameterError, match=rf"threads must be in 1\.\.1024, not {threads}"):
        Scorer(settings_for(mean_model(tmp_path / "m.onnx")), threads=threads)


def test_a_number_of_workers_that_cannot_be_is_refused(tmp_path):
    model = settings_for(mean_model(tmp_path / "m.onnx"))
    draw(tmp_path / "archive" / "1.png")
    with pytest.raises(ParameterError, match="workers must be 0 or more, not -1"):
        score(model, tmp_path / "archive", tmp_path / "out", workers=-1)
