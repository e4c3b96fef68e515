"""The Python client against a real server: what it says is what the server means."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.acceptance.conftest import Server, Trader
from waiver_exchange.client import (
    ApiError,
    AsyncStream,
    Client,
    OrderUpdate,
    RefusalCode,
    Resynced,
)
from waiver_exchange.client.models.markets import Level

CreateAccount = Callable[..., Trader]


@pytest.fixture
def buyer(create_account: CreateAccount) -> Client:
    return create_account("Buyer").client


@pytest.fixture
def seller(server: Server, create_account: CreateAccount) -> Client:
    trader = create_account("Seller")
    server.grant(trader, "100")
    return trader.client


@pytest.fixture
async def stream(create_account: CreateAccount) -> AsyncIterator[AsyncStream]:
    async with create_account("Follower").connect() as stream:
        yield stream


def test_an_order_is_placed_found_and_cancelled(buyer: Client) -> None:
    expires_at = datetime.now(tz=UTC) + timedelta(days=2)
    placed = buyer.place_order(
        symbol="MAHOMES",
        side="buy",
        type="limit",
        quantity=Decimal("1.5"),
        limit_price="15.01",
        time_in_force="gtd",
        expires_at=expires_at,
        client_order_id="a name",
    )
    assert (placed.status, placed.remaining_quantity, placed.limit_price) == ("open", Decimal("1.5"), Decimal("15.01"))
    assert placed.expires_at == expires_at
    assert buyer.order(placed.id) == placed
    assert buyer.order_named("a name") == placed
    assert buyer.order_named("no name") is None
    assert list(buyer.orders(status="open", symbol="MAHOMES", side="buy")) == [placed]
    assert Level(Decimal("15.01"), Decimal("1.5")) in buyer.book("MAHOMES").bids
    assert buyer.cancel_order(client_order_id="a name").status == "cancelled"
    assert buyer.cancel_all() == []


def test_an_order_is_replaced(buyer: Client) -> None:
    old = buyer.place_order(symbol="MAHOMES", side="buy", type="limit", quantity=2, limit_price="15.00")
    new = buyer.replace_order(old.id, quantity=1, limit_price="15.50")
    assert (new.replaces, new.quantity, new.limit_price) == (old.id, Decimal(1), Decimal("15.50"))
    assert buyer.order(old.id).status == "replaced"
    assert buyer.order(old.id).replaced_by == new.id
    assert [order.id for order in buyer.cancel_all(symbol="MAHOMES")] == [new.id]


def test_a_stop_order_is_held(buyer: Client) -> None:
    held = buyer.place_order(symbol="MAHOMES", side="buy", type="stop", quantity=1, stop_price="23.00")
    assert (held.status, held.stop_price, held.is_open) == ("held", Decimal("23.00"), True)
    assert buyer.cancel_order(held.id).status == "cancelled"


def test_a_refusal_says_why(buyer: Client) -> None:
    with pytest.raises(ApiError, match="insufficient_cash") as caught:
        buyer.place_order(symbol="MAHOMES", side="buy", type="limit", quantity=1000, limit_price="20.00")
    error = caught.value
    assert error.code is RefusalCode.insufficient_cash
    assert error.details == {"required": "20000.00", "available": "10000.00"}
    assert error.status == 403
    assert error.request_id
    with (
        Client(buyer.access.url, api_key="no", api_secret="key") as stranger,  # noqa: S106 - no secret
        pytest.raises(ApiError) as caught,
    ):
        stranger.account()
    assert caught.value.code is RefusalCode.credentials_are_wrong


def test_the_exchange_is_described(buyer: Client) -> None:
    assert buyer.status().status == "open"
    assert buyer.conservation().is_conserved
    assert buyer.fees().maker_fee_bps == 0
    assert buyer.limits().tick_size == Decimal("0.01")
    assert buyer.account_limits().orders_per_second is None  # the tests' servers have no limits


def test_keys_are_made_used_and_revoked(buyer: Client) -> None:
    made = buyer.create_key("bot", scopes=["read"])
    with Client(buyer.access.url, api_key=made.api_key, api_secret=made.api_secret) as bot:
        assert bot.account().id == buyer.account().id
        with pytest.raises(ApiError) as caught:
            bot.place_order(symbol="MAHOMES", side="buy", type="market", quantity=1)
        assert caught.value.code is RefusalCode.scope_is_missing
        with Client(buyer.access.url, token=bot.create_token().token) as short_lived:
            assert short_lived.positions() == []
        assert buyer.rename_key(made.id, "robot").name == "robot"
        assert buyer.revoke_key(made.id).revoked_at is not None
        with pytest.raises(ApiError):
            bot.account()
    assert "robot" in {key.name for key in buyer.keys()}  # noqa: SIM118 - no dictionary


async def test_a_stream_trades_and_tells(stream: AsyncStream, seller: Client) -> None:
    orders, account, trades = await stream.orders(), await stream.account(), await stream.trades("MAHOMES")
    book = await stream.book("MAHOMES")
    assert await anext(orders) == Resynced(open_orders=[])
    assert (await anext(account)).account.cash == Decimal("10000.00")

    placed = await stream.place_order(symbol="MAHOMES", side="buy", type="limit", quantity=3, limit_price="20.00")
    event = await anext(orders)
    assert isinstance(event, OrderUpdate)
    assert (event.kind, event.order) == ("accepted", placed)
    await book.wait()
    assert book.best_bid == Level(Decimal("20.00"), Decimal(3))

    sold = await asyncio.to_thread(lambda: seller.place_order(symbol="MAHOMES", side="sell", type="market", quantity=1))
    assert sold.status == "filled"
    event = await anext(orders)
    assert isinstance(event, OrderUpdate)
    assert (event.kind, event.position) == ("partially_filled", Decimal(1))
    assert (await anext(trades)) == event.trade
    while not (update := await anext(account)).positions:
        pass
    assert update.positions[0].quantity == 1

    replaced = await stream.replace_order(placed.id, limit_price="19.00")
    assert replaced.replaces == placed.id
    cancelled = await stream.cancel_order(client_order_id=replaced.client_order_id)
    assert cancelled.status == "cancelled"
    assert await stream.cancel_all() == []
    with pytest.raises(ApiError, match="order_is_final"):
        await stream.cancel_order(placed.id)


async def test_a_stream_survives_the_server(start_server: Callable[..., Server]) -> None:
    server = start_server()
    server.list_player()
    trader = server.create_account("Survivor")
    port = server.url.rpartition(":")[2]
    async with AsyncExitStack() as stack:
        stream = await stack.enter_async_context(trader.connect())
        orders, book = await stream.orders(), await stream.book("MAHOMES")
        placed = await stream.place_order(symbol="MAHOMES", side="buy", type="limit", quantity=1, limit_price="19.00")
        assert isinstance(await anext(orders), Resynced)
        assert isinstance(await anext(orders), OrderUpdate)

        await asyncio.to_thread(server.stop)
        again = await asyncio.to_thread(lambda: start_server(server.data_dir, arguments=("--port", port)))
        assert again.url == server.url
        event = await anext(orders)
        assert isinstance(event, Resynced)
        assert [order.id for order in event.open_orders] == [placed.id]
        while not book.is_current:
            await book.wait()
        assert book.best_bid == Level(Decimal("19.00"), Decimal(1))
        assert (await stream.cancel_order(placed.id)).status == "cancelled"


def test_without_asyncio_a_stream_trades_too(buyer: Client) -> None:
    with buyer.connect() as stream, stream.orders() as orders, stream.book("MAHOMES") as book:
        assert set(stream.scopes) == {"read", "trade", "admin"}
        placed = stream.place_order(symbol="MAHOMES", side="buy", type="limit", quantity=1, limit_price="15.25")
        kinds = [orders.next(timeout_seconds=10) for _ in range(2)]
        assert isinstance(kinds[0], Resynced)
        assert isinstance(kinds[1], OrderUpdate)
        assert book.wait()
        assert Level(Decimal("15.25"), Decimal(1)) in book.levels()[0]
        assert stream.cancel_order(placed.id).status == "cancelled"
