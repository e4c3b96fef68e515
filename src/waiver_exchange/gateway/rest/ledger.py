"""The account's statement: every movement of its cash and shares, with what it had after each."""

from collections.abc import AsyncIterator
from typing import Annotated, Final, get_args

import msgspec

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.queries import LedgerFilter, LedgerLine
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, to_text
from waiver_exchange.domain.money import format_money, format_quantity
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.csv_cells import csv_row
from waiver_exchange.gateway.rest.cursors import encode_cursor
from waiver_exchange.gateway.rest.formats import Id, Time, one_of
from waiver_exchange.gateway.rest.parameters import DIRECTION, END, START
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer
from waiver_exchange.gateway.rest.streaming import joined
from waiver_exchange.projections.state import MovementKind

_R = RefusalReason
_CURSOR: Final = "ledger"
_CASH: Final = "USD"
# Who is on the other side of a trade is nobody's business.
PARTIES: Final = ("account", "market", "house", "operator")
_CSV_LINES: Final = 500
_CSV: Final = "text/csv"
_CSV_HEADERS: Final = (
    (b"content-type", f"{_CSV}; charset=utf-8".encode()),
    (b"content-disposition", b'attachment; filename="ledger.csv"'),
)

_LIMIT: Final = parameters.limit()
_PAGE: Final = parameters.cursor(_CURSOR)

Kind = Annotated[str, one_of(get_args(MovementKind))]
Party = Annotated[str, one_of(PARTIES)]
Amount = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": r"^-?[0-9]+(\.[0-9]{1,6})?$"})]


class LedgerLineBody(msgspec.Struct, frozen=True, kw_only=True, rename={"source": "from", "destination": "to"}):
    """One movement of cash (`USD`) or of a player's shares: from whom, to whom, why, and the balance after it.

    An amount that went away is negative. `account` is the asking account, `market` the other side of a trade, `house`
    the exchange's own account, `operator` what issues cash and shares.
    """

    sequence: int
    line: int
    time: Time
    kind: Kind
    asset: str
    amount: Amount
    balance: Amount
    source: Party
    destination: Party
    trade_id: Id | None
    reference: str | None


class LedgerPageBody(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of the statement and what the next page is asked for by; null on the last one."""

    items: list[LedgerLineBody]
    next_cursor: str | None


async def _list(call: Call) -> Answer:
    cursor = call[_PAGE]
    page = await call.exchange.queries.ledger_page(
        account=call.account, filter=_filter_of(call), cursor=cursor[0] if cursor else None, limit=call[_LIMIT]
    )
    following = None if page.next_cursor is None else encode_cursor(_CURSOR, page.next_cursor)
    return json_answer(LedgerPageBody(items=_bodies(call.exchange, page.items), next_cursor=following))


async def _export(call: Call) -> Answer:
    lines = _csv_lines(call, _filter_of(call))
    # The first piece is made before anything is answered, so that a failure is still told as one.
    first = await anext(lines)
    return Answer(joined(first, lines), 200, _CSV_HEADERS)


async def _csv_lines(call: Call, lines: LedgerFilter) -> AsyncIterator[bytes]:
    names = LedgerLineBody.__struct_encode_fields__
    head = csv_row(names)
    cursor: int | None = None
    while True:
        page = await call.exchange.queries.ledger_page(
            account=call.account, filter=lines, cursor=cursor, limit=_CSV_LINES
        )
        rows = (csv_row(msgspec.structs.astuple(body)) for body in _bodies(call.exchange, page.items))
        yield (head + "".join(rows)).encode()
        head, cursor = "", page.next_cursor
        if cursor is None:
            return


def _filter_of(call: Call) -> LedgerFilter:
    return LedgerFilter(start_ns=call[START], end_ns=call[END], is_ascending=call[DIRECTION] == "asc")


def _bodies(exchange: Exchange, lines: list[LedgerLine]) -> list[LedgerLineBody]:
    return [_body(exchange, line) for line in lines]


def _body(exchange: Exchange, line: LedgerLine) -> LedgerLineBody:
    is_cash = line.market == 0
    text = format_money if is_cash else format_quantity
    return LedgerLineBody(
        sequence=line.sequence,
        line=line.line,
        time=format_time(line.time_ns),
        kind=line.kind,
        asset=_CASH if is_cash else exchange.state.markets[line.market].symbol,
        amount=text(line.amount),
        balance=text(line.balance),
        source=_party(line, line.from_account),
        destination=_party(line, line.to_account),
        trade_id=to_text(IdKind.trade, line.trade_id) if line.trade_id else None,
        reference=line.reference or None,
    )


def _party(line: LedgerLine, account: int) -> str:
    if account == line.account:
        return "account"
    if account == codes.OPERATOR:
        return "operator"
    is_between_traders = line.kind in {"trade", "bust"}
    return "market" if is_between_traders or account != codes.HOUSE_ACCOUNT else "house"


LEDGER_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/ledger",
        name="listLedger",
        summary="List the account's statement by pages.",
        tag="account",
        handler=_list,
        answer=LedgerPageBody,
        parameters=(START, END, DIRECTION, _LIMIT, _PAGE),
        refusals=(_R.history_is_unavailable,),
    ),
    Route(
        method="GET",
        path="/api/v1/ledger.csv",
        name="exportLedger",
        summary="Export the account's statement as a table.",
        description="A cell that a spreadsheet would take for a formula begins with an apostrophe.",
        tag="account",
        handler=_export,
        answer=None,
        parameters=(START, END, DIRECTION),
        refusals=(_R.history_is_unavailable,),
        media_type=_CSV,
    ),
)
