"""What a header may take, and how it is said when it takes more."""

from __future__ import annotations

import io

import pytest

from fxcore.dicom import bounded
from fxcore.dicom.bounded import BoundedReader
from fxcore.errors import UnreadableFileError

_CHARACTER_SET = b"\x08\0\x05\0CS\xff\xff"


@pytest.mark.parametrize(
    ("limit", "value", "sizes"),
    [
        ("_MOST_CHARACTER_SET_BYTES", 90, [8, 91]),
        ("_MOST_READS", 4, [2] * 5),
        ("_MOST_HEADER_BYTES", 77, [8, 70]),
    ],
)
def test_a_header_that_takes_too_much_is_told_the_limit(
    limit: str, value: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, limit, value)
    reader = BoundedReader(io.BytesIO(_CHARACTER_SET + bytes(200)))
    for size in sizes[:-1]:
        reader.read(size)
    with pytest.raises(UnreadableFileError, match=rf"\b{value}\b.*limit|limit.*\b{value}\b") as caught:
        reader.read(sizes[-1])
    assert caught.value.reason == "too_large"
