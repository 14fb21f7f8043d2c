"""The whole program on files full of canaries: none in any file of the output, on stdout or on stderr."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path

import pytest

from tests.canaries import AGE, DATE, NUMBER, ROOT, SHORT, TEXT, TIME, canaries, make_archive
from tests.program import fxray, rows

# Digits as a token of their own: pseudonyms are hexadecimal and figures have decimals.
_CANARY = re.compile(
    rf"(?i){TEXT}|{DATE}\d\d|{TIME}|{NUMBER}|{AGE}|(?<![0-9a-f.]){SHORT}(?![0-9a-f])".encode()
)
_KEY = bytes(range(32))


def _chunks(data: bytes) -> list[bytes]:
    names, place = [], 8
    while place < len(data):
        names.append(data[place + 4 : place + 8])
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    return names


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("privacy")
    make_archive(root / "archive")
    (root / "key").write_bytes(_KEY)
    (root / "key").chmod(0o600)
    return root


@pytest.fixture(scope="module")
def runs(place: Path) -> list[str]:
    """Run every job, with and without ``--json``; return all that was said."""
    uid_labels = place / "uid-labels.csv"
    uid_labels.write_text(
        f"StudyInstanceUID,label,name,ZQXHEADING\n{ROOT}.1.0,yes,ZQXNAME,{DATE}13\n{ROOT}.1.1,no,Doe,{NUMBER}\n"
        f"{ROOT}.7.7,yes,ZQX,ZQX\n{ROOT}.1.2,ZQXLABEL,ZQX,ZQX\n,yes,ZQX,ZQX\n"
    )
    file_labels = place / "file-labels.csv"
    file_labels.write_text(
        "file,label\n" + "".join(f"{TEXT}{n}.dcm,{n % 2}\n" for n in range(9)) + "ZQXlost,1\n"
    )
    key, environment = ["--key", place / "key"], {"XDG_CACHE_HOME": str(place / "cache")}
    archive, json, table = place / "archive", place / "json", place / "table"
    jobs = [
        ["ingest", archive, json / "a", *key, "--labels", uid_labels, "--link", place / "link.csv", "--json"],
        ["preprocess", json / "a", json / "b", "--part", "any", "--json"],
        ["labels", archive, "--json"],
        ["ingest", archive, table / "a", *key, "--labels", file_labels],
        ["build", archive, table / "c", *key, "--part", "any"],
        ["preprocess", table / "a", table / "b", "--part", "any"],
        ["labels", table / "a"],
    ]
    said = []
    for job in jobs:
        done = fxray(*job, environment=environment)
        said.append(f"{job[0]}\n{done.stdout}\n{done.stderr}")
    return said


def test_there_are_canaries_in_thousands_of_attributes(place: Path) -> None:
    assert len(canaries()) > 3500
    archive = [p for p in (place / "archive").rglob("*") if p.is_file()]
    assert len(archive) > 30
    for path in archive:
        assert _CANARY.search(path.read_bytes()) or path.suffix == ".png", path.name


def test_no_canary_leaves(place: Path, runs: list[str]) -> None:
    for said in runs:
        assert not _CANARY.search(said.encode()), said
    written = [p for name in ("json", "table") for p in (place / name).rglob("*") if p.is_file()]
    assert sum(p.suffix == ".png" for p in written) >= 15
    for path in written:
        data = path.read_bytes()
        found = _CANARY.search(data)
        assert not found, f"{path}: {data[max(0, found.start() - 200) : found.end() + 50]!r}"
        assert not _CANARY.search(os.fsencode(path.relative_to(place))), path
        if path.suffix == ".png":
            assert _chunks(data) == [b"IHDR", b"IDAT", b"IEND"], path


def test_broken_files_were_rejected_for_many_reasons(place: Path, runs: list[str]) -> None:
    """So that the messages which were searched are those of many kinds of damage."""
    reasons = {row["reason"] for row in rows(place / "table" / "c" / "rejects.csv")}
    assert len(reasons) >= 9, reasons


def test_the_columns_find_what_may_have_text_burned_in(place: Path, runs: list[str]) -> None:
    """YES and NO as the file says; empty where it is silent or says anything else."""
    source_of = {row["source_id"]: Path(row["source"]).name for row in rows(place / "link.csv")}
    flags = {
        source_of[row["source_id"]]: (row["BurnedInAnnotation"], row["burned_in"])
        for row in rows(place / "table" / "c" / "metadata.csv")
    }
    wanted = {"0": ("", ""), "1": ("YES", "1"), "2": ("NO", ""), "3": ("", "")}
    assert {number: flags[f"{TEXT}{number}.dcm"] for number in wanted} == wanted


def test_pseudonyms_need_the_key_and_are_the_same_in_every_run(place: Path, runs: list[str]) -> None:
    ingested, labelled_otherwise, built = (
        {row["radiograph_id"]: row["study_id"] for row in rows(place / run / "metadata.csv")}
        for run in ("json/a", "table/a", "table/c")
    )
    # What a run has depends on the labels it was given; what it is called does not.
    assert len(ingested) >= 2
    assert len(labelled_otherwise) >= 4
    assert ingested.items() <= built.items()
    assert labelled_otherwise.items() <= built.items()
    known = [f"{ROOT}.1.{n}" for n in range(4)] + [f"{ROOT}.2.{n}" for n in range(4)]
    guesses = set()
    for text in [*known, *(f"{kind}\0{uid}" for uid in known for kind in ("study", "radiograph", "uid", ""))]:
        data = text.encode()
        for name in ("md5", "sha1", "sha256", "sha512"):
            digests = [hashlib.new(name, data).hexdigest()]
            digests += [
                hmac.new(key, data, name).hexdigest() for key in (b"", bytes(32), b"fxray", _KEY[::-1])
            ]
            guesses |= {digest[:24] for digest in digests}
    assert not {*built.keys(), *built.values()} & guesses
    right = hmac.new(_KEY, f"study\0{ROOT}.1.0".encode(), "sha256").hexdigest()[:24]
    assert right in built.values()


@pytest.mark.parametrize("harm", ["lost", "folder", pytest.param("truncated", marks=pytest.mark.slow)])
def test_without_its_key_an_existing_data_set_stops(
    place: Path, runs: list[str], tmp_path: Path, harm: str
) -> None:
    key = tmp_path / "key"
    if harm == "truncated":
        key.write_bytes(_KEY[:31])
    elif harm == "folder":
        key.mkdir()
    before = key.read_bytes() if key.is_file() else None
    done = fxray("build", place / "archive", place / "table" / "c", "--part", "any", "--key", key, code=1)
    assert str(key) in done.stderr
    assert list(tmp_path.iterdir()) == ([] if harm == "lost" else [key])
    assert (key.read_bytes() if key.is_file() else None) == before
