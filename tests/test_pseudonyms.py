"""The pseudonym key: made once, private, never replaced silently."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from fxcore.archive import Plan
from fxcore.catalogue import Catalogue
from fxcore.dicom.entries import IndexEntry
from fxcore.errors import FxrayError
from fxcore.ingest import check_places
from fxcore.pseudonyms import Pseudonyms, load_key
from fxcore.settings import IngestConfig


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    path = tmp_path / "folder" / "key"
    first = load_key(path, may_create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["key"]
    assert load_key(path, may_create=False).of("study", "1.2.3") == first.of("study", "1.2.3")


def test_runs_that_start_at_once_agree_on_the_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_key(tmp_path / "key", may_create=True).key_check, range(40)))
    assert len(set(made)) == 1


def test_a_pseudonym_needs_the_key_and_the_kind():
    a, b = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
    assert a.of("study", "1.2.3") == a.of("study", "1.2.3")
    assert (
        len(
            {a.of("study", "1.2.3"), b.of("study", "1.2.3"), a.of("patient", "1.2.3"), a.of("study", "1.2.4")}
        )
        == 4
    )


def test_a_missing_key_of_an_existing_data_set_stops(tmp_path):
    with pytest.raises(FxrayError, match="is missing, and the output was made with one"):
        load_key(tmp_path / "key", may_create=False)
    assert not (tmp_path / "key").exists()


def test_a_file_that_is_no_key_is_refused(tmp_path):
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(FxrayError, match="it has 5 bytes instead of 32"):
        load_key(tmp_path / "key", may_create=True)


@pytest.mark.parametrize("key", [bytes(32), b"password" * 4], ids=["zeros", "word"])
def test_a_key_that_anybody_can_guess_is_refused(tmp_path, key):
    (tmp_path / "key").write_bytes(key)
    with pytest.raises(FxrayError, match=r"not a secret key.*--key"):
        load_key(tmp_path / "key", may_create=True)


def test_a_key_that_all_can_read_is_told_of(tmp_path):
    path = tmp_path / "key"
    assert load_key(path, may_create=True).note == ""
    assert load_key(path, may_create=False).note == ""
    path.chmod(0o644)
    pseudonyms = load_key(path, may_create=False)
    with Catalogue() as catalogue:
        said = Plan(catalogue, None, IngestConfig(), pseudonyms).said
    assert str(path) in said[0]
    assert "chmod o-r" in said[0]


@pytest.mark.parametrize("what", ["pseudonym key", "link file", "index"])
def test_what_identifies_patients_is_not_put_into_another_data_set(tmp_path, what):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "file").write_bytes(b"of no kind")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "dataset.json").write_text('{"tool": "fxray"}')
    places = {"pseudonym key": tmp_path / "key", "index": tmp_path / "index", what: shared / "file"}
    with pytest.raises(FxrayError, match=f"the {what} .* must lie outside the data set {shared}"):
        check_places(tmp_path / "archive", tmp_path / "out", places)


def test_one_patient_has_one_pseudonym_however_the_identifier_is_spelled():
    def patients(*identifiers):
        entries = [
            IndexEntry(f"{i}", kind="dicom", study_uid=f"1.2.{i}", sop_uid=f"1.3.{i}", patient_id=identifier)
            for i, identifier in enumerate(identifiers)
        ]
        with Catalogue() as catalogue:
            catalogue.add(entries)
            plan = Plan(catalogue, None, IngestConfig(), Pseudonyms(bytes(32)))
            return {study.patient_id for study in plan.studies()}

    assert len(patients("AB-07", "ab-07", "00ab-07")) == 1
    assert patients("FX12") == {Pseudonyms(bytes(32)).of("patient", "FX12")}
    assert len(patients("0", "000", "AB-07", "AB-7", "70", "7")) == 6
