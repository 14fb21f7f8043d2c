"""The link file leads back to every file, whatever it is called, and is a table that can be opened."""

from __future__ import annotations

import itertools
import os
import random
import subprocess

from fxcore.dataset.tables import cell
from fxcore.link_file import escaped, unescaped
from tests.faults.scenario import draw
from tests.program import fxray, rows

_ODD = [
    b"a/b.dcm",
    b"a/b\n.dcm",
    b"a/b .dcm",
    b"a/b\\n.dcm",
    b"a/b\\x0a.dcm",
    b"a/b\\\n.dcm",
    b"a/b\xff.dcm",
    b"a/b\xfe.dcm",
    b"a/b\xef\xbf\xbd.dcm",
    b"a/b\\xff.dcm",
    b"a/b?.dcm",
    b"a/\x01\x1b\x7f\xc2\x85\xe2\x80\xa8",
    b"\xc3\xa4 \xe6\x89\x8b",
    b" lead",
    b"lead",
    b"trail ",
    b"trail",
    b"trail\xc2\xa0",
    b"\t",
    b"=1+1",
    b"'=1+1",
    b"-1.5",
    b"-1,5",
    b"@a",
    b"\\",
    b"\\\\",
    b'"a","b"',
    b"a,b;c\rd",
    b"a;=1+1",
    b"a;\\x3d1+1",
    b"a;;-1",
    b"a\xe2\x80\xaeb",
    b"\xed\xb3\xbf",
]


def test_each_name_comes_back_and_no_two_are_written_alike():
    sources = list(map(os.fsdecode, _ODD))
    texts = list(map(escaped, sources))
    assert list(map(unescaped, texts)) == sources
    assert len(set(texts)) == len(texts)
    assert all(cell(text) == text for text in texts)
    assert escaped("a/b \u00e4.dcm") == "a/b \u00e4.dcm"


def test_any_bytes_come_back():
    rng = random.Random(1)
    alphabet = b"\\x0af =-';\n\xff\xc3\xa4\xe2\x80\xa8"
    for length in itertools.chain.from_iterable(itertools.repeat(range(1, 12), 300)):
        source = os.fsdecode(bytes(rng.choices(alphabet, k=length)))
        text = escaped(source)
        assert unescaped(text) == source
        assert cell(text) == text


def test_the_shell_reads_it_too():
    for name in _ODD:
        printed = subprocess.run(
            ["bash", "-c", 'printf %b "$1"', "bash", escaped(os.fsdecode(name))], capture_output=True
        )
        assert printed.stdout == name


def test_a_link_file_leads_back_to_files_with_odd_names(tmp_path):
    names = [b"a\\\n.png", b"a\n.png", b"a\\n.png", b"a\xff.png", b"=a.png", b" .png"]
    for number, name in enumerate(names):
        draw(tmp_path / "archive" / os.fsdecode(name), number)
    link = tmp_path / "link.csv"
    fxray("ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key", "--link", link)
    found = [os.fsencode(unescaped(row["source"])) for row in rows(link)]
    assert found == sorted(names)
