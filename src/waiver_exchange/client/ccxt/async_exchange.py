"""The exchange as a class of CCXT.

For asyncio; `exchange.py` is made from this file by `make client`.
"""

from typing import Any

from ccxt.async_support.base.exchange import Exchange

from waiver_exchange.client.ccxt.parsing import Json, Waiver
from waiver_exchange.client.ccxt.routes import ImplicitAPI


class async_waiver(Waiver, ImplicitAPI, Exchange):
    """Waiver Exchange; the methods and structures are CCXT's."""

    async def fetch_markets(self, params: Json | None = None) -> list[Json]:
        return self.parse_markets(await self.public_get_markets(params or {}))

    async def fetch_balance(self, params: Json | None = None) -> Json:
        account = await self.private_get_account(params or {})
        return self.parse_balances(account, await self.private_get_positions())

    async def fetch_positions(self, symbols: list[str] | None = None, params: Json | None = None) -> list[Json]:
        await self.load_markets()
        return self.parse_positions(await self.private_get_positions(params or {}), symbols)

    async def fetch_ticker(self, symbol: str, params: Json | None = None) -> Json:
        await self.load_markets()
        market = self.market(symbol)
        ticker = await self.public_get_markets_symbol_ticker(self.extend({"symbol": market["id"]}, params or {}))
        return self.parse_ticker(ticker, market)

    async def fetch_tickers(self, symbols: list[str] | None = None, params: Json | None = None) -> Json:
        await self.load_markets()
        request = {} if symbols is None else {"symbols": ",".join(self.market_ids(symbols))}
        return self.parse_tickers(await self.public_get_tickers(self.extend(request, params or {})), symbols)

    async def fetch_order_book(self, symbol: str, limit: int | None = None, params: Json | None = None) -> Json:
        await self.load_markets()
        market = self.market(symbol)
        request = {"symbol": market["id"]} | ({} if limit is None else {"depth": limit})
        book = await self.public_get_markets_symbol_book(self.extend(request, params or {}))
        parsed = self.parse_order_book(book, market["symbol"])
        parsed["nonce"] = self.safe_integer(book, "sequence")
        return parsed

    async def fetch_ohlcv(
        self,
        symbol: str,
        timeframe: str = "1m",
        since: int | None = None,
        limit: int | None = None,
        params: Json | None = None,
    ) -> list[list[Any]]:
        await self.load_markets()
        market = self.market(symbol)
        request = self.candles_request(market, timeframe, since, limit, params or {})
        page = await self.public_get_markets_symbol_candles(request)
        return self.parse_ohlcvs(page["items"], market, timeframe, since, limit)

    async def fetch_trades(
        self, symbol: str, since: int | None = None, limit: int | None = None, params: Json | None = None
    ) -> list[Json]:
        await self.load_markets()
        market = self.market(symbol)
        request = self.extend({"symbol": market["id"]}, self.list_request(None, since, limit, params or {}))
        page = await self.public_get_markets_symbol_trades(request)
        return self.parse_trades(page["items"], market, since, limit)

    async def fetch_my_trades(
        self,
        symbol: str | None = None,
        since: int | None = None,
        limit: int | None = None,
        params: Json | None = None,
    ) -> list[Json]:
        await self.load_markets()
        page = await self.private_get_fills(self.list_request(symbol, since, limit, params or {}))
        return self.parse_trades(page["items"], None if symbol is None else self.market(symbol), since, limit)

    async def create_order(
        self,
        symbol: str,
        type: str,
        side: str,
        amount: float | str | None,
        price: float | str | None = None,
        params: Json | None = None,
    ) -> Json:
        await self.load_markets()
        market = self.market(symbol)
        request = self.order_request(market, type, side, amount, price, params or {})
        return self.parse_order(await self.private_post_orders(request), market)

    async def create_market_order_with_cost(
        self, symbol: str, side: str, cost: float | str, params: Json | None = None
    ) -> Json:
        return await self.create_order(symbol, "market", side, None, None, self.extend(params or {}, {"cost": cost}))

    async def create_market_buy_order_with_cost(
        self, symbol: str, cost: float | str, params: Json | None = None
    ) -> Json:
        return await self.create_market_order_with_cost(symbol, "buy", cost, params)

    async def create_market_sell_order_with_cost(
        self, symbol: str, cost: float | str, params: Json | None = None
    ) -> Json:
        return await self.create_market_order_with_cost(symbol, "sell", cost, params)

    async def edit_order(
        self,
        id: str,
        symbol: str,
        type: str,
        side: str,
        amount: float | str | None = None,
        price: float | str | None = None,
        params: Json | None = None,
    ) -> Json:
        await self.load_markets()
        request = self.changes_request(id, symbol, type, amount, price, params or {})
        return self.parse_order(await self.private_patch_orders_id(request), self.market(symbol))

    async def cancel_order(self, id: str | None, symbol: str | None = None, params: Json | None = None) -> Json:
        await self.load_markets()
        name = self.safe_string(params or {}, "clientOrderId")
        if name is not None:
            return self.parse_order((await self.private_delete_orders({"client_order_id": name}))[0])
        return self.parse_order(await self.private_delete_orders_id(self.extend({"id": id}, params or {})))

    async def cancel_all_orders(self, symbol: str | None = None, params: Json | None = None) -> list[Json]:
        await self.load_markets()
        request = self.list_request(symbol, None, None, params or {})
        market = None if symbol is None else self.market(symbol)
        return self.parse_orders(await self.private_delete_orders(request), market)

    async def fetch_order(self, id: str, symbol: str | None = None, params: Json | None = None) -> Json:
        await self.load_markets()
        return self.parse_order(await self.private_get_orders_id(self.extend({"id": id}, params or {})))

    async def fetch_orders(
        self,
        symbol: str | None = None,
        since: int | None = None,
        limit: int | None = None,
        params: Json | None = None,
    ) -> list[Json]:
        await self.load_markets()
        page = await self.private_get_orders(self.list_request(symbol, since, limit, params or {}))
        return self.parse_orders(page["items"], None if symbol is None else self.market(symbol), since, limit)

    async def fetch_open_orders(
        self,
        symbol: str | None = None,
        since: int | None = None,
        limit: int | None = None,
        params: Json | None = None,
    ) -> list[Json]:
        return await self.fetch_orders(symbol, since, limit, self.extend({"status": "open"}, params or {}))

    async def fetch_closed_orders(
        self,
        symbol: str | None = None,
        since: int | None = None,
        limit: int | None = None,
        params: Json | None = None,
    ) -> list[Json]:
        return await self.fetch_orders(symbol, since, limit, self.extend({"status": "closed"}, params or {}))
