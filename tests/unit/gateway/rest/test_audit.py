"""Auditors read the trail and export the journal; everybody gets checkpoints, keys and the totals."""

import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from waiver_exchange.application import audit
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.api_keys import create_key
from waiver_exchange.application.checkpoints.checkpoint import read_signed
from waiver_exchange.application.checkpoints.note import VerifyingKey
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import Listing, grant_shares, list_player
from waiver_exchange.bootstrap import checkpoint_data_directory, running_exchange
from waiver_exchange.config import Settings
from waiver_exchange.domain import codes
from waiver_exchange.domain.audit_events import AuditEvent
from waiver_exchange.domain.commands import SetRole
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.gateway.app import build_app
from waiver_exchange.gateway.rest import audit as routes

Json = dict[str, Any]


class Desk(NamedTuple):
    """An exchange over HTTP, its trader Ann and an auditor's key."""

    exchange: Exchange
    settings: Settings
    http: httpx.AsyncClient
    ann: int
    auditor: int
    headers: dict[str, str]

    async def get(self, path: str) -> Json:
        answer = await self.http.get(f"/api/v1{path}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    settings = Settings(data_dir=tmp_path)
    async with running_exchange(settings) as exchange:
        ann = await create_account(exchange, name="Ann", cash_micros=1_000_000_000)
        auditor = await create_account(exchange, name="Audrey")
        await exchange.sequencer.submit(SetRole(account=auditor.account, role=codes.ROLE_AUDITOR))
        key = await create_key(exchange, account=auditor.account, scopes=["audit"])
        headers = {"X-API-Key": key.api_key, "X-API-Secret": key.api_secret}
        transport = httpx.ASGITransport(build_app(exchange))  # type: ignore[arg-type]  # the same protocol
        async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as http:
            yield Desk(exchange, settings, http, ann.account, auditor.account, headers)


async def make_events(desk: Desk) -> None:
    for number in range(6):
        await audit.record(
            desk.exchange,
            AuditEvent.key_made if number % 2 else AuditEvent.passkey_removed,
            account=desk.ann,
            actor=desk.auditor if number < 3 else 0,
            facts={"number": number},
        )
        if number == 3:
            await desk.exchange._store_changes()  # the rest is in memory only


def numbers(page: Json) -> list[int]:
    return [item["facts"]["number"] for item in page["items"] if "number" in item["facts"]]


async def test_events_are_listed_newest_first_and_by_pages(desk: Desk) -> None:
    await make_events(desk)
    ann = to_text(IdKind.account, desk.ann)
    everything = await desk.get(f"/audit/events?account={ann}")
    newest = everything["items"][0]
    assert (newest["event"], newest["account"], newest["actor"]) == ("key_made", ann, None)
    assert numbers(everything) == [5, 4, 3, 2, 1, 0]
    for direction, expected in (("desc", [5, 4, 3, 2, 1, 0]), ("asc", [0, 1, 2, 3, 4, 5])):
        found: list[int] = []
        cursor = ""
        while True:
            page = await desk.get(f"/audit/events?account={ann}&limit=2&direction={direction}{cursor}")
            found += numbers(page)
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
        assert found == expected


async def test_events_are_filtered(desk: Desk) -> None:
    await make_events(desk)
    auditor = to_text(IdKind.account, desk.auditor)
    assert numbers(await desk.get("/audit/events?event=key_made")) == [5, 3, 1]
    assert numbers(await desk.get(f"/audit/events?actor={auditor}")) == [2, 1, 0]
    assert numbers(await desk.get(f"/audit/events?actor=host&account={to_text(IdKind.account, desk.ann)}")) == [5, 4, 3]
    items = (await desk.get("/audit/events?event=key_made&direction=asc"))["items"]
    middle = [item["time"] for item in items if "number" in item["facts"]][1]
    assert numbers(await desk.get(f"/audit/events?event=key_made&start={middle}")) == [5, 3]
    assert numbers(await desk.get(f"/audit/events?event=key_made&end={middle}")) == [1]
    wrong = await desk.http.get("/api/v1/audit/events?event=nothing", headers=desk.headers)
    assert wrong.status_code == 422


@pytest.mark.parametrize("path", ["/api/v1/audit/events", "/api/v1/audit/export"])
async def test_a_trader_sees_nothing_of_the_trail(desk: Desk, path: str) -> None:
    key = await create_key(desk.exchange, account=desk.ann)
    answer = await desk.http.get(path, headers={"X-API-Key": key.api_key, "X-API-Secret": key.api_secret})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_is_missing")
    assert (await desk.http.get(path)).status_code == 401


async def test_an_export_is_recorded_and_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "EXPORT_ROWS_MAX", 3)
    answer = await desk.http.get("/api/v1/audit/export?first=2", headers=desk.headers)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert (lines[0]["first"], lines[0]["last"]) == (2, 4)
    assert [line["sequence"] for line in lines if "sequence" in line] == [2, 3, 4]
    assert "signature" in lines[-1]
    (event,) = (await desk.get("/audit/events?event=audit_exported"))["items"]
    assert event["actor"] == to_text(IdKind.account, desk.auditor)
    assert event["facts"] == {"first": 2, "last": 4}
    for query in ("first=1&last=4", "first=4&last=3", "first=1000000"):
        refused = await desk.http.get(f"/api/v1/audit/export?{query}", headers=desk.headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "audit_range_is_wrong")


