"""The link between the engine's process and gateways: what breaks it, what goes on meanwhile, and how it comes back."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.support.linked import caught_up, following, running_link, until
from tests.support.trading import ANN, BOB, SETUP, buy
from waiver_exchange.adapters.files.data_directory import DataDirectory
from waiver_exchange.adapters.link import follower as follower_module
from waiver_exchange.adapters.link import remote_sequencer, server, wire
from waiver_exchange.adapters.link.addresses import bind, socket_address
from waiver_exchange.adapters.link.elsewhere import ElsewhereError
from waiver_exchange.adapters.link.follower import Follower
from waiver_exchange.adapters.link.head import Head
from waiver_exchange.adapters.link.server import LinkServer
from waiver_exchange.adapters.link.wire import LinkError, Splitter
from waiver_exchange.adapters.sqlite.journal import SqliteJournal
from waiver_exchange.application.access import authenticate, authenticate_token, issue_token
from waiver_exchange.application.account_settings import change_settings
from waiver_exchange.application.api_keys import create_key
from waiver_exchange.application.cancel_order import cancel_order
from waiver_exchange.application.command_keys import symbol_key
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.outcome import Outcome
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.ports import Journal, JournalError, JournalRow, RequestRates
from waiver_exchange.application.queries import OrdersFilter
from waiver_exchange.application.recovery import catch_up
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.application.staging import Submission
from waiver_exchange.domain.commands import CancelOrder, Command, DepositCash, ListMarket
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.fold import Projector

if TYPE_CHECKING:
    from waiver_exchange.projections.feed_buffer import FeedBatch

R = RefusalReason
BID = OrderRequest(symbol="MAHOMES", side="buy", order_type="limit", quantity_units=100, limit_price_cents=2_000)


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[LinkServer]:
    async with running_link(tmp_path) as running:
        await prepare(running.exchange)
        yield running


@pytest.fixture
async def replica(link: LinkServer, tmp_path: Path) -> AsyncIterator[Exchange]:
    del link
    async with following(tmp_path) as (exchange,):
        yield exchange


async def prepare(exchange: Exchange) -> None:
    for command in SETUP:
        key = symbol_key("MAHOMES") if isinstance(command, ListMarket) else None
        (await exchange.sequencer.submit(command, key=key)).first_event()


async def refusal_of(work: "asyncio.Future[Outcome] | asyncio.Task[Outcome] | asyncio.Task[None]") -> RefusalReason:
    with pytest.raises(RefusedError) as caught:
        async with asyncio.timeout(10):
            await work
    return caught.value.reason


def submit(exchange: Exchange, command: Command) -> "asyncio.Task[Outcome]":
    return asyncio.create_task(exchange.sequencer.submit(command))


def deposit(reference: str) -> DepositCash:
    return DepositCash(account=ANN, amount_micros=1, reference=reference)


def cut(link: LinkServer) -> None:
    """Break every connection as a crash does."""
    for gateway in list(link._gateways):
        gateway._transport.abort()


@asynccontextmanager
async def held_commits(patch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Let no commit begin for the block; the event says that one wants to."""
    wants, go = asyncio.Event(), asyncio.Event()
    real = SqliteJournal.append

    async def append(journal: SqliteJournal, rows: Sequence[JournalRow]) -> None:
        wants.set()
        await go.wait()
        await real(journal, rows)

    with patch.context() as context:
        context.setattr(SqliteJournal, "append", append)
        yield wants
    go.set()


# Who may do what.


async def test_keys_made_elsewhere_open_and_keys_ended_elsewhere_do_not(link: LinkServer, replica: Exchange) -> None:
    key = await create_key(link.exchange, account=ANN)
    await caught_up(replica)
    caller = authenticate(replica, api_key=key.api_key, api_secret=key.api_secret)
    token = issue_token(link.exchange, caller)
    assert authenticate_token(replica, token=token.text).key_id == key.api_key

    await link.exchange.identity.revoke_key(key.api_key, at_ns=1)
    await caught_up(replica)
    with pytest.raises(RefusedError):
        authenticate(replica, api_key=key.api_key, api_secret=key.api_secret)
    with pytest.raises(RefusedError):
        authenticate_token(replica, token=token.text)


