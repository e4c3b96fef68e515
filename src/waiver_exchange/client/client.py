"""The exchange over REST.

Made from `async_client.py` by `make client`; change that one.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Unpack

from waiver_exchange.client.call import (
    Call,
    Page,
    delete,
    get,
    new_client_order_id,
    segment,
)
from waiver_exchange.client.errors import ApiError
from waiver_exchange.client.models.account import (
    Account,
    ApiKey,
    EquityInterval,
    EquityPeriod,
    EquityPoint,
    LedgerLine,
    NewApiKey,
    Position,
    Scope,
    Token,
)
from waiver_exchange.client.models.audit import AuditEvent, AuditPublicKeys, Checkpoint
from waiver_exchange.client.models.exchange import AccountLimits, Conservation, ExchangeStatus, Fees, Limits
from waiver_exchange.client.models.markets import (
    BookLevels,
    Candle,
    CandleInterval,
    Direction,
    Market,
    MarketSort,
    MarketStatus,
    Ticker,
    Trade,
)
from waiver_exchange.client.models.orders import Fill, NewOrder, Order, OrderChanges, OrderFilter, Side
from waiver_exchange.client.refusal_codes import RefusalCode
from waiver_exchange.client.streaming.stream import Stream
from waiver_exchange.client.streaming.subscription import QUEUE_EVENTS_MAX
from waiver_exchange.client.transport import Pages, Transport
from waiver_exchange.client.wire import plain

When = datetime | str | None


class Client(Transport):
    """One account's way to an exchange, or without a key the public's.

    Every method raises `ApiError` when the exchange refuses, `NoAnswerError` when nothing answers in time, and
    `UnexpectedAnswerError` when something else than an exchange answers. What may safely be sent again is, as the
    `RetryPolicy` says: an order only under its `client_order_id`, which is made when none is given.
    """

    def connect(self, *, queue_events_max: int = QUEUE_EVENTS_MAX) -> Stream:
        """Return a stream with this client's key: `with client.connect() as stream`."""
        return Stream(self.access, queue_events_max=queue_events_max)

    # Orders

    def place_order(self, **order: Unpack[NewOrder]) -> Order:
        """Place an order and return it as it stands after matching. Safe to call again with its `client_order_id`."""
        body = {"client_order_id": new_client_order_id(), **plain(order)}
        return self.send(Call(method="POST", path="/orders", kind=Order, body=body))

    def replace_order(self, order_id: str, **changes: Unpack[OrderChanges]) -> Order:
        """Change an open order and return the new order that took its place."""
        body = {"client_order_id": new_client_order_id(), **plain(changes)}
        return self.send(Call(method="PATCH", path=f"/orders/{segment(order_id)}", kind=Order, body=body))

    def cancel_order(self, order_id: str | None = None, *, client_order_id: str | None = None) -> Order:
        """Cancel an open order, named by either, and return it. Refused with `order_is_final` when it is not open."""
        if (order_id is None) == (client_order_id is None):
            raise ValueError("give either order_id or client_order_id")
        try:
            if order_id is not None:
                return self.send(delete(f"/orders/{segment(order_id)}", Order))
            (cancelled,) = self.send(delete("/orders", list[Order], client_order_id=client_order_id))
        except ApiError as refusal:
            # The first attempt may have cancelled it and only its answer was lost.
            if refusal.code == RefusalCode.order_is_final and refusal.attempts > 1:
                order = self.order(order_id) if order_id else self.order_named(client_order_id or "")
                if order is not None and order.status == "cancelled":
                    return order
            raise
        return cancelled

    def cancel_all(self, *, symbol: str | None = None) -> list[Order]:
        """Cancel all open orders, or those of one market, and return those that this cancelled."""
        return self.send(delete("/orders", list[Order], symbol=symbol))

    def order(self, order_id: str) -> Order:
        """Return one order."""
        return self.send(get(f"/orders/{segment(order_id)}", Order))

    def order_named(self, client_order_id: str) -> Order | None:
        """Return the order of that `client_order_id`, or None."""
        found = self.send(get("/orders", Page[Order], client_order_id=client_order_id))
        return found.items[0] if found.items else None

    def orders(
        self,
        *,
        status: OrderFilter | None = None,
        symbol: str | None = None,
        side: Side | None = None,
        start: When = None,
        end: When = None,
        direction: Direction | None = None,
        limit: int | None = None,
    ) -> Pages[Order]:
        """Go through the orders, newest first unless `direction` is `asc`."""
        call = get(
            "/orders",
            Page[Order],
            status=status,
            symbol=symbol,
            side=side,
            start=start,
            end=end,
            direction=direction,
        )
        return Pages(self, call, limit=limit)

    def fills(
        self,
        *,
        symbol: str | None = None,
        order_id: str | None = None,
        start: When = None,
        end: When = None,
        direction: Direction | None = None,
        limit: int | None = None,
    ) -> Pages[Fill]:
        """Go through the fills, newest first unless `direction` is `asc`."""
        call = get("/fills", Page[Fill], symbol=symbol, order_id=order_id, start=start, end=end, direction=direction)
        return Pages(self, call, limit=limit)

    # The account

    def account(self) -> Account:
        """Return cash and equity."""
        return self.send(get("/account", Account))

    def account_limits(self) -> AccountLimits:
        """Return how many requests each key of the account may send."""
        return self.send(get("/account/limits", AccountLimits))

    def positions(self) -> list[Position]:
        """Return the shares held, by symbol."""
        return self.send(get("/positions", list[Position]))

    def position(self, symbol: str) -> Position:
        """Return the shares held of one player."""
        return self.send(get(f"/positions/{segment(symbol)}", Position))

    def equity(
        self,
        *,
        period: EquityPeriod | None = None,
        start: When = None,
        end: When = None,
        interval: EquityInterval | None = None,
    ) -> list[EquityPoint]:
        """Return what the account was worth, oldest first: of a period up to now, or from start to end."""
        call = get("/account/equity", Page[EquityPoint], period=period, start=start, end=end, interval=interval)
        return (self.send(call)).items

    def ledger(
        self, *, start: When = None, end: When = None, direction: Direction | None = None, limit: int | None = None
    ) -> Pages[LedgerLine]:
        """Go through the statement: every change of cash and shares with the balance after it."""
        call = get("/ledger", Page[LedgerLine], start=start, end=end, direction=direction)
        return Pages(self, call, limit=limit)

    def ledger_csv(
        self, *, start: When = None, end: When = None, direction: Direction | None = None
    ) -> Iterator[bytes]:
        """Go through the statement as a CSV file, in pieces; a piece is not a line. Never sent twice."""
        return self.stream(get("/ledger.csv", bytes, start=start, end=end, direction=direction))

    # Keys

    def keys(self) -> list[ApiKey]:
        """Return the account's keys. Needs the scope `admin`, as do the other methods on keys."""
        return self.send(get("/keys", list[ApiKey]))

    def create_key(self, name: str, *, scopes: Sequence[Scope]) -> NewApiKey:
        """Make a key. The answer is the only place where its secret ever stands, so this is never sent twice."""
        body = {"name": name, "scopes": list(scopes)}
        return self.send(Call(method="POST", path="/keys", kind=NewApiKey, body=body, is_repeatable=False))

    def rename_key(self, key_id: str, name: str) -> ApiKey:
        """Give a key another name."""
        return self.send(Call(method="PATCH", path=f"/keys/{segment(key_id)}", kind=ApiKey, body={"name": name}))

    def revoke_key(self, key_id: str) -> ApiKey:
        """Make a key useless, for good."""
        return self.send(delete(f"/keys/{segment(key_id)}", ApiKey))

    def create_token(self) -> Token:
        """Return a short-lived token with the rights of this key, for where a secret should not be."""
        return self.send(Call(method="POST", path="/tokens", kind=Token))

    # The public part

    def markets(
        self,
        *,
        search: str | None = None,
        team: str | None = None,
        position: str | None = None,
        status: MarketStatus | None = None,
        sort: MarketSort | None = None,
        direction: Direction | None = None,
    ) -> list[Market]:
        """Return the markets that fit."""
        call = get(
            "/markets",
            list[Market],
            search=search,
            team=team,
            position=position,
            status=status,
            sort=sort,
            direction=direction,
        )
        return self.send(call)

    def market(self, symbol: str) -> Market:
        """Return one market."""
        return self.send(get(f"/markets/{segment(symbol)}", Market))

    def book(self, symbol: str, *, depth: int | None = None) -> BookLevels:
        """Return the best levels of a book."""
        return self.send(get(f"/markets/{segment(symbol)}/book", BookLevels, depth=depth))

    def recent_trades(self, *, symbol: str | None = None, limit: int | None = None) -> list[Trade]:
        """Return the newest trades of one market or of all, newest first."""
        return self.send(get("/trades", list[Trade], symbol=symbol, limit=limit))

    def trades(
        self,
        symbol: str,
        *,
        start: When = None,
        end: When = None,
        direction: Direction | None = None,
        limit: int | None = None,
    ) -> Pages[Trade]:
        """Go through the trades of a market, newest first unless `direction` is `asc`."""
        path = f"/markets/{segment(symbol)}/trades"
        return Pages(self, get(path, Page[Trade], start=start, end=end, direction=direction), limit=limit)

    def candles(
        self,
        symbol: str,
        *,
        interval: CandleInterval | None = None,
        start: When = None,
        end: When = None,
        direction: Direction | None = None,
        limit: int | None = None,
        fill: bool | None = None,
    ) -> Pages[Candle]:
        """Go through the candles of a market; `fill` adds those in which nothing traded."""
        path = f"/markets/{segment(symbol)}/candles"
        call = get(path, Page[Candle], interval=interval, start=start, end=end, direction=direction, fill=fill)
        return Pages(self, call, limit=limit)

    def tickers(self, *symbols: str) -> list[Ticker]:
        """Return the tickers of the symbols, or of all markets."""
        return self.send(get("/tickers", list[Ticker], symbols=symbols or None))

    def ticker(self, symbol: str) -> Ticker:
        """Return one market at a glance."""
        return self.send(get(f"/markets/{segment(symbol)}/ticker", Ticker))

    def status(self) -> ExchangeStatus:
        """Return whether the exchange trades, and how far it is."""
        return self.send(get("/status", ExchangeStatus))

    def conservation(self) -> Conservation:
        """Return the totals that prove that no cash and no share was made or lost."""
        return self.send(get("/conservation", Conservation))

    # Audit

    def checkpoints(self, *, limit: int | None = None) -> Pages[Checkpoint]:
        """Go through the signed checkpoints of the journal, newest first. Keep copies: they are what is verified."""
        return Pages(self, get("/audit/checkpoints", Page[Checkpoint]), limit=limit)

    def audit_public_keys(self) -> AuditPublicKeys:
        """Return the public keys that signed checkpoints."""
        return self.send(get("/audit/public-key", AuditPublicKeys))

    def audit_events(
        self,
        *,
        event: str | None = None,
        account: str | None = None,
        actor: str | None = None,
        start: When = None,
        end: When = None,
        direction: Direction | None = None,
        limit: int | None = None,
    ) -> Pages[AuditEvent]:
        """Go through security events and admin actions. Needs the scope `audit`, as does `journal_export`."""
        call = get(
            "/audit/events",
            Page[AuditEvent],
            event=event,
            account=account,
            actor=actor,
            start=start,
            end=end,
            direction=direction,
        )
        return Pages(self, call, limit=limit)

    def journal_export(self, *, first: int | None = None, last: int | None = None) -> Iterator[bytes]:
        """Go through rows of the journal as JSON Lines with their proof; a piece is not a line. Never sent twice."""
        return self.stream(get("/audit/export", bytes, first=first, last=last))

    def fees(self) -> Fees:
        """Return what trading costs."""
        return self.send(get("/fees", Fees))

    def limits(self) -> Limits:
        """Return what the exchange allows."""
        return self.send(get("/limits", Limits))
