"""A gateway follows an engine whose journal and history are in PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.linked import caught_up, following, running_engine, until
from tests.support.postgres_database import PostgresDatabase, postgres_database
from tests.support.postgres_server import running_postgres
from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.cancel_order import cancel_order
from waiver_exchange.application.markets import Listing, list_player
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.application.queries import OrdersFilter

LISTING = Listing(
    symbol="MAHOMES",
    name="Patrick Mahomes",
    position="QB",
    team="KC",
    supply_units=100_000_000,
    reference_price_cents=2_500,
)
BID = OrderRequest(symbol="MAHOMES", side="buy", order_type="limit", quantity_units=100, limit_price_cents=2_000)


@pytest.fixture
def database() -> Iterator[PostgresDatabase]:
    with running_postgres() as server, postgres_database(server) as made:
        yield made


async def test_two_gateways_follow_and_come_late_and_let_go_of_what_is_stored(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    url = database.url
    async with running_engine(tmp_path, database_url=url) as engine:
        await list_player(engine, LISTING)
        ann = (await create_account(engine, name="Ann", cash_micros=10**12)).account
        async with following(tmp_path, gateways=2, database_url=url) as (one, other):
            ended = await place_order(one, account=ann, request=BID._replace(client_order_id="a"))
            await cancel_order(other, account=ann, order_id=ended.order_id)
            resting = await place_order(other, account=ann, request=BID)
            for replica in (one, other):
                await caught_up(replica)
                await until(lambda: ended.order_id not in replica.state.orders)  # noqa: B023 - asked before the next
                found = await replica.queries.order_by_client_order_id(account=ann, client_order_id="a")
                assert found is not None
                assert found.status == "cancelled"
                page = await replica.queries.orders_page(account=ann, filter=OrdersFilter(), limit=10)
                assert [order.order_id for order in page.items] == [resting.order_id, ended.order_id]
        for number in range(100):
            await place_order(engine, account=ann, request=BID._replace(client_order_id=f"o{number}"))
        async with following(tmp_path, database_url=url) as (late,):
            assert late.sequencer.head == engine.sequencer.head
            assert late.state.account_orders[ann].keys() == engine.state.account_orders[ann].keys()
            assert late.queries.conservation() == engine.queries.conservation()