async def test_a_new_signing_key_and_limits_and_settings_count_at_once(link: LinkServer, replica: Exchange) -> None:
    key = await create_key(link.exchange, account=ANN)
    await link.exchange.tokens.rotate(at_once=True)
    await link.exchange.identity.set_rates(account=ANN, rates=RequestRates(orders_per_second=7))
    await change_settings(link.exchange, account=ANN, changes={"suspend_trade": True})
    await caught_up(replica)
    caller = authenticate(replica, api_key=key.api_key, api_secret=key.api_secret)
    assert authenticate_token(replica, token=issue_token(link.exchange, caller).text).account == ANN
    assert replica.identity.find_rates(ANN) == RequestRates(orders_per_second=7)
    with pytest.raises(RefusedError) as caught:
        await place_order(replica, account=ANN, request=BID)
    assert caught.value.reason == R.trading_is_suspended_by_owner
    assert replica.token_key == link.exchange.token_key


async def test_uses_and_failures_at_a_gateway_reach_the_engine(link: LinkServer, replica: Exchange) -> None:
    key = await create_key(link.exchange, account=ANN)
    await caught_up(replica)
    authenticate(replica, api_key=key.api_key, api_secret=key.api_secret)
    with pytest.raises(RefusedError):
        authenticate(replica, api_key=key.api_key, api_secret=key.api_key)
    await until(lambda: any(b"credentials_are_wrong" in row for row in audit_facts(link.exchange)))
    await until(lambda: link.exchange.identity.list_keys(ANN)[0].last_used_at_ns > 0)


def audit_facts(exchange: Exchange) -> list[bytes]:
    return [event.facts.encode() for event in exchange.state.audit]


async def test_what_a_gateway_does_not_have_says_so(replica: Exchange) -> None:
    for use in (
        lambda: replica.people.find_person_of(ANN),
        lambda: replica.identity.set_rates(account=ANN, rates=RequestRates()),
        lambda: replica.preferences.list_watchlists(ANN),
        replica.audit_seed,
        lambda: replica.writer,
    ):
        with pytest.raises((ElsewhereError, TypeError)):
            use()
    with pytest.raises(ElsewhereError):
        await replica.take_snapshot()


# Reads.


async def test_orders_leave_memory_when_the_engine_has_stored_them_and_stay_readable(
    link: LinkServer, replica: Exchange
) -> None:
    order = await place_order(replica, account=BOB, request=BID)
    await cancel_order(replica, account=BOB, order_id=order.order_id)
    resting = await place_order(replica, account=BOB, request=BID)
    await until(lambda: order.order_id not in replica.state.orders)
    assert link.exchange.stored_sequence >= replica.state.sequence - 1
    found = await replica.queries.order(account=BOB, order_id=order.order_id)
    assert found is not None
    assert found.status == "cancelled"
    page = await replica.queries.orders_page(account=BOB, filter=OrdersFilter(), limit=10)
    assert [order.order_id for order in page.items] == [resting.order_id, order.order_id]


async def test_a_gateway_that_comes_late_shows_the_same(link: LinkServer, tmp_path: Path) -> None:
    for number in range(50):
        await place_order(link.exchange, account=BOB, request=BID._replace(client_order_id=f"o{number}"))
    async with following(tmp_path) as (late,):
        assert late.sequencer.head == link.exchange.sequencer.head
        assert late.queries.conservation() == link.exchange.queries.conservation()
        assert late.state.account_orders[BOB].keys() == link.exchange.state.account_orders[BOB].keys()


async def test_what_one_gateway_answered_the_other_shows(link: LinkServer, tmp_path: Path) -> None:
    del link
    async with following(tmp_path, gateways=2) as (one, other):
        for number in range(300):
            asked, looked_at = (one, other) if number % 2 else (other, one)
            order = await place_order(asked, account=BOB, request=BID)
            await caught_up(looked_at)
            assert order.order_id in looked_at.state.orders, number


# When the link breaks.


