"""What operators and auditors look at: accounts, notes, orders and trades of everybody, limits of roles."""

from itertools import islice
from typing import Final, get_args

from waiver_exchange.application.authority import ROLES, role_of
from waiver_exchange.application.operating.views import record_view
from waiver_exchange.application.queries import FillsFilter, OrdersFilter, StatusFilter, TradesPage
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import body, parameters
from waiver_exchange.gateway.rest.bodies import format_time
from waiver_exchange.gateway.rest.body import Body
from waiver_exchange.gateway.rest.cursors import encode_cursor
from waiver_exchange.gateway.rest.operator.bodies import (
    HOST,
    AccountFileBody,
    AccountOrderBody,
    AccountOrdersPageBody,
    FullTradesPageBody,
    NoteBody,
    OperatedAccountBody,
    OperatedAccountsPageBody,
    RiskLimitsBody,
    account_facts,
    account_file,
    account_order_body,
    account_text,
    full_trade_body,
    limits_body,
)
from waiver_exchange.gateway.rest.operator.changes import ACCOUNT_PATH, ROOT, TAG
from waiver_exchange.gateway.rest.parameters import (
    DIRECTION,
    END,
    ORDER_ID_PATH,
    START,
    SYMBOL,
    Parameter,
    invalid,
)
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer

_R = RefusalReason
_LIMIT: Final = parameters.limit()
_ACCOUNTS: Final = "accounts"
_ACCOUNTS_PAGE: Final = parameters.cursor(_ACCOUNTS)
_ORDERS: Final = "orders-of-all"
_ORDERS_PAGE: Final = parameters.cursor(_ORDERS)
_TRADES: Final = "trades-of-all"
_TRADES_PAGE: Final = parameters.cursor(_TRADES)
_ROLE: Final = parameters.optional_word("role", ROLES, description="Only accounts of this role.")
_ROLE_NAME: Final = parameters.word("role", ROLES, default="trader", description="The role.")
_IS_FROZEN: Final = parameters.flag("frozen", description="Only accounts that are frozen.")
_STATUSES: Final[dict[str, StatusFilter]] = {name: name for name in get_args(StatusFilter)}
_STATUS: Final = parameters.word("status", _STATUSES, default="all", description="Which of them.")
_CLIENT_ORDER_ID: Final = parameters.text("client_order_id", description="Only this order; needs account_id.")
_NAME: Final = body.required_text("name", {"type": "string", "minLength": 1, "maxLength": 100}, "A part of the name.")
SEARCH_BODY: Final = Body("AccountSearchRequest", _NAME)
SEARCH_ACCOUNTS_MAX: Final = 100


def _account_query(given: str) -> int:
    account = from_uuid(IdKind.account, given)
    if account is None:
        raise invalid("account_id", expected="the id of an account")
    return account


_ACCOUNT: Final[Parameter[int | None]] = Parameter(
    name="account_id",
    schema={"type": "string", "format": "uuid"},
    description="Only this account.",
    parse=_account_query,
    default=None,
)


async def _list_accounts(call: Call) -> Answer:
    state, cursor, wanted = call.exchange.state, call[_ACCOUNTS_PAGE], call[_ROLE]
    found = (
        number
        for number, view in state.accounts.items()
        if (cursor is None or number > cursor[0])
        and (wanted is None or role_of(call.exchange, number) == ROLES[wanted])
        and (view.is_halted or not call[_IS_FROZEN])
    )
    limit = call[_LIMIT]
    page = list(islice(found, limit + 1))
    following = encode_cursor(_ACCOUNTS, page[limit - 1]) if len(page) > limit else None
    items = [OperatedAccountBody(**account_facts(call.exchange, number)) for number in page[:limit]]
    await record_view(call.exchange, call.caller, what="names")
    return json_answer(OperatedAccountsPageBody(items=items, next_cursor=following))


