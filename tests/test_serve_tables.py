"""Tables as Parquet: numbers are numbers, and what is missing is null."""

from __future__ import annotations

from pathlib import Path

import pytest

from fxcore.errors import DataSetError
from fxserve.output import number
from fxserve.tables import kind_of

COLUMNS = ("study_id", "body_part", "inverted", "part_count", "rotation_degrees", "elongation", "views")


def render(tmp_path: Path, *rows: tuple[str, ...]) -> list[dict[str, object]]:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install '.[parquet]'")
    suffix, rendered = kind_of(Path("scores.parquet"))
    place = tmp_path / f"table{suffix}"
    place.write_bytes(b"".join(rendered(COLUMNS, rows)))
    return parquet.read_table(place).to_pylist()


def test_numbers_are_numbers_and_what_is_missing_is_null(tmp_path):
    found = render(
        tmp_path,
        ("a", "wrist", "0", "2", "-2.61", "4.606", "2"),
        ("b", "", "", "", "", "", ""),
        ("c", "0", "1", "1.0", "0", "inf", "1"),
    )
    assert found == [
        dict(zip(COLUMNS, values, strict=True))
        for values in (
            ("a", "wrist", 0, 2, -2.61, 4.606, 2),
            ("b", None, None, None, None, None, None),
            ("c", "0", 1, 1, 0.0, float("inf"), 1),
        )
    ]


def test_a_logit_that_rounds_to_zero_has_no_sign():
    assert number(-1e-9) == "0.000000"


@pytest.mark.parametrize("text", ["many", "1.5", "1e30", "nan"])
def test_text_in_the_place_of_a_number_is_named(tmp_path, text):
    with pytest.raises(DataSetError, match=rf"part_count of the study b is '{text}', which is no number"):
        render(tmp_path, ("a", "", "0", "1", "", "", ""), ("b", "", "0", text, "", "", ""))