async def test_without_the_engine_commands_are_refused_reads_go_on_and_it_comes_back(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with running_link(tmp_path) as first:
            await prepare(first.exchange)
            kept = await create_key(first.exchange, account=ANN)
            ended = await create_key(first.exchange, account=ANN)
            (replica,) = await stack.enter_async_context(following(tmp_path))
            batches: list[FeedBatch] = []
            replica.feed.subscribe(batches.append)
            replica.feed.watch_account(BOB)
            order = await place_order(replica, account=BOB, request=BID)
        await until(lambda: replica.sequencer.refusal == R.engine_is_unavailable)
        assert await refusal_of(submit(replica, deposit("a"))) == R.engine_is_unavailable
        await caught_up(replica)
        assert order.order_id in replica.state.orders
        assert replica.sequencer.failure is not None

        async with running_link(tmp_path) as second:
            # Before the gateway is back, and as soon as it is, nobody is told what is out of date.
            await second.exchange.identity.revoke_key(ended.api_key, at_ns=1)
            other = await place_order(second.exchange, account=BOB, request=BID)
            await caught_up(replica)
            assert other.order_id in replica.state.orders
            with pytest.raises(RefusedError):
                authenticate(replica, api_key=ended.api_key, api_secret=ended.api_secret)
            authenticate(replica, api_key=kept.api_key, api_secret=kept.api_secret)
            (await replica.sequencer.submit(deposit("a"))).first_event()
        told = [update.order.order_id for batch in batches for update in batch.orders]
        assert told == [order.order_id, other.order_id]


async def test_what_has_a_key_is_sent_again_and_of_the_rest_nobody_knows(
    link: LinkServer, replica: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await place_order(replica, account=BOB, request=BID)
    async with held_commits(monkeypatch) as wants:
        named = submit(replica, buy(BOB, price=2_000, quantity=10_000, name="a"))
        nameless = submit(replica, CancelOrder(account=BOB, order_id=order.order_id))
        await wants.wait()
        cut(link)
        assert await refusal_of(nameless) == R.outcome_is_unknown
    outcome = await named
    # It is the first and only one, though it was sent twice.
    assert outcome.is_repetition is False
    assert sum(order.client_order_id == "a" for order in replica.state.orders.values()) == 1
    again = await replica.sequencer.submit(buy(BOB, price=2_000, quantity=10_000, name="a"))
    assert (again.row, again.is_repetition) == (outcome.row, True)


async def test_who_waits_too_long_for_the_engine_is_told_that_nobody_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_sequencer, "RESEND_SECONDS", 0.05)
    async with AsyncExitStack() as stack, running_link(tmp_path) as link:
        await prepare(link.exchange)
        (replica,) = await stack.enter_async_context(following(tmp_path))
        async with held_commits(monkeypatch) as wants:
            named = submit(replica, deposit("a"))
            await wants.wait()
            link._server.close()
            link._path.unlink()
            cut(link)
            assert await refusal_of(named) == R.outcome_is_unknown


async def test_what_another_process_answered_before_it_died_is_shown(tmp_path: Path) -> None:
    """The rows are durable, the answer was given, and this gateway heard of neither."""
    async with running_link(tmp_path) as link:
        await prepare(link.exchange)
        async with following(tmp_path) as (replica,):
            link._server.close()
            link._path.unlink()
            cut(link)
            order = await place_order(link.exchange, account=BOB, request=BID)
            await caught_up(replica)
            assert order.order_id in replica.state.orders


async def test_without_engine_and_journal_nobody_is_told_what_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown as soon as the journal can be read, with the engine still away."""
    monkeypatch.setattr(follower_module, "FRESH_SECONDS", 0.1)
    monkeypatch.setattr(follower_module, "RETRY_SECONDS", 0.005)
    attempts = 0

    async def away(*_: object, **__: object) -> list[JournalRow]:
        nonlocal attempts
        attempts += 1
        if attempts % 2:
            await asyncio.sleep(10)
        raise JournalError("The journal is away.")

    async with AsyncExitStack() as stack, running_link(tmp_path) as link:
        await prepare(link.exchange)
        (replica,) = await stack.enter_async_context(following(tmp_path))
        with monkeypatch.context() as context:
            context.setattr(SqliteJournal, "read", away)
            link._server.close()
            link._path.unlink()
            cut(link)
            order = await place_order(link.exchange, account=BOB, request=BID)
            await until(lambda: attempts >= 4)
            assert await refusal_of(asyncio.create_task(caught_up(replica))) == R.engine_is_unavailable
        await until(lambda: replica.freshness is not None and not replica.freshness.is_behind)
        assert order.order_id in replica.state.orders


@pytest.mark.parametrize("how", ["full", "silent", "crowded"])
async def test_a_living_engine_that_lets_nobody_in_may_have_ended_keys(
    link: LinkServer, replica: Exchange, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The journal does not tell of keys, so reads wait for the engine however long it takes."""
    monkeypatch.setattr(follower_module, "FRESH_SECONDS", 0.05)
    monkeypatch.setattr(follower_module, "RETRY_SECONDS", 0.005)
    monkeypatch.setattr(follower_module, "WELCOME_SECONDS", 0.05)
    attempts = 0

    def count(*_: object) -> bool:
        nonlocal attempts
        attempts += 1
        return how == "silent"

    def connect(_: Path) -> None:
        count()
        raise BlockingIOError  # more want to connect than the socket lets wait

    key = await create_key(link.exchange, account=ANN)
    await caught_up(replica)
    with monkeypatch.context() as context:
        if how == "crowded":
            context.setattr(follower_module, "connect", connect)
        else:
            context.setattr(link, "join", count)
            context.setattr(link, "welcome", lambda _: None)
        cut(link)
        await link.exchange.identity.revoke_key(key.api_key, at_ns=1)
        await until(lambda: attempts >= 4)
        assert await refusal_of(asyncio.create_task(caught_up(replica))) == R.engine_is_unavailable
    monkeypatch.setattr(follower_module, "WELCOME_SECONDS", 10)
    await until(lambda: replica.freshness is not None and not replica.freshness.is_behind)
    with pytest.raises(RefusedError):
        authenticate(replica, api_key=key.api_key, api_secret=key.api_secret)


async def test_nobody_is_told_what_is_out_of_date_for_too_long(
    link: LinkServer, replica: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_module, "FRESH_SECONDS", 0.05)
    link._head.write(link._head.number + 1)
    with pytest.raises(RefusedError) as caught:
        await caught_up(replica)
    assert caught.value.reason == R.engine_is_unavailable
    # Who was refused waits no more, however long it lasts.
    assert isinstance(replica.freshness, Follower)
    assert not replica.freshness._waiters


async def test_who_greets_while_an_uncertain_commit_is_read_back_misses_no_row(
    link: LinkServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The commit arrived and its answer was lost; the gateway comes when the row is told and not yet answered."""
    real_append = SqliteJournal.append
    before = link.exchange.sequencer.head[0]
    async with AsyncExitStack() as stack:
        replicas: list[Exchange] = []

        async def append(journal: SqliteJournal, rows: Sequence[JournalRow]) -> None:
            await real_append(journal, rows)
            monkeypatch.setattr(SqliteJournal, "append", real_append)
            raise JournalError("The connection was lost after the commit.")

        async def slow_catch_up(
            projector: Projector, *, journal: Journal, until: int, on_folded: Callable[[Sequence[JournalRow]], None]
        ) -> None:
            await catch_up(projector, journal=journal, until=until, on_folded=on_folded)
            if projector.state.sequence > before and not replicas:
                replicas.extend(await stack.enter_async_context(following(tmp_path)))

        monkeypatch.setattr(SqliteJournal, "append", append)
        monkeypatch.setattr("waiver_exchange.application.sequencer.catch_up", slow_catch_up)
        outcome = await link.exchange.sequencer.submit(deposit("a"))
        (replica,) = replicas
        await caught_up(replica)
        assert replica.state.sequence == outcome.row.sequence


async def test_a_command_is_answered_once_though_its_outcome_was_unknown_first(
    link: LinkServer, replica: Exchange
) -> None:
    del replica
    (gateway,) = link._gateways
    gateway.under_way += 1
    submission = Submission(deposit("a"), answer=server._Answer(gateway, 7))
    submission.refuse(R.outcome_is_unknown)
    submission.resolve(JournalRow(1, 1, ANN, None, b"", b"", b""))
    assert (gateway._refused, gateway._rows, gateway.under_way) == ([7, int(R.outcome_is_unknown)], [], 0)
    gateway._refused.clear()


async def test_beats_go_on_when_the_status_could_not_be_told(
    link: LinkServer, replica: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def fail() -> wire.Status:
        nonlocal asked
        asked += 1
        raise RuntimeError("for a test")

    with monkeypatch.context() as context:
        context.setattr(link, "_status_now", fail)
        await until(lambda: asked >= 2)
    monkeypatch.setattr(link, "_status_now", lambda: wire.Status(warning="told"))
    await until(lambda: replica.warning == "told")


async def test_a_gateway_takes_only_so_many_commands_at_once(
    replica: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_sequencer, "IN_FLIGHT_MAX", 2)
    taken = [submit(replica, deposit(f"d{number}")) for number in range(3)]
    outcomes = await asyncio.gather(*taken, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Outcome, Outcome, RefusedError]
    (await replica.sequencer.submit(deposit("d2"))).first_event()


async def test_a_stop_answers_what_gateways_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncExitStack() as stack, running_link(tmp_path) as link:
        await prepare(link.exchange)
        (replica,) = await stack.enter_async_context(following(tmp_path))
        async with held_commits(monkeypatch) as wants:
            taken = submit(replica, deposit("a"))
            await wants.wait()
            closing = asyncio.create_task(link.close())
            await asyncio.sleep(0)
        assert (await taken).is_repetition is False
        await closing
        await link.start()


# Gateways that misbehave.


class RawGateway:
    """A connection that says whatever a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, data_dir: Path) -> "RawGateway":
        with socket_address(DataDirectory(data_dir).link_socket) as address:
            return cls(*await asyncio.open_unix_connection(address))

    def greet(self, version: str = "") -> None:
        self.writer.write(wire.encode(wire.Hello(version or wire.own_version(), os.getpid())))

    async def read_all(self) -> list[wire.ToGateway]:
        """Everything until the other side closes."""
        async with asyncio.timeout(5):
            data = await self.reader.read()
        self.writer.close()
        return [wire.read_by_gateway(body) for body in Splitter().split(data)]


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        (wire.encode(wire.Hello("1/0.0.1", 7)), "of version 1/0.0.1"),
        (wire.encode(wire.Commands([])), "no greeting"),
        (b"\x03\x00\x00\x00\x91\x63\x00", ""),
        (b"\xff\xff\xff\xff", "larger than"),
        (wire.encode(wire.Hello(wire.own_version(), 7)) + wire.encode(wire.Hello(wire.own_version(), 7)), "expected"),
        (
            wire.encode(wire.Hello(wire.own_version(), 7)) + wire.encode(wire.Commands([wire.Submitted(1, b"x" * 40)])),
            "cut short",
        ),
    ],
)
async def test_who_does_not_speak_the_language_is_sent_away_and_told_why(
    link: LinkServer, replica: Exchange, tmp_path: Path, frames: bytes, why: str
) -> None:
    raw = await RawGateway.connect(tmp_path)
    raw.writer.write(frames)
    *_, last = await raw.read_all()
    assert isinstance(last, wire.Farewell)
    assert why in last.reason
    (await replica.sequencer.submit(deposit("a"))).first_event()
    assert link.gateways == 1