async def _search_accounts(call: Call) -> Answer:
    # In a body, because names do not belong into addresses, which are logged on their way.
    part = SEARCH_BODY.read(call.given)[_NAME].casefold()
    exchange = call.exchange
    names = ((number, exchange.identity.find_name(number) or "") for number in exchange.state.accounts)
    found = (number for number, name in names if part in name.casefold())
    page = list(islice(found, SEARCH_ACCOUNTS_MAX))
    await record_view(exchange, call.caller, what="names")
    return json_answer([OperatedAccountBody(**account_facts(exchange, number)) for number in page])


async def _show_account(call: Call) -> Answer:
    file = account_file(call.exchange, call[ACCOUNT_PATH])
    await record_view(call.exchange, call.caller, what="file", account=call[ACCOUNT_PATH])
    return json_answer(file)


async def _list_notes(call: Call) -> Answer:
    account_facts(call.exchange, call[ACCOUNT_PATH])
    await record_view(call.exchange, call.caller, what="notes", account=call[ACCOUNT_PATH])
    notes = await call.exchange.notes.list_notes(call[ACCOUNT_PATH])
    return json_answer(
        [
            NoteBody(
                id=note.note_id,
                author=account_text(note.author) if note.author else HOST,
                created_at=format_time(note.created_at_ns),
                text=note.text,
            )
            for note in notes
        ]
    )


async def _show_role_limits(call: Call) -> Answer:
    return json_answer(limits_body(call.exchange, scope=codes.LIMITS_OF_ROLE, number=ROLES[call[_ROLE_NAME]]))


async def _list_orders(call: Call) -> Answer:
    name, account = call[_CLIENT_ORDER_ID], call[_ACCOUNT]
    if name is not None:
        if account is None:
            raise invalid("client_order_id", expected="account_id beside it")
        named = await call.exchange.queries.order_by_client_order_id(account=account, client_order_id=name)
        items = [] if named is None else [account_order_body(call.exchange, named)]
        return json_answer(AccountOrdersPageBody(items=items, next_cursor=None))
    symbol, start, cursor = call[SYMBOL], call[START], call[_ORDERS_PAGE]
    is_ascending, behind = call[DIRECTION] == "asc", cursor[0] if cursor else None
    page = await call.exchange.queries.orders_page(
        account=account,
        filter=OrdersFilter(
            status=_STATUSES[call[_STATUS]],
            symbols=None if symbol is None else (call.exchange.market(symbol).symbol,),
            after_ns=None if start is None else start - 1,
            until_ns=call[END],
            before_order=None if is_ascending else behind,
            after_order=behind if is_ascending else None,
            is_ascending=is_ascending,
        ),
        limit=call[_LIMIT],
    )
    following = None if page.next_cursor is None else encode_cursor(_ORDERS, page.next_cursor)
    items = [account_order_body(call.exchange, order) for order in page.items]
    return json_answer(AccountOrdersPageBody(items=items, next_cursor=following))


async def _show_order(call: Call) -> Answer:
    order = await call.exchange.queries.order_of_anybody(call[ORDER_ID_PATH])
    if order is None:
        raise RefusedError(_R.order_not_found)
    return json_answer(account_order_body(call.exchange, order))


async def _list_trades(call: Call) -> Answer:
    symbol = None if call[SYMBOL] is None else call.exchange.market(call[SYMBOL] or "").symbol
    cursor = call[_TRADES_PAGE]
    behind = cursor[0] if cursor else None
    found = await (_trades_of_all if call[_ACCOUNT] is None else _trades_of_one)(call, symbol=symbol, behind=behind)
    following = None if found.next_cursor is None else encode_cursor(_TRADES, found.next_cursor)
    items = [full_trade_body(call.exchange, trade) for trade in found.items]
    return json_answer(FullTradesPageBody(items=items, next_cursor=following))


async def _trades_of_all(call: Call, *, symbol: str | None, behind: int | None) -> TradesPage:
    page = await call.exchange.queries.trades_page(
        symbol=symbol,
        start_ns=call[START],
        end_ns=call[END],
        cursor=behind,
        limit=call[_LIMIT],
        is_ascending=call[DIRECTION] == "asc",
    )
    assert page is not None  # noqa: S101 - the market is known
    return page


