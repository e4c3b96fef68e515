import csv
import io

import pytest

from waiver_exchange.gateway.rest.csv_cells import csv_row


@pytest.mark.parametrize(
    "text", ["=1+1", "+A1", "-A1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-1-1", "+1", "=cmd|' /C calc'!A0"]
)
def test_a_formula_is_no_longer_one(text: str) -> None:
    assert next(csv.reader(io.StringIO(csv_row([text]), newline=""))) == [f"'{text}"]


@pytest.mark.parametrize("text", ["-1", "-0.000001", "10000.00", "week 1", "a=b", "", "2026-09-07T00:20:00.000000000Z"])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    assert next(csv.reader(io.StringIO(csv_row([text, 1])))) == [text, "1"]


def test_what_would_break_a_row_is_quoted() -> None:
    assert csv_row(['say "hi", twice', None, "a\nb"]) == '"say ""hi"", twice",,"a\nb"\r\n'
