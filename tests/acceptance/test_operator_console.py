"""The operator console from outside: a real server, people with roles, reasons, the second operator, kill -9."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.operators import PUBLIC_URL, ROOT, Member, furnish
from tests.support.waiver_process import serving, waiver, waiver_json

ROLES = {
    "olga": "operator",
    "otto": "operator",
    "una": "operator",
    "aud": "auditor",
    "tess": "trader",
    "bot": "service",
}
FOUR_EYES = {"WAIVER_FOUR_EYES": "issue_shares,correct_cash", "WAIVER_PUBLIC_URL": PUBLIC_URL}


class Console:
    """A server with one client for each member."""

    def __init__(self, url: str, data_dir: Path, members: dict[str, Member]) -> None:
        self.url = url
        self.data_dir = data_dir
        self.members = members

    def post(self, who: str, path: str, **fields: object) -> httpx.Response:
        with self.members[who].client(self.url) as client:
            return client.post(f"{ROOT}{path}", json=fields)

    def get(self, who: str, path: str) -> httpx.Response:
        with self.members[who].client(self.url) as client:
            return client.get(f"{ROOT}{path}")

    def done(self, who: str, path: str, **fields: object) -> Any:  # noqa: ANN401 - any JSON
        answer = self.post(who, path, **{"reason": "as agreed"} | fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refusal(self, who: str, path: str, **fields: object) -> tuple[int, str]:
        answer = self.post(who, path, **{"reason": "as agreed"} | fields)
        return answer.status_code, answer.json()["error"]["code"]

    def supply(self) -> str:
        return str(httpx.get(f"{self.url}/api/v1/markets/MAHOMES").json()["supply"])


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    data_dir = tmp_path_factory.mktemp("console") / "exchange"
    members = furnish(data_dir, ROLES)
    with serving(data_dir=data_dir, settings=FOUR_EYES) as server:
        console = Console(server.url, data_dir, members)
        console.done("olga", "/markets", symbol="RETIRED", name="Gone", position="TE", team="KC", supply="10")
        yield console


# Every change, and what it is sent; {tess} and so on are accounts.
CHANGES: dict[str, dict[str, object]] = {
    "/accounts": {"name": "New", "cash": "5"},
    "/accounts/{tess}/freeze": {},
    "/accounts/{tess}/unfreeze": {},
    "/accounts/{bot}/role": {"role": "service"},
    "/accounts/{tess}/limits": {"open_orders_max": 7},
    "/role-limits": {"role": "service", "orders_per_second": 50},
    "/accounts/{tess}/request-rates": {"orders_per_second": 9},
    "/accounts/{bot}/revoke-keys": {},
    "/accounts/{bot}/revoke-sessions": {},
    "/accounts/{bot}/remove-passkeys": {},
    "/accounts/{tess}/notes": {"text": "rang, wants a refund"},
    "/accounts/{tess}/deposits": {"amount": "1.50"},
    "/accounts/{tess}/share-grants": {"symbol": "MAHOMES", "quantity": "3"},
    "/accounts/{tess}/share-corrections": {"symbol": "MAHOMES", "quantity": "-1"},
    "/accounts/{tess}/cancel-orders": {},
    "/markets": {"symbol": "KELCE", "name": "Travis", "position": "TE", "team": "KC", "supply": "10"},
    "/markets/MAHOMES/halt": {},
    "/markets/MAHOMES/resume": {},
    "/markets/MAHOMES/band": {"band_bps": 2_000},
    "/exchange/halt": {},
    "/exchange/resume": {},
    "/exchange/parameters": {"taker_fee_bps": 0},
    "/kill-switch": {"cancel_orders": True},
    "/markets/RETIRED/settle": {"price": "3.00"},
}


def path_of(console: Console, path: str) -> str:
    return path.format(**{name: member.account_id for name, member in console.members.items()})


@pytest.mark.parametrize("path", CHANGES)
def test_only_an_operator_with_a_passkey_and_a_reason_changes_anything(console: Console, path: str) -> None:
    fields = CHANGES[path]
    at = path_of(console, path)
    for who in ("tess", "aud"):
        assert console.refusal(who, at, **fields) == (403, "scope_is_missing")
    assert console.refusal("una", at, **fields) == (403, "step_up_is_required")
    with console.members["olga"].key_client(console.url) as client:
        by_key = client.post(f"{ROOT}{at}", json=fields | {"reason": "x"})
    assert (by_key.status_code, by_key.json()["error"]["code"]) == (403, "scope_is_missing")
    for reason in (None, " ", "x" * 501):
        assert console.refusal("olga", at, **fields, reason=reason) == (422, "reason_is_missing")
    done = console.done("olga", at, **fields)
    assert (done["status"], done["reason"]) == ("done", "as agreed")
    assert done["requested_by"] == done["done_by"] == console.members["olga"].account_id
    if path == "/kill-switch":
        assert httpx.get(f"{console.url}/readyz").json()["trading"] == "halted"
        console.done("olga", "/exchange/resume")


def test_every_change_of_the_document_is_tried_above(console: Console) -> None:
    paths = httpx.get(f"{console.url}/openapi.json").json()["paths"]
    posted = {path.removeprefix(ROOT) for path, routes in paths.items() if path.startswith(ROOT) and "post" in routes}
    tried = {path.replace("{tess}", "{account_id}").replace("{bot}", "{account_id}") for path in CHANGES}
    tried = {path.replace("MAHOMES", "{symbol}").replace("RETIRED", "{symbol}") for path in tried}
    elsewhere = {
        "/accounts/search",
        "/accounts/{account_id}/cash-corrections",
        "/markets/{symbol}/issue-shares",
        "/orders/{order_id}/cancel",
        "/trades/{trade_id}/bust",
        "/actions/{action_id}/approve",
        "/actions/{action_id}/reject",
        "/actions/{action_id}/finish",
    }
    assert posted == tried | elsewhere


def rows_of(console: Console, event: str, **facts: object) -> list[dict[str, Any]]:
    with console.members["aud"].client(console.url) as client:
        events = client.get("/api/v1/audit/events", params={"event": event, "limit": 100}).json()["items"]
    return [row for row in events if facts.items() <= row["facts"].items()]


def test_looking_at_an_account_leaves_one_row_an_hour(console: Console) -> None:
    tess, una = console.members["tess"], console.members["una"]
    with tess.key_client(console.url) as client:
        assert client.get(f"{ROOT}/accounts/{tess.account_id}").status_code == 403
    for path, what in (
        (f"/accounts/{tess.account_id}", "file"),
        (f"/accounts/{tess.account_id}/notes", "notes"),
        ("/accounts", "names"),
    ):
        for _ in range(3):
            assert console.get("una", path).status_code == 200
        (row,) = rows_of(console, "account_viewed", what=what, credential=una.session_id)
        assert row["actor"] == una.account_id
        assert row["account"] == (None if what == "names" else tess.account_id)
    assert console.post("una", "/accounts/search", name="tess").status_code == 200
    assert "tess" not in str(rows_of(console, "account_viewed")).casefold()


@pytest.mark.parametrize(
    ("who", "refused"), [("tess", "scope_is_missing"), ("aud", "scope_is_missing"), ("una", "step_up_is_required")]
)
def test_a_refused_attempt_to_operate_leaves_a_row(console: Console, who: str, refused: str) -> None:
    assert console.refusal(who, "/kill-switch") == (403, refused)
    member = console.members[who]
    (first, *_) = rows_of(console, "authorization_refused", credential=member.session_id, reason=refused)
    assert first["account"] == member.account_id


def test_an_auditor_reads_everything_also_with_a_key(console: Console) -> None:
    tess = console.members["tess"].account_id
    paths = (
        "/accounts?limit=2",
        f"/accounts/{tess}",
        f"/accounts/{tess}/notes",
        "/role-limits?role=trader",
        "/orders",
        "/trades",
        f"/trades?account_id={tess}",
        "/actions",
        "/actions?status=proposed",
    )
    with console.members["aud"].key_client(console.url) as by_key:
        for path in paths:
            assert console.get("aud", path).status_code == 200, path
            assert by_key.get(f"{ROOT}{path}").status_code == 200, path
            refused = console.get("tess", path)
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_is_missing")


def test_accounts_are_paged_searched_and_shown_whole(console: Console) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = console.get("aud", f"/accounts?limit=2{cursor}").json()
        seen += [account["id"] for account in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) >= 7
    operators = console.get("aud", "/accounts?role=operator").json()["items"]
    assert {account["name"] for account in operators} == {"olga", "otto", "una"}
    with console.members["aud"].client(console.url) as client:
        found = client.post(f"{ROOT}/accounts/search", json={"name": "LG"}).json()
    assert [account["name"] for account in found] == ["olga"]
    shown = console.get("aud", f"/accounts/{console.members['otto'].account_id}").json()
    assert (shown["role"], shown["limits"]["open_orders_max"]) == ("operator", -1)
    assert [session["id"] for session in shown["sessions"]] == [console.members["otto"].session_id]
    assert "secret" not in str(shown)


def test_a_request_rate_that_is_not_given_stays(console: Console) -> None:
    rates = path_of(console, "/accounts/{aud}/request-rates")
    console.done("olga", rates, account_orders_per_second=500, reads_per_second=40)
    console.done("olga", rates, orders_per_second=9, reads_per_second=-1)
    shown = console.get("aud", path_of(console, "/accounts/{aud}")).json()
    assert (shown["orders_per_second"], shown["reads_per_second"]) == (9, None)
    assert (shown["account_orders_per_second"], shown["account_reads_per_second"]) == (500, None)


def test_orders_and_trades_of_everybody_are_found_cancelled_and_busted(console: Console) -> None:
    console.done("olga", path_of(console, "/accounts/{tess}/share-grants"), symbol="MAHOMES", quantity="5")
    order = {"symbol": "MAHOMES", "type": "limit", "quantity": "1", "limit_price": "20.00"}
    with console.members["tess"].client(console.url) as tess, console.members["otto"].client(console.url) as otto:
        resting = tess.post("/api/v1/orders", json=order | {"side": "sell", "client_order_id": "mine"}).json()
        found = console.get("aud", f"/orders?account_id={console.members['tess'].account_id}&client_order_id=mine")
        assert [item["id"] for item in found.json()["items"]] == [resting["id"]]
        assert console.get("aud", "/orders?status=open&symbol=MAHOMES").json()["items"][0]["account_id"] == (
            console.members["tess"].account_id
        )
        cancelled = console.done("olga", f"/orders/{resting['id']}/cancel")
        assert cancelled["action"] == "cancel_order"
        assert console.get("aud", f"/orders/{resting['id']}").json()["reason"] == "by_operator"
        sold = tess.post("/api/v1/orders", json=order | {"side": "sell"}).json()
        assert otto.post("/api/v1/orders", json=order | {"side": "buy"}).json()["status"] == "filled"
        trade = console.get("aud", f"/trades?account_id={console.members['tess'].account_id}").json()["items"][0]
        assert (trade["maker_order_id"], trade["taker_account_id"]) == (sold["id"], console.members["otto"].account_id)
        console.done("olga", f"/trades/{trade['id']}/bust")
        assert console.get("aud", "/trades?symbol=MAHOMES").json()["items"][0]["busted"] is True
        assert otto.get("/api/v1/positions").json() == []


def test_the_second_operator_approves_what_the_first_asked_for(console: Console) -> None:
    before = float(console.supply())
    asked = console.done("olga", "/markets/MAHOMES/issue-shares", quantity="2", action_id="more-1")
    assert (asked["status"], asked["parameters"]["quantity_units"]) == ("proposed", 20_000)
    assert "more-1" in [item["action_id"] for item in console.get("aud", "/actions?status=proposed").json()["items"]]
    assert console.refusal("olga", "/actions/more-1/approve") == (403, "own_proposal")
    assert console.refusal("aud", "/actions/more-1/approve") == (403, "scope_is_missing")
    assert console.refusal("una", "/actions/more-1/approve") == (403, "step_up_is_required")
    assert console.refusal("otto", "/actions/more-1/approve", reason="") == (422, "reason_is_missing")
    assert float(console.supply()) == before
    done = console.done("otto", "/actions/more-1/approve", reason="seen")
    assert (done["status"], done["decision_reason"]) == ("done", "seen")
    assert done["decided_by"] == console.members["otto"].account_id
    assert console.done("otto", "/actions/more-1/approve", reason="seen")["status"] == "done"
    assert console.refusal("otto", "/actions/more-1/reject") == (409, "proposal_is_decided")
    assert float(console.supply()) == before + 2


def test_a_correction_waits_and_the_host_rejects_it(console: Console) -> None:
    asked = console.done("olga", path_of(console, "/accounts/{tess}/cash-corrections"), amount="-5.00")
    assert asked["status"] == "proposed"
    decision = ("--action-id", asked["action_id"], "--reason", "not agreed")
    listed = waiver_json("proposals", "list", data_dir=console.data_dir)["actions"]
    assert asked["action_id"] in [action["action_id"] for action in listed]
    rejected = waiver_json("proposals", "reject", *decision, data_dir=console.data_dir)
    assert (rejected["status"], rejected["decided_by"]) == ("rejected", "host")
    again = waiver("proposals", "approve", *decision, "--json", data_dir=console.data_dir)
    assert (again.code, again.json["error"]["code"]) == (1, "proposal_is_decided")


def test_what_an_operator_gives_himself_waits_for_another(console: Console) -> None:
    own = console.done("olga", path_of(console, "/accounts/{olga}/deposits"), amount="1000")
    assert own["status"] == "proposed"
    assert console.refusal("olga", f"/actions/{own['action_id']}/approve") == (403, "own_proposal")
    assert console.done("olga", f"/actions/{own['action_id']}/reject")["status"] == "rejected"


def test_an_operator_who_loses_role_or_is_frozen_loses_the_console_at_once(console: Console) -> None:
    otto = path_of(console, "/accounts/{otto}")
    console.done("olga", f"{otto}/freeze")
    assert console.get("otto", "/actions").status_code == 403
    console.done("olga", f"{otto}/unfreeze")
    assert console.get("otto", "/actions").status_code == 200
    console.done("olga", f"{otto}/role", role="trader")
    assert console.refusal("otto", "/exchange/halt") == (403, "scope_is_missing")
    console.done("olga", f"{otto}/role", role="operator")


@pytest.mark.parametrize("sent", ["SIGKILL", "SIGTERM"])
def test_a_proposal_and_its_approval_outlive_the_process(tmp_path: Path, sent: str) -> None:
    data_dir = tmp_path / "exchange"
    members = furnish(data_dir, {"olga": "operator", "otto": "operator"})
    with serving(data_dir=data_dir, settings=FOUR_EYES) as server:
        console = Console(server.url, data_dir, members)
        console.done("olga", "/markets/MAHOMES/issue-shares", quantity="1", action_id="more-1")
        server.process.send_signal(signal.Signals[sent])
        server.process.wait(20)
    with serving(data_dir=data_dir, settings=FOUR_EYES) as server:
        console = Console(server.url, data_dir, members)
        assert console.done("otto", "/actions/more-1/approve")["status"] == "done"
        server.process.send_signal(signal.Signals[sent])
        server.process.wait(20)
    with serving(data_dir=data_dir, settings=FOUR_EYES) as server:
        console = Console(server.url, data_dir, members)
        assert console.done("otto", "/actions/more-1/approve")["status"] == "done"
        assert console.supply() == "10001"
    assert waiver_json("verify", data_dir=data_dir)["ok"]
