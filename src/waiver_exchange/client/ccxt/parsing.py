"""Between CCXT's structures and the exchange's JSON, the same with and without asyncio."""

from typing import Any, Final
from urllib.parse import urlencode

from ccxt.base.errors import ExchangeError, InvalidOrder, NotSupported
from ccxt.base.precise import Precise

from waiver_exchange.client.ccxt.description import CASH, description

Json = dict[str, Any]
_NONE: Final = {"min": None, "max": None}
_STATUSES: Final = {
    "open": "open",
    "held": "open",
    "partially_filled": "open",
    "filled": "closed",
    "cancelled": "canceled",
    "replaced": "canceled",
    "expired": "expired",
    "rejected": "rejected",
}
_TYPES: Final = {"stop": "market", "stop_limit": "limit"}


class Waiver:
    """A mixin of CCXT's exchange classes: whatever needs no request."""

    def describe(self) -> Json:
        return self.deep_extend(super().describe(), description())

    def sign(self, path, api="public", method="GET", params=None, headers=None, body=None) -> Json:
        section = api if isinstance(api, str) else api[0]
        given = params or {}
        url = self.implode_hostname(self.urls["api"][section]) + "/" + self.implode_params(path, given)
        query = self.omit(given, self.extract_params(path))
        sent = dict(headers or {})
        if section == "private":
            self.check_required_credentials()
            sent |= {"X-API-Key": self.apiKey, "X-API-Secret": self.secret}
        if method in {"POST", "PATCH"}:
            body = self.json(query)
            sent["Content-Type"] = "application/json"
        elif query:
            url += "?" + urlencode(query)
        return {"url": url, "method": method, "body": body, "headers": sent}

    def handle_errors(self, code, reason, url, method, headers, body, response, request_headers, request_body) -> None:
        error = self.safe_dict(response, "error") if isinstance(response, dict) else None
        if error is None:
            return
        feedback = f"{self.id} {body}"
        self.throw_exactly_matched_exception(self.exceptions["exact"], self.safe_string(error, "code"), feedback)
        self.throw_exactly_matched_exception(self.exceptions["status"], str(code), feedback)
        raise ExchangeError(feedback)

    # Requests

    def order_request(self, market: Json, type: str, side: str, amount, price, params: Json) -> Json:
        """Return the body of an order; `params` may hold CCXT's unified ones and the exchange's own fields."""
        trigger = self.safe_string_2(params, "triggerPrice", "stopPrice")
        cost = self.safe_string(params, "cost")
        is_market = type == "market"
        time_in_force = self.safe_string(params, "timeInForce")
        request = {
            "symbol": market["id"],
            "side": side,
            "type": type if trigger is None else {"market": "stop", "limit": "stop_limit"}.get(type, type),
            "client_order_id": self.safe_string_2(params, "clientOrderId", "client_order_id", self.uuid()),
        }
        if cost is not None:
            request["notional"] = self.cost_to_precision(market["symbol"], cost)
        else:
            request["quantity"] = self.amount_to_precision(market["symbol"], amount)
        if not is_market:
            if price is None:
                raise InvalidOrder(f"{self.id} createOrder() needs a price for a {type} order")
            request["limit_price"] = self.price_to_precision(market["symbol"], price)
        if trigger is not None:
            request["stop_price"] = self.price_to_precision(market["symbol"], trigger)
        if time_in_force == "PO" or self.safe_bool(params, "postOnly"):
            request["post_only"] = True
        elif time_in_force is not None:
            request["time_in_force"] = time_in_force.lower()
        own = self.omit(
            params,
            ["clientOrderId", "client_order_id", "cost", "postOnly", "stopPrice", "timeInForce", "triggerPrice"],
        )
        return self.extend(request, own)

    def changes_request(self, id: str, symbol: str, type: str, amount, price, params: Json) -> Json:
        """Return the body of a replacement."""
        trigger = self.safe_string_2(params, "triggerPrice", "stopPrice")
        name = self.safe_string_2(params, "clientOrderId", "client_order_id", self.uuid())
        request = {"id": id, "client_order_id": name}
        if amount is not None:
            request["quantity"] = self.amount_to_precision(symbol, amount)
        if price is not None and type != "market":
            request["limit_price"] = self.price_to_precision(symbol, price)
        if trigger is not None:
            request["stop_price"] = self.price_to_precision(symbol, trigger)
        own = self.omit(params, ["clientOrderId", "client_order_id", "stopPrice", "triggerPrice"])
        return self.extend(request, own)

    def list_request(self, symbol: str | None, since: int | None, limit: int | None, params: Json) -> Json:
        """Return the query of a list: oldest first from `since` on, or the newest."""
        request: Json = {}
        if symbol is not None:
            request["symbol"] = self.market(symbol)["id"]
        if since is not None:
            request["start"] = self.iso8601(since)
            request["direction"] = "asc"
        if limit is not None:
            request["limit"] = min(limit, 500)
        until = self.safe_integer(params, "until")
        if until is not None:
            request["end"] = self.iso8601(until)
        return self.extend(request, self.omit(params, "until"))

    def candles_request(self, market: Json, timeframe: str, since: int | None, limit: int | None, params: Json) -> Json:
        """Return the path's parts and the query of candles."""
        if timeframe not in self.timeframes:
            raise NotSupported(f"{self.id} has no candles of {timeframe}")
        request = {"symbol": market["id"], "interval": self.timeframes[timeframe]}
        return self.extend(request, self.list_request(None, since, limit, params))

    # Answers

    def parse_market(self, market: Json) -> Json:
        symbol_id = self.safe_string(market, "symbol")
        return self.safe_market_structure(
            {
                "id": symbol_id,
                "symbol": f"{symbol_id}/{CASH}",
                "base": symbol_id,
                "quote": CASH,
                "baseId": symbol_id,
                "quoteId": CASH,
                "type": "spot",
                "spot": True,
                "margin": False,
                "swap": False,
                "future": False,
                "option": False,
                "contract": False,
                "active": self.safe_string(market, "status") == "open",
                "precision": {"amount": self.parse_number("0.0001"), "price": self.parse_number("0.01")},
                "limits": {
                    "leverage": _NONE,
                    "amount": {"min": self.parse_number("0.0001"), "max": self.safe_number(market, "supply")},
                    "price": {"min": self.parse_number("0.01"), "max": self.parse_number("10485.74")},
                    "cost": _NONE,
                },
                "info": market,
            }
        )

    def parse_balances(self, account: Json, positions: list[Json]) -> Json:
        """Return cash and shares, each under its ticker."""
        result: Json = {"info": {"account": account, "positions": positions}}
        cash = self.account()
        cash["free"] = self.safe_string(account, "cash_available")
        cash["used"] = self.safe_string(account, "cash_held")
        cash["total"] = self.safe_string(account, "cash")
        result[CASH] = cash
        for position in positions:
            shares = self.account()
            shares["free"] = self.safe_string(position, "quantity_available")
            shares["total"] = self.safe_string(position, "quantity")
            result[self.safe_string(position, "symbol")] = shares
        return self.safe_balance(result)

    def parse_ticker(self, ticker: Json, market: Json | None = None) -> Json:
        found = self.safe_market(self.safe_string(ticker, "symbol"), market)
        timestamp = self.parse8601(self.safe_string(ticker, "time"))
        last = self.safe_string(ticker, "last")
        change = self.safe_string(ticker, "change_24h")
        return self.safe_ticker(
            {
                "symbol": found["symbol"],
                "timestamp": timestamp,
                "datetime": self.iso8601(timestamp),
                "open": None if last is None or change is None else Precise.string_sub(last, change),
                "close": last,
                "last": last,
                "high": self.safe_string(ticker, "high_24h"),
                "low": self.safe_string(ticker, "low_24h"),
                "bid": self.safe_string(ticker, "bid"),
                "bidVolume": self.safe_string(ticker, "bid_quantity"),
                "ask": self.safe_string(ticker, "ask"),
                "askVolume": self.safe_string(ticker, "ask_quantity"),
                "change": change,
                "percentage": self.safe_string(ticker, "change_24h_percent"),
                "baseVolume": self.safe_string(ticker, "volume_24h"),
                "info": ticker,
            },
            found,
        )

    def parse_ohlcv(self, ohlcv: Json, market: Json | None = None) -> list[Any]:
        prices = [self.safe_number(ohlcv, name) for name in ("open", "high", "low", "close", "volume")]
        return [self.parse8601(self.safe_string(ohlcv, "time")), *prices]

    def parse_trade(self, trade: Json, market: Json | None = None) -> Json:
        """Read a trade of the tape, or a fill of the account, which has an order and a fee."""
        found = self.safe_market(self.safe_string(trade, "symbol"), market)
        timestamp = self.parse8601(self.safe_string(trade, "time"))
        fee = self.safe_string(trade, "fee")
        return self.safe_trade(
            {
                "id": self.safe_string(trade, "id"),
                "order": self.safe_string(trade, "order_id"),
                "timestamp": timestamp,
                "datetime": self.iso8601(timestamp),
                "symbol": found["symbol"],
                "type": None,
                "side": self.safe_string(trade, "side"),
                "takerOrMaker": self.safe_string(trade, "liquidity"),
                "price": self.safe_string(trade, "price"),
                "amount": self.safe_string(trade, "quantity"),
                "cost": None,
                "fee": None if fee is None else {"cost": self.parse_number(fee), "currency": CASH},
                "info": trade,
            },
            found,
        )

    def parse_order(self, order: Json, market: Json | None = None) -> Json:
        found = self.safe_market(self.safe_string(order, "symbol"), market)
        timestamp = self.parse8601(self.safe_string(order, "created_at"))
        status, kind = self.safe_string(order, "status"), self.safe_string(order, "type")
        post_only = self.safe_bool(order, "post_only")
        return self.safe_order(
            {
                "id": self.safe_string(order, "id"),
                "clientOrderId": self.safe_string(order, "client_order_id"),
                "timestamp": timestamp,
                "datetime": self.iso8601(timestamp),
                "lastUpdateTimestamp": self.parse8601(self.safe_string(order, "updated_at")),
                "status": self.safe_string(_STATUSES, status, status),
                "symbol": found["symbol"],
                "type": self.safe_string(_TYPES, kind, kind),
                "timeInForce": "PO" if post_only else self.safe_string_upper(order, "time_in_force"),
                "postOnly": post_only,
                "side": self.safe_string(order, "side"),
                "price": self.safe_string(order, "limit_price"),
                "triggerPrice": self.safe_string(order, "stop_price"),
                "average": self.safe_string(order, "average_fill_price"),
                "amount": self.safe_string(order, "quantity"),
                "filled": self.safe_string(order, "filled_quantity"),
                "fee": {"cost": self.safe_number(order, "fees"), "currency": CASH},
                "info": order,
            },
            found,
        )

    def parse_position(self, position: Json, market: Json | None = None) -> Json:
        found = self.safe_market(self.safe_string(position, "symbol"), market)
        return self.safe_position(
            {
                "symbol": found["symbol"],
                "side": "long",
                "contracts": self.safe_number(position, "quantity"),
                "contractSize": self.parse_number("1"),
                "entryPrice": self.safe_number(position, "average_cost"),
                "notional": self.safe_number(position, "market_value"),
                "unrealizedPnl": self.safe_number(position, "unrealized_profit"),
                "realizedPnl": self.safe_number(position, "realized_profit"),
                "info": position,
            }
        )
