"""What the jobs say of arguments that cannot be, where a program calls them and not the command line."""

from __future__ import annotations

from functools import partial

import pytest

from fxcore.build import build
from fxcore.contact_sheet import contact_sheet
from fxcore.errors import ParameterError, UsageError
from fxcore.executor import Executor
from fxcore.ingest import ingest
from fxcore.label_histogram import label_histogram
from fxcore.phantom import synthesise
from fxcore.preprocess import preprocess
from tests.test_program_images import draw
from tests.train.data import make


@pytest.fixture
def archive(tmp_path):
    draw(tmp_path / "archive" / "1.png")
    return tmp_path / "archive"


@pytest.mark.parametrize("workers", [-1, 1.5, "2", None])
def test_a_number_of_workers_that_cannot_be_is_refused_before_anything_is_made(archive, tmp_path, workers):
    out, key = tmp_path / "out", tmp_path / "key"
    for job in (
        partial(build, archive, out, key_file=key, index_file=tmp_path / "index"),
        partial(label_histogram, archive, index_file=tmp_path / "index"),
        partial(preprocess, make(tmp_path / "dataset", studies=2), out),
        Executor,
    ):
        with pytest.raises(ParameterError, match=f"workers must be .*, not {workers!r}"):
            job(workers=workers)
    assert not out.exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"settings": {"ingest": {}}}, r"settings must be .*\.Settings, not .*read_toml"),
        ({"shard": "1/2"}, r"shard must be .*\.Shard, not '1/2'; Shard\.from_text"),
    ],
)
def test_settings_and_shards_are_not_taken_as_text_or_tables(archive, tmp_path, wrong, said):
    with pytest.raises(ParameterError, match=said):
        ingest(archive, tmp_path / "out", **wrong)
    with pytest.raises(ParameterError, match=said):
        preprocess(make(tmp_path / "dataset", studies=2), tmp_path / "out", **wrong)


def test_a_path_may_be_a_text(archive, tmp_path):
    (tmp_path / "labels.csv").write_text("file,fracture\n1.png,yes\n")
    files = {"labels": "labels.csv", "key_file": "key", "index_file": "index"}
    given = {name: str(tmp_path / file) for name, file in files.items()}
    before, after = str(tmp_path / "before"), str(tmp_path / "after")
    assert ingest(str(archive), before, **given).content["counts"]["radiographs"]["broken"] == 1
    preprocess(before, after)
    contact_sheet(before, after, str(tmp_path / "sheet.png"))


@pytest.mark.parametrize(
    ("job", "wrong"),
    [
        (partial(synthesise, seed=1, scale=0.1), {"studies": 1.5}),
        (partial(synthesise, studies=1, seed=1, scale=0.1), {"one_view": "half"}),
        (partial(contact_sheet, "before", "after"), {"count": 0}),
    ],
)
def test_a_number_that_cannot_be_is_refused(tmp_path, job, wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(ParameterError, match=f"{name} must be .*, not {value!r}"):
        job(tmp_path / "out", **wrong)


def test_an_index_of_a_data_set_is_refused(tmp_path):
    with pytest.raises(UsageError, match="--index is about a raw archive"):
        label_histogram(make(tmp_path / "dataset", studies=2), index_file=tmp_path / "index")
