"""Every command, with and without a running server: the same objects, the same exit codes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiver_process import serving, waiver, waiver_json

LISTING = (
    *("market", "list-player", "--symbol", "MAHOMES", "--name", "Patrick Mahomes", "--position", "QB", "--team", "KC"),
    *("--supply", "10000", "--reference-price", "25.00", "--bye-week", "10"),
)
UNKNOWN_ACCOUNT = "000000ac-0000-8000-8000-0000000000ff"
REFUSED = {
    "account show --account house2": "field_is_invalid",
    f"account show --account {UNKNOWN_ACCOUNT}": "account_not_found",
    f"account halt --account {UNKNOWN_ACCOUNT} --reason test": "account_not_found",
    "account create --name Ann --cash 1.0000001": "amount_is_too_precise",
    "account create --name Ann --cash -5": "amount_must_be_positive",
    "cash deposit --reason test --account house --amount 1e3 --reference r": "field_is_invalid",
    "cash deposit --reason test --account house --amount 0 --reference r": "amount_must_be_positive",
    "cash deposit --reason test --account house --amount 99999999999999999999999 --reference r": "number_is_too_large",
    "market show --symbol NOBODY": "market_not_found",
    "market list-player --symbol mahomes --name P --position QB --team KC --supply 1": "symbol_is_invalid",
    "market list-player --symbol MAHOMES --name P --position QB --team KC --supply 1": "symbol_already_listed",
    "market list-player --symbol A --name P --position QB --team KC --supply 1.23456": "quantity_is_too_precise",
    "market list-player --symbol A --name P --position QB --team KC --supply 1 --reference-price 0.001": (
        "price_is_off_the_tick"
    ),
    "shares grant --reason test --account house --symbol MAHOMES --quantity 1": "house_cannot_be_granted_shares",
    "shares issue --reason test --symbol MAHOMES --quantity 0": "quantity_must_be_positive",
}


@pytest.fixture(scope="module", params=["online", "offline"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    data_dir = tmp_path_factory.mktemp(str(request.param)) / "exchange"
    with serving(data_dir=data_dir) if request.param == "online" else nullcontext():
        waiver_json(*LISTING, data_dir=data_dir)
        yield data_dir


def run_every_command(data_dir: Path) -> dict[str, Any]:
    def run(*arguments: str) -> Any:  # noqa: ANN401 - any JSON
        return waiver_json(*arguments, data_dir=data_dir)

    results = {"create": run("account", "create", "--name", "Ann", "--cash", "100.00")}
    own = ("--account", results["create"]["account_id"])
    return results | {
        "deposit": run("cash", "deposit", "--reason", "test", *own, "--amount", "50.00", "--reference", "week 1"),
        "deposit again": run("cash", "deposit", "--reason", "test", *own, "--amount", "50.00", "--reference", "week 1"),
        "list-player": run(*LISTING),
        "grant": run("shares", "grant", "--reason", "test", *own, "--symbol", "MAHOMES", "--quantity", "2.5"),
        "issue": run(
            "shares", "issue", "--reason", "test", "--symbol", "MAHOMES", "--quantity", "5", "--reference", "more"
        ),
        "show": run("account", "show", *own),
        "halt account": run("account", "halt", "--reason", "test", *own),
        "resume account": run("account", "resume", "--reason", "test", *own),
        "list": run("account", "list"),
        "house": run("account", "show", "--account", "house"),
        "halt": run("market", "halt", "--reason", "test", "--symbol", "MAHOMES"),
        "resume": run("market", "resume", "--reason", "test", "--symbol", "MAHOMES"),
        "show market": run("market", "show", "--symbol", "MAHOMES"),
        "halt-all": run("market", "halt-all", "--reason", "test"),
        "status": run("status"),
        "resume-all": run("market", "resume-all", "--reason", "test"),
        "snapshot": run("snapshot"),
        "verify": run("verify"),
    }


def test_every_command_works_and_gives_the_same_with_and_without_a_server(tmp_path: Path) -> None:
    online, offline = tmp_path / "online", tmp_path / "offline"
    with serving(data_dir=online):
        of_server = run_every_command(online)
    of_command = run_every_command(offline)
    for results in (of_server, of_command):
        for secret in ("api_key", "api_secret"):
            assert len(results["create"].pop(secret)) > 15
        # The rows are stamped with the time, which is part of the state.
        assert len(results["verify"].pop("state_hash")) == 64
    assert of_server == of_command
    check_results(of_command)


def check_results(results: dict[str, Any]) -> None:
    assert results["deposit"]["cash"] == results["deposit again"]["cash"] == "150.00"
    assert results["show"]["cash_available"] == "150.00"
    assert results["show"]["equity"] == "212.50"
    assert results["show"]["positions"][0]["quantity"] == "2.5"
    assert results["grant"]["average_cost"] == "25.00"
    assert results["issue"]["supply"] == "10005"
    assert (results["halt account"]["is_halted"], results["resume account"]["is_halted"]) == (True, False)
    assert (results["halt"]["halt_cause"], results["resume"]["halt_cause"]) == ("operator", None)
    assert (results["halt-all"]["is_halted"], results["resume-all"]["is_halted"]) == (True, False)
    assert results["status"]["is_halted"]
    assert [account["name"] for account in results["list"]["accounts"]] == ["house", "Ann"]
    assert results["verify"]["ok"]


def test_a_reference_with_another_amount_is_refused(place: Path) -> None:
    deposit = ("cash", "deposit", "--reason", "test", "--account", "house", "--reference", "once", "--json", "--amount")
    assert waiver(*deposit, "5", data_dir=place).code == 0
    second = waiver(*deposit, "6", data_dir=place)
    assert (second.code, second.json["error"]["code"]) == (1, "reference_used_with_other_content")


@pytest.mark.parametrize(("arguments", "code"), REFUSED.items(), ids=REFUSED)
def test_a_refusal_is_exit_code_1_and_an_error_object(place: Path, arguments: str, code: str) -> None:
    ran = waiver(*arguments.split(), "--json", data_dir=place)
    error = ran.json["error"]
    assert (ran.code, error["code"]) == (1, code)
    assert set(error) == {"code", "message", "details"}
    assert "Traceback" not in ran.stderr


def test_a_name_that_is_no_text_is_refused_without_a_traceback(place: Path) -> None:
    ran = waiver("account", "create", "--json", "--name", "\udcff", data_dir=place)
    assert ran.code == 1, ran
    assert "error" in ran.json
    assert "Traceback" not in ran.stderr


def test_without_json_people_read_lines(place: Path) -> None:
    shown = waiver("market", "show", "--symbol", "MAHOMES", data_dir=place)
    assert "reference_price   25.00\n" in shown.stdout
    refused = waiver("market", "show", "--symbol", "NOBODY", data_dir=place)
    assert (refused.code, refused.stdout) == (1, "")
    assert refused.stderr == "waiver: market_not_found: No market has this symbol. (symbol NOBODY)\n"


def test_an_altered_journal_does_not_verify(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "Ann", "--cash", "100.00", data_dir=data_dir)
    alter_journal(data_dir)
    ran = waiver("verify", "--json", data_dir=data_dir)
    assert ran.code == 1, ran
    assert ran.json["ok"] is False
    assert "row 2" in ran.json["difference"]
    opened = waiver("account", "list", "--json", data_dir=data_dir)
    assert (opened.code, opened.json["error"]["code"]) == (3, "data_directory_unusable")


def alter_journal(data_dir: Path) -> None:
    with closing(sqlite3.connect(data_dir / "journal.db")) as connection, connection:
        # Somebody who means it drops the guards of the table first.
        for (guard,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{guard}"')
        connection.execute("UPDATE journal SET events = zeroblob(8) WHERE sequence = 2")


def test_demo_reset_removes_an_exchange_and_nothing_else(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
    real = waiver("demo-reset", "--json", data_dir=data_dir)
    assert (real.code, real.json["error"]["code"]) == (1, "not_a_demo")
    (data_dir / "demo").touch()
    foreign = data_dir / "diary.txt"
    foreign.write_text("dear diary", encoding="utf-8")
    refused = waiver("demo-reset", "--json", data_dir=data_dir)
    assert (refused.code, refused.json["error"]["code"]) == (1, "not_a_data_directory")
    foreign.unlink()
    assert waiver_json("demo-reset", data_dir=data_dir)["is_removed"]
    assert [entry.name for entry in data_dir.iterdir()] == ["lock"]
    assert not waiver_json("demo-reset", data_dir=data_dir)["is_removed"]
    assert not waiver_json("demo-reset", data_dir=tmp_path / "none")["is_removed"]
    waiver_json("account", "create", "--name", "Ann", data_dir=data_dir)
    assert len(waiver_json("account", "list", data_dir=data_dir)["accounts"]) == 2


def test_names_come_back_as_they_were_given(tmp_path: Path) -> None:
    ran = waiver("account", "create", "--json", "--name", 'quote " and \u00e9', data_dir=tmp_path / "exchange")
    assert ran.code == 0
    (_, ann) = waiver_json("account", "list", data_dir=tmp_path / "exchange")["accounts"]
    assert ann["name"] == 'quote " and \u00e9'


def test_an_account_that_cannot_be_funded_is_not_opened(tmp_path: Path) -> None:
    data_dir = tmp_path / "exchange"
    waiver_json("account", "create", "--name", "first", data_dir=data_dir)
    refused = waiver("account", "create", "--name", "rich", "--cash", "4000000000001", "--json", data_dir=data_dir)
    assert refused.code == 1
    assert refused.json["error"]["code"] == "cash_issued_would_be_too_large"
    names = [account["name"] for account in waiver_json("account", "list", data_dir=data_dir)["accounts"]]
    assert "rich" not in names
    assert None not in names[1:]
