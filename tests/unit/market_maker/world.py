"""A small exchange with a market maker, for the tests of what it does there."""

import pytest

from waiver_exchange.application.accounts import create_account
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import (
    Listing,
    grant_shares,
    list_player,
)
from waiver_exchange.application.place_order import OrderRequest, place_order
from waiver_exchange.market_maker.market_maker import MarketMaker
from waiver_exchange.market_maker.quoting import QuotingRules
from waiver_exchange.projections.state import OrderView

SHARE = 10_000
MICROS = 1_000_000
SYMBOLS = tuple(f"P{number}" for number in range(8))


class World:
    """An exchange with eight players at $100.00, a market maker and one other trader."""

    def __init__(self, exchange: Exchange, *, account: int, client: int) -> None:
        self.exchange = exchange
        self.account = account
        self.client = client
        self.values: dict[str, int] = dict.fromkeys(SYMBOLS, 10_000)
        self.maker = self.restarted()

    def restarted(self, rules: QuotingRules | None = None) -> MarketMaker:
        return MarketMaker(self.exchange, account=self.account, fair_value_cents=self.values.get, rules=rules)

    def quotes(self, symbol: str | None = None) -> list[tuple[str, int, int]]:
        """The open orders of the market maker as symbol, price and what remains, bids first."""
        orders = sorted(self.open_orders(), key=lambda order: (order.market, order.limit_price_cents))
        found = [(self.symbol_of(order), order.limit_price_cents, order.remaining_units) for order in orders]
        return [quote for quote in found if symbol in {None, quote[0]}]

    def open_orders(self) -> list[OrderView]:
        own = self.exchange.state.account_orders.get(self.account, {})
        return [order for order in own.values() if order.is_open]

    def symbol_of(self, order: OrderView) -> str:
        return self.exchange.state.markets[order.market].symbol

    async def settle(self, maker: MarketMaker | None = None) -> None:
        """Let the market maker work until it is content."""
        for _ in range(40):
            before = self.exchange.state.sequence
            assert await (maker or self.maker).step() is None
            if self.exchange.state.sequence == before:
                return
        pytest.fail("the market maker never rests")

    async def trade(
        self, side: str, *, price: int, shares: int, symbol: str = "P0", time_in_force: str = "ioc"
    ) -> OrderView:
        request = OrderRequest(
            symbol=symbol,
            side=side,
            order_type="limit",
            time_in_force=time_in_force,
            quantity_units=shares * SHARE,
            limit_price_cents=price,
        )
        return await place_order(self.exchange, account=self.client, request=request)


async def build_world(exchange: Exchange) -> World:
    maker = (await create_account(exchange, name="market-maker", cash_micros=1_000_000 * MICROS)).account
    client = (await create_account(exchange, name="client", cash_micros=1_000_000 * MICROS)).account
    for symbol in SYMBOLS:
        listing = Listing(
            symbol=symbol, name=symbol, position="QB", team="KC", supply_units=100_000_000, reference_price_cents=10_000
        )
        await list_player(exchange, listing)
        await grant_shares(exchange, account=maker, symbol=symbol, quantity_units=3_000 * SHARE)
        await grant_shares(exchange, account=client, symbol=symbol, quantity_units=1_000 * SHARE)
    return World(exchange, account=maker, client=client)