async def test_reading_again_and_again_fills_no_journal(desk: Desk) -> None:
    foreign = desk.headers | {"Sec-Fetch-Site": "cross-site"}
    refused = await desk.http.get("/api/v1/audit/export", headers=foreign)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin_is_foreign")
    assert (await desk.get("/audit/events?event=audit_exported"))["items"] == []
    for _ in range(20):
        assert (await desk.http.get("/api/v1/audit/export", headers=desk.headers)).status_code == 200
    assert len((await desk.get("/audit/events?event=audit_exported"))["items"]) == 1
    assert (await desk.http.get("/api/v1/audit/export?first=2", headers=desk.headers)).status_code == 200
    assert len((await desk.get("/audit/events?event=audit_exported"))["items"]) == 2


async def test_checkpoints_and_keys_are_for_everybody(desk: Desk) -> None:
    desk.headers.clear()
    assert (await desk.get("/audit/checkpoints"))["items"] == []
    before = await desk.get("/audit/public-key")
    for _ in range(3):
        await audit.record(desk.exchange, AuditEvent.data_exported)
        await checkpoint_data_directory(desk.settings)
    keys = await desk.get("/audit/public-key")
    assert keys == before
    first = await desk.get("/audit/checkpoints?limit=2")
    second = await desk.get(f"/audit/checkpoints?limit=2&cursor={first['next_cursor']}")
    assert second["next_cursor"] is None
    items = first["items"] + second["items"]
    assert [item["number"] for item in items] == [3, 2, 1]
    key = VerifyingKey.parse(keys["public_keys"][0])
    for item in items:
        signed = read_signed(item["note"])
        signed.note.signed_by((key,))
        assert (signed.checkpoint.sequence, signed.checkpoint.chain.hex()) == (item["sequence"], item["chain"])
    assert all(
        read_signed(newer["note"]).checkpoint.previous == read_signed(older["note"]).checkpoint.hash
        for newer, older in pairwise(items)
    )


async def test_the_totals_say_what_is_owed_and_what_was_verified(desk: Desk) -> None:
    listing = Listing(symbol="A", name="A", position="QB", team="KC", supply_units=50_000, reference_price_cents=900)
    await list_player(desk.exchange, listing)
    await grant_shares(desk.exchange, account=desk.ann, symbol="A", quantity_units=12_500, reference="g")
    made = await checkpoint_data_directory(desk.settings)
    assert made is not None
    totals = await desk.get("/conservation")
    newest = await desk.exchange.journal.last()
    assert newest is not None
    assert (totals["sequence"], totals["chain"]) == (newest.sequence, newest.chain.hex())
    assert totals["is_conserved"]
    cash = [totals[f"cash_{name}"] for name in ("issued", "held", "owed", "house")]
    assert cash == ["1000.00", "1000.00", "1000.00", "0.00"]
    assert totals["shares"] == [{"symbol": "A", "issued": "5", "held": "5", "house": "3.75", "owed": "1.25"}]
    assert totals["verified"]["state_hash"] == made.checkpoint.state_hash
    assert totals["verified"]["chain"] == made.checkpoint.chain.hex()
    assert totals["problem"] is None
