"""Who is kept aside: whole patients, of both classes their share, the same for the same seed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from fxcore.errors import DataSetError
from fxtrain.config import DataConfig
from fxtrain.copies import said_of_copies, studies_with_copies
from fxtrain.split import read_split, read_trained, split_studies, write_split
from fxtrain.table import Table, read_table
from fxtrain.trainer import train
from tests.train.data import SMALL, make


@pytest.mark.parametrize("balanced", [False, True])
def test_no_patient_is_on_both_sides_and_classes_are_kept_in_proportion(tmp_path, balanced):
    table = read_table(make(tmp_path / "dataset", studies=120, views=1, share=0.25, patients=50))
    config = DataConfig(val_fraction=0.3, val_balanced=balanced)
    split = split_studies(table, config, seed=1)
    patients = [{table.patients[k] for k in side} for side in (split.train, split.val)]
    assert not patients[0] & patients[1]
    assert not set(split.train) & set(split.val)
    share = table.broken[split.val].mean()
    if balanced:
        assert share == 0.5
    else:
        assert len(split.train) + len(split.val) == 120
        assert abs(len(split.val) / 120 - 0.3) < 0.06
        assert abs(share - 0.25) < 0.1
    again = split_studies(table, config, seed=1)
    np.testing.assert_array_equal(split.val, again.val)
    assert not np.array_equal(split.val, split_studies(table, config, seed=2).val)
    write_split(tmp_path / "split.csv", table, split)
    np.testing.assert_array_equal(read_split(tmp_path / "split.csv", table).train, split.train)


def test_a_data_set_of_one_class_or_too_few_studies_is_refused(tmp_path):
    for name, studies, share in (("one-class", 20, 1.0), ("few", 2, 0.5)):
        with pytest.raises(DataSetError, match=r"data\.val_fraction"):
            train(make(tmp_path / name, studies, share=share), tmp_path / f"run-{name}", SMALL)


def test_one_identifier_of_many_patients_leaves_the_classes_in_proportion():
    """As in archives that were anonymised before."""
    rng = np.random.default_rng(0)
    broken, studies = rng.random(400) < 0.3, [f"s{k:03}" for k in range(400)]
    for share in (0.1, 0.3, 0.5):
        patients = ["same" if rng.random() < share else study for study in studies]
        table = Table(Path(), "", 0.0, 1.0, studies, np.arange(400), studies, patients, broken, {})
        for seed in range(20):
            val = split_studies(table, DataConfig(), seed).val
            assert len(val) == pytest.approx(0.2 * (400 - patients.count("same")), abs=2)
            assert broken[val].mean() == pytest.approx(0.3, abs=0.07)
    with pytest.raises(DataSetError, match=r"400 are of one patient.*PatientID"):
        split_studies(replace(table, patients=["same"] * 400), DataConfig(), 0)


@pytest.mark.parametrize(
    ("broken", "trained"),
    [
        # Three patients of 30 studies each and one of a single study, which would be all that is kept aside.
        (["a", "b", "c"] * 30 + ["d"], {}),
        # All that are small have been seen, and new patients have 15 studies each.
        ([f"old{k}" for k in range(20)] + ["a", "b"] * 15, {f"x{k}": f"old{k}" for k in range(20)}),
    ],
)
def test_where_few_others_are_new_patients_of_many_studies_are_kept_aside_too(broken, trained):
    patients = [*broken, *(f"h{k}" for k in range(60))]
    studies, count = [f"s{k:03}" for k in range(len(patients))], len(patients)
    truth = np.arange(count) < len(broken)
    table = Table(Path(), "", 0.0, 1.0, studies, np.arange(count), studies, patients, truth, {})
    for seed in range(10):
        val = split_studies(table, DataConfig(), seed, trained).val
        assert len({"a", "b", "c"} & {patients[k] for k in val}) == 1


def of_patients(*patients: str) -> Table:
    """Return a table of patients, each with a study for each letter: ``b`` for broken, ``n`` for not."""
    labels = [(f"p{k}", label == "b") for k, studies in enumerate(patients) for label in studies]
    names, broken = [patient for patient, _ in labels], np.array([label for _, label in labels])
    studies, count = [f"s{k:03}" for k in range(len(labels))], len(labels)
    return Table(Path(), "", 0.0, 1.0, studies, np.arange(count), studies, names, broken, {})


@pytest.mark.parametrize(
    ("patients", "within"),
    [
        # Each study that is not broken is of a patient who has a broken one too.
        (["b"] * 80 + ["bnn"] * 8, 0.05),
        (["b"] * 60 + ["bn"] * 12, 0.04),
        (["b"] * 100 + ["bn"] * 100 + ["n"] * 5, 0.01),
        # Patients of either class mostly, and one of many studies among small ones.
        (["b" * 9 + "n"] * 5 + ["n" * 9 + "b"] * 5, 0.01),
        (["bn"] * 10 + ["b" * 9 + "n"], 0.1),
        # Too few for a share: one of them.
        (["b"] * 80 + ["bnn"] * 2, 0.3),
    ],
)
def test_patients_with_studies_of_both_classes_leave_these_in_proportion(patients, within):
    table, kept = of_patients(*patients), set()
    for seed in range(20):
        val = split_studies(table, DataConfig(), seed).val
        kept.add(tuple(val))
        for broken in (False, True):
            share = np.count_nonzero(table.broken[val] == broken) / np.count_nonzero(table.broken == broken)
            assert share == pytest.approx(0.2, abs=within + 1e-9)
    assert len(kept) > 5


def test_a_split_is_the_same_on_every_machine():
    """And from one version to the next, where nothing is said of it."""
    patients = ["b"] * 6 + ["n"] * 8 + ["bn"] * 4 + ["nn"]
    split = split_studies(of_patients(*patients), DataConfig(), 3)
    assert split.val.tolist() == [2, 8, 13, 14, 15]


def test_a_split_without_a_class_on_a_side_is_refused_by_name(tmp_path):
    path, table = tmp_path / "split.csv", of_patients(*"bbbbbbnnnnnn")
    write_split(path, table, split_studies(table, DataConfig(), 0))
    whole = path.read_text()
    header, *rows = whole.splitlines()
    kept = [row for row in rows if row.endswith(",val")]
    for left, said in (
        ("", "no study that is broken in train"),
        ("a,b\n1,2\n", "no study that is broken in train|has a study that"),
        (header, "no study that is broken in train"),
        ("\n".join([header, *(row for row in rows if row not in kept)]), "no study that is broken in val"),
        (whole.replace(",not_broken,val", ",not_broken,"), "no study that is not broken in val.*train anew"),
    ):
        path.write_text(left)
        with pytest.raises(DataSetError, match=said) as refused:
            read_split(path, table)
        assert str(path) in str(refused.value)
        # What is known of a run without one is nothing.
        assert bool(read_trained(path)) == (",train" in left)


def test_a_study_of_two_patients_is_refused_by_name(tmp_path):
    root = make(tmp_path / "dataset", studies=6, patients=3)
    table = (root / "metadata.csv").read_text()
    second = next(line for line in table.splitlines(keepends=True) if line.split(",")[0].endswith("0001"))
    for patient in (",p9,", ",,"):
        changed = re.sub(r",p\d,", patient, second)
        assert changed != second
        (root / "metadata.csv").write_text(table.replace(second, changed))
        with pytest.raises(DataSetError, match=r"the study \w+ has rows of two patient_id"):
            read_table(root)


def test_a_radiograph_that_is_named_twice_and_a_study_of_two_labels_are_refused(tmp_path):
    root = make(tmp_path / "dataset", studies=6)
    table = (root / "metadata.csv").read_text()
    second = next(line for line in table.splitlines(keepends=True) if line.split(",")[0].endswith("0001"))
    (root / "metadata.csv").write_text(table + second)
    with pytest.raises(DataSetError, match=r"metadata\.csv names the radiograph \w+0001 twice; leave one"):
        read_table(root)
    (root / "metadata.csv").write_text(table.replace(second, second.replace("broken", "not_broken")))
    with pytest.raises(DataSetError, match=r"the study \w+ is broken and not broken; .* in the labels file"):
        read_table(root)


def test_studies_with_the_same_image_are_on_one_side_whoever_the_patients_are(tmp_path):
    root = make(tmp_path / "dataset", studies=40, views=1, patients=40)
    table = read_table(root)
    files = [table.path(index) for index in range(len(table))]
    for index in range(0, 40, 5):
        files[index].write_bytes(files[0].read_bytes())
    copies = studies_with_copies(table)
    assert copies == [list(range(0, 40, 5))]
    for seed in range(5):
        split = split_studies(table, DataConfig(), seed, copies=copies)
        assert len({study in split.val for study in copies[0]}) == 1
    told = said_of_copies(table, copies)
    assert told.startswith("1 images are each in several studies, 8 in all")
    assert "1 of these images are both broken and not broken" in told
    # Whose patient the weights have seen, or has an image of one of these, is not kept aside.
    trained = {"elsewhere": table.patients[5]}
    for seed in range(5):
        assert not set(copies[0]) & set(split_studies(table, DataConfig(), seed, trained, copies).val)


def test_where_all_images_differ_nothing_is_said(tmp_path):
    table = read_table(make(tmp_path / "dataset", studies=12))
    assert studies_with_copies(table) == []
    assert said_of_copies(table, []) == ""
    # What is missing is told of by whoever needs it.
    table.path(3).unlink()
    assert studies_with_copies(table) == []