async def test_a_gateway_of_another_version_ends_and_says_why(
    link: LinkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = wire.own_version()
    versions = iter(["1/0.0.1"])
    monkeypatch.setattr(wire, "own_version", lambda: next(versions, own))
    with pytest.raises(wire.OtherVersionError, match=f"the engine of {own}"):
        async with following(tmp_path):
            pytest.fail("it follows an engine of another version")
    await until(lambda: link.gateways == 0)
    assert caplog.text.count("it is of version 1/0.0.1") == 1


async def test_a_gateway_that_does_not_read_is_cut_off_and_disturbs_nobody(
    link: LinkServer, replica: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "BACKLOG_BYTES_MAX", 100_000)
    raw = await RawGateway.connect(tmp_path)
    raw.greet()
    await until(lambda: link.gateways == 2)
    raw.writer.transport.pause_reading()  # type: ignore[attr-defined]  # the transport reads too
    sent = 0
    while link.gateways == 2 and sent < 200:
        await asyncio.gather(*(submit(replica, deposit(f"{sent} {number}")) for number in range(100)))
        sent += 1
    assert link.gateways == 1
    (await replica.sequencer.submit(deposit("after"))).first_event()
    raw.writer.close()


async def test_messages_of_many_pieces_and_long_rows_arrive_whole() -> None:
    row = JournalRow(1, 2, 3, None, b"c" * 100, bytes(3 * 1024 * 1024), b"h" * 32)
    (first, second) = wire.in_parts([row, row._replace(sequence=2)])
    frames = wire.encode(wire.Rows(1, first)) + wire.encode(wire.Beat()) + wire.encode(wire.Rows(2, second))
    splitter, read = Splitter(), []
    for start in range(0, len(frames), 700_001):
        read += [wire.read_by_gateway(body) for body in splitter.split(frames[start : start + 700_001])]
    assert read == [wire.Rows(1, [row]), wire.Beat(), wire.Rows(2, [row._replace(sequence=2)])]
    with pytest.raises(LinkError):
        wire.read_by_gateway(msgspec.msgpack.encode([99]))
    with pytest.raises(LinkError):
        wire.encode(wire.Farewell("x" * (wire.FRAME_BYTES_MAX + 1)))


def test_the_head_is_shared_and_counts_on(tmp_path: Path) -> None:
    with Head(tmp_path / "head") as writer, Head(tmp_path / "head") as reader:
        writer.write(2**40 + 7)
        assert reader.number == 2**40 + 7
    with Head(tmp_path / "head") as again:
        assert again.number == 2**40 + 7
    assert (tmp_path / "head").stat().st_mode & 0o777 == 0o600


def test_nobody_but_the_service_s_own_user_connects_to_the_link(tmp_path: Path) -> None:
    with bind(tmp_path / "link.sock"):
        assert (tmp_path / "link.sock").stat().st_mode & 0o777 == 0o600
