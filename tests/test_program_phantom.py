"""The whole program on a phantom archive: the same tree by every way, counted, private, and idempotent."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from fxcore.build import build
from fxcore.contact_sheet import contact_sheet
from fxcore.dataset.png import decode_png
from fxcore.errors import ParameterError
from tests.program import finished_studies, fxray, fxray_here, rows, summary, tree

STUDIES = 40


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("phantom")


@pytest.fixture(scope="module")
def archive(place):
    fxray(
        "synth",
        place / "archive",
        "--studies",
        STUDIES,
        "--seed",
        7,
        "--scale",
        0.12,
        "--truth",
        "--workers",
        2,
    )
    return place / "archive"


@pytest.fixture(scope="module")
def job(archive, place):
    """What ingest and build are given, apart from the output."""
    return ["--labels", archive / "labels.csv", "--key", place / "key"]


@pytest.fixture(scope="module")
def built(archive, job, place):
    figures = summary("build", archive, place / "built", *job, "--workers", 2, "--link", place / "link.csv")
    return place / "built", figures


@pytest.fixture(scope="module")
def ingested(archive, job, place):
    summary("ingest", archive, place / "ingested", *job, "--workers", 2)
    return place / "ingested"


def test_build_says_of_itself_what_it_takes():
    assert "def" in inspect.getsource(build)
    assert "archive : Path" in inspect.getdoc(build)


def test_build_is_ingest_and_preprocess_byte_for_byte(ingested, place, built):
    summary("preprocess", ingested, place / "both", "--workers", 1)
    assert tree(place / "both") == tree(built[0])


def test_the_tree_does_not_depend_on_the_number_of_workers(archive, job, place, built):
    summary("build", archive, place / "one", *job, "--workers", 1)
    assert tree(place / "one") == tree(built[0])


def test_preprocessing_its_own_output_changes_nothing(place, built):
    summary("preprocess", built[0], place / "again")
    assert tree(place / "again") == tree(built[0])


def test_a_finished_run_has_nothing_left_to_do(archive, job, built):
    before = tree(built[0])
    figures = summary("build", archive, built[0], *job)
    assert (figures["studies_done_now"], figures["radiographs_done_now"]) == (0, 0)
    assert figures["studies_done_before"] > 0
    assert tree(built[0]) == before


def test_a_contact_sheet_takes_the_place_of_none_but_a_png(ingested, built, tmp_path):
    (tmp_path / "notes.png").write_text("of the user")
    for victim, said in (
        (built[0] / "dataset.json", "ends in .png"),
        (tmp_path / "sheet.jpg", "ends in .png"),
        (tmp_path / "none" / "sheet.png", "there is no folder .*none"),
        (built[0] / "new.png", "outside"),
        (tmp_path / "notes.png", "not a PNG file"),
    ):
        with pytest.raises(ParameterError, match=said):
            contact_sheet(ingested, built[0], victim)
    for before, after, said in (
        (built[0], ingested, "was not preprocessed"),
        (ingested, ingested, "named twice"),
    ):
        with pytest.raises(ParameterError, match=said):
            contact_sheet(before, after, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()
    for _ in range(2):
        contact_sheet(ingested, built[0], tmp_path / "sheet.png", count=2)
    assert decode_png((tmp_path / "sheet.png").read_bytes()).size


def test_every_file_is_converted_or_rejected_or_passed_over_and_none_twice(archive, built, place):
    out, figures = built
    files = [path for path in archive.rglob("*") if path.is_file()]
    assert figures["found"] == len(files)
    source_of = {row["source_id"]: row["source"] for row in rows(place / "link.csv")}
    assert sorted(source_of.values()) == sorted(str(path.relative_to(archive)) for path in files)
    kept = {row["source_id"] for row in rows(out / "metadata.csv")}
    rejected = {row["source_id"]: row for row in rows(out / "rejects.csv") if row["source_id"]}
    by_steps = {source for source, row in rejected.items() if row["stage"] == "part_filter"}
    assert figures["radiographs_dropped"] == len(by_steps) > 0
    assert not kept & rejected.keys() - by_steps
    assert len(kept | by_steps) == figures["converted"]
    assert figures["found"] == figures["converted"] + len(rejected.keys() - by_steps) + figures["passed_over"]
    passed_over = {source_of[s] for s in source_of.keys() - kept - rejected.keys()}
    assert {"labels.csv", "truth.csv"} <= passed_over


def test_what_was_made_agrees_with_the_truth(archive, built, place):
    out, figures = built
    truth = {row["file"]: row for row in rows(archive / "truth.csv")}
    source_of = {row["source_id"]: row["source"] for row in rows(place / "link.csv")}
    metadata = rows(out / "metadata.csv")
    for row in metadata:
        real = truth[source_of[row["source_id"]]]
        assert real["is_wrist"] == "1"
        assert row["label"] == real["label"]
        assert (int(row["Rows"]), int(row["Columns"])) == (int(real["rows"]), int(real["columns"]))
    rejects = {source_of.get(row["source_id"], ""): row["reason"] for row in rows(out / "rejects.csv")}
    for file, real in truth.items():
        if real["corrupt"] or real["duplicate"] == "1":
            assert file in rejects or real["duplicate"] == "1", file
    assert len(list(out.glob("*/*/*.png"))) == len(metadata) == sum(figures["radiographs"].values())
    assert {row["study_id"]: row["label"] for row in metadata} == {
        p.name: p.parent.name for p in out.glob("*broken/*")
    }


def test_nothing_that_identifies_reaches_the_output(archive, job, place, built):
    import pydicom

    secrets = set()
    for path in archive.rglob("*"):
        if path.is_file():
            secrets.add(path.name)
            try:
                header = pydicom.dcmread(path, stop_before_pixels=True)
            except Exception:
                continue
            for keyword in (
                "PatientName",
                "PatientID",
                "StudyInstanceUID",
                "SOPInstanceUID",
                "AccessionNumber",
            ):
                secrets.update(str(header.get(keyword, "")).split("^"))
            secrets.update(
                (str(header.get("InstitutionName", "")), str(header.get("ReferringPhysicianName", "")))
            )
    secrets = {secret for secret in secrets if len(secret) > 5 and secret not in ("labels.csv", "truth.csv")}
    assert len(secrets) > 3 * STUDIES
    shown = fxray("build", archive, place / "shown", *job)
    texts = [shown.stdout, shown.stderr]
    texts += [p.read_text() for p in built[0].rglob("*") if p.suffix in (".csv", ".json", ".jsonl")]
    texts += [str(path) for path in built[0].rglob("*")]
    leaked = {secret for secret in secrets for text in texts if secret in text}
    assert not leaked


def test_a_killed_run_is_finished_by_the_next_to_the_same_tree(archive, job, place, built):
    out = place / "killed"
    command = [sys.executable, "-m", "fxcore", "build", archive, out, *job, "--workers", "1", "--quiet"]
    deaths = 0
    for more in (1, 5, 2, 9, 3):
        wanted = finished_studies(out) + more
        run = subprocess.Popen([str(part) for part in command], start_new_session=True)
        while run.poll() is None and finished_studies(out) < wanted:
            time.sleep(0.002)
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            deaths += 1
        run.wait()
    assert deaths >= 3
    figures = summary("build", archive, out, *job)
    assert figures["studies_done_before"] > 0
    assert tree(out) == tree(built[0])


def test_other_settings_or_another_key_are_refused(archive, job, place, built):
    refused = fxray_here("build", archive, built[0], *job, "--part", "hand", code=1)
    assert (
        "was made with another config (steps.part_filter.parts: ['wrist'] then, ['hand'] now)"
        in refused.stderr
    )
    refused = fxray_here("build", archive, built[0], "--key", place / "other key", code=1)
    assert "is missing, and the output was made with one" in refused.stderr
    assert not (place / "other key").exists()


def test_an_output_that_is_something_else_is_left_alone(archive, job, place):
    other = place / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    refused = fxray_here("ingest", archive, other, *job, code=1)
    assert "is not empty and not a data set" in refused.stderr
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]
    assert (
        "must not lie within each other"
        in fxray_here("ingest", archive, archive / "out", *job, code=1).stderr
    )


def test_a_png_damaged_later_costs_itself(place, built):
    damaged = place / "damaged"
    shutil.copytree(built[0], damaged)
    victim = sorted(damaged.glob("*/*/*.png"))[0]
    victim.write_bytes(victim.read_bytes()[:100])
    before = sum(built[1]["radiographs"].values())
    figures = summary("preprocess", damaged, place / "after damage")
    assert sum(figures["radiographs"].values()) == before - 1
    assert figures["dropped"]["unreadable_png"] == 1


def test_labels_are_counted_with_what_the_filter_does(archive, built):
    truth = rows(archive / "truth.csv")
    counted = summary("labels", archive)
    in_archive = {row["label"]: row["count"] for row in counted}
    assert sum(in_archive.values()) >= len(truth) - 10
    of_data_set = summary("labels", built[0])
    assert {row["label"] for row in of_data_set} <= set(in_archive)
    assert {row["decision"] for row in of_data_set} == {"keep", "drop"}


def test_the_data_set_says_what_it_is(built):
    content = json.loads((built[0] / "dataset.json").read_text())
    assert content["commands"] == ["build"]
    assert content["config"]["steps"]["part_filter"]["parts"] == ["wrist"]
    assert 0 < content["mean"] < 1
    assert 0 < content["standard_deviation"] < 1
    assert len(content["source_fingerprint"]) == 64


def test_help_and_wrong_usage():
    shown = fxray("--help").stdout
    for command in ("synth", "ingest", "preprocess", "build", "labels", "demo"):
        assert command in shown
        assert "Example" in fxray_here(command, "--help").stdout
    assert "Exit codes" in shown
    fxray_here("build", code=2)
    assert "is not a folder" in fxray_here("build", "/nowhere", "/tmp/x", code=1).stderr
