"""What people and programs read."""

import json

import pytest

from waiver_exchange.cli.failures import CommandFailedError
from waiver_exchange.cli.output import print_failure, render


def test_an_object_is_lines_and_a_list_a_table() -> None:
    shown = render({"name": "Ann", "is_halted": False, "last": None, "positions": [{"symbol": "A", "quantity": "10"}]})
    assert shown == "name       Ann\nis_halted  no\nlast       -\n\nsymbol  quantity\nA       10"


def test_a_list_of_words_stands_on_its_line_and_an_object_in_words() -> None:
    shown = render({"codes": ["one", "two"], "keys": [{"scopes": ["read", "trade"], "limits": {"orders": 5}}]})
    assert shown == "codes  one, two\n\nscopes       limits\nread, trade  orders=5"


def test_an_empty_list_says_so() -> None:
    assert render({"accounts": []}) == "no accounts"


def test_a_failure_is_an_object_on_output_and_a_sentence_on_error(capsys: pytest.CaptureFixture[str]) -> None:
    failure = CommandFailedError(code="no_way", message="It is closed.", details={"symbol": "A\udcff"})
    print_failure(failure, as_json=True)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "no_way"
    assert captured.err == "waiver: no_way: It is closed. (symbol A\\udcff)\n"


def test_a_failure_for_people_leaves_output_empty(capsys: pytest.CaptureFixture[str]) -> None:
    print_failure(CommandFailedError(code="no_way", message="It is closed."), as_json=False)
    assert capsys.readouterr().out == ""