async def _trades_of_one(call: Call, *, symbol: str | None, behind: int | None) -> TradesPage:
    start = call[START]
    fills_filter = FillsFilter(
        symbol=symbol,
        after_ns=None if start is None else start - 1,
        until_ns=call[END],
        is_ascending=call[DIRECTION] == "asc",
    )
    page = await call.exchange.queries.fills_page(
        account=call[_ACCOUNT] or 0, filter=fills_filter, cursor=behind, limit=call[_LIMIT]
    )
    return TradesPage([fill.trade for fill in page.items], page.next_cursor)


_PAGED: Final = (START, END, DIRECTION, _LIMIT)
LOOK_UP_ROUTES: Final = (
    Route(
        method="GET",
        path=f"{ROOT}/accounts",
        name="listAccounts",
        summary="List accounts in the order of their opening.",
        tag=TAG,
        handler=_list_accounts,
        answer=OperatedAccountsPageBody,
        access="audit",
        parameters=(_ROLE, _IS_FROZEN, _LIMIT, _ACCOUNTS_PAGE),
    ),
    Route(
        method="POST",
        path=f"{ROOT}/accounts/search",
        name="searchAccounts",
        summary="Find accounts by a part of their name, at most 100; it changes nothing.",
        tag=TAG,
        handler=_search_accounts,
        answer=list[OperatedAccountBody],
        access="audit",
        body=SEARCH_BODY,
        refusals=(_R.field_is_missing,),
    ),
    Route(
        method="GET",
        path=f"{ROOT}/accounts/{{account_id}}",
        name="getAccountFile",
        summary="Show an account: balances, role, limits, positions, keys, sessions.",
        tag=TAG,
        handler=_show_account,
        answer=AccountFileBody,
        access="audit",
        parameters=(ACCOUNT_PATH,),
        refusals=(_R.account_not_found,),
    ),
    Route(
        method="GET",
        path=f"{ROOT}/accounts/{{account_id}}/notes",
        name="listNotes",
        summary="List the notes about an account, oldest first.",
        tag=TAG,
        handler=_list_notes,
        answer=list[NoteBody],
        access="audit",
        parameters=(ACCOUNT_PATH,),
        refusals=(_R.account_not_found, _R.identity_is_unavailable),
    ),
    Route(
        method="GET",
        path=f"{ROOT}/role-limits",
        name="getRoleLimits",
        summary="Show the risk limits of a role.",
        tag=TAG,
        handler=_show_role_limits,
        answer=RiskLimitsBody,
        access="audit",
        parameters=(_ROLE_NAME,),
    ),
    Route(
        method="GET",
        path=f"{ROOT}/orders",
        name="listOrdersOfAll",
        summary="List orders of all accounts by pages.",
        tag=TAG,
        handler=_list_orders,
        answer=AccountOrdersPageBody,
        access="audit",
        parameters=(_STATUS, _ACCOUNT, SYMBOL, _CLIENT_ORDER_ID, *_PAGED, _ORDERS_PAGE),
        refusals=(_R.market_not_found, _R.history_is_unavailable),
    ),
    Route(
        method="GET",
        path=f"{ROOT}/orders/{{order_id}}",
        name="getOrderOfAnybody",
        summary="Show an order, whoever it belongs to.",
        tag=TAG,
        handler=_show_order,
        answer=AccountOrderBody,
        access="audit",
        parameters=(ORDER_ID_PATH,),
        refusals=(_R.order_not_found, _R.history_is_unavailable),
    ),
    Route(
        method="GET",
        path=f"{ROOT}/trades",
        name="listTradesOfAll",
        summary="List trades with both of their sides by pages.",
        tag=TAG,
        handler=_list_trades,
        answer=FullTradesPageBody,
        access="audit",
        parameters=(_ACCOUNT, SYMBOL, *_PAGED, _TRADES_PAGE),
        refusals=(_R.market_not_found, _R.history_is_unavailable),
    ),
)
