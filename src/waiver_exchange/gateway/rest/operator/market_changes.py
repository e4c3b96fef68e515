"""What operators change about markets, and about the exchange as a whole."""

from dataclasses import asdict
from typing import Final

from waiver_exchange.application.operating import parameters as asked
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.commands import ExchangeParameters
from waiver_exchange.domain.ids import IdKind, from_uuid
from waiver_exchange.domain.limits import REFERENCE_LENGTH_MAX
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import body
from waiver_exchange.gateway.rest.operator.account_changes import integer
from waiver_exchange.gateway.rest.operator.changes import ACCOUNT_PATH, change_route, given
from waiver_exchange.gateway.rest.parameters import SYMBOL_PATH, SYMBOL_SCHEMA, Parameter
from waiver_exchange.gateway.rest.route import Call
from waiver_exchange.gateway.rest.values import Values

_R = RefusalReason
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 100}
_SYMBOL: Final = body.required_text("symbol", SYMBOL_SCHEMA, "The market's ticker.")
_NAME: Final = body.required_text("name", _TEXT, "The player's name.")
_POSITION: Final = body.required_text("position", _TEXT, "The playing position, such as QB.")
_TEAM: Final = body.required_text("team", _TEXT, "The team, such as KC.")
_SUPPLY: Final = body.quantity("supply", "Shares issued to the house; a hard cap.")
_PRICE: Final = body.price("reference_price", "Dollars per share; without it market orders wait for a trade.")
_BYE: Final = integer("bye_week", "The week without a game.")
_POINTS: Final = body.optional_text("projected_points", {"type": "string", "maxLength": 20}, "Decimal text.")
_QUANTITY: Final = body.quantity("quantity", "Shares, at most four decimals.")
_REFERENCE: Final = body.optional_text(
    "reference",
    {"type": "string", "minLength": 1, "maxLength": REFERENCE_LENGTH_MAX},
    "The same reference twice is done once.",
)
_BAND: Final = integer("band_bps", "Basis points; 0 is none, -1 the exchange's.", least=-1)
_SETTLED_AT: Final = body.price("price", "Dollars per share, from 0.")
_CORRECTION: Final = body.money("amount", "Dollars to the account; less than zero takes them back.")
_MOVED: Final = body.quantity("quantity", "Shares to the account; less than zero takes them back.")
_CANCELS: Final = body.flag("cancel_orders", "Take all open orders back too.")
PARAMETER_FIELDS: Final = tuple(
    integer(name, "See docs/trading-rules.md; what is not given stays.")
    for name in ExchangeParameters.__dataclass_fields__
)


def _trade(found: str) -> int:
    trade_id = from_uuid(IdKind.trade, found)
    if trade_id is None:
        raise RefusedError(_R.trade_not_found)
    return trade_id


def _nothing(_: Call, __: Values) -> asked.Nothing:
    return asked.Nothing()


def _one(call: Call, _: Values) -> asked.OneMarket:
    return asked.OneMarket(symbol=call[SYMBOL_PATH])


def _listed(_: Call, values: Values) -> asked.Listed:
    return asked.Listed(
        symbol=values[_SYMBOL],
        name=values[_NAME],
        position=values[_POSITION],
        team=values[_TEAM],
        supply_units=given(values, _SUPPLY),
        reference_price_cents=values[_PRICE] or 0,
        bye_week=values[_BYE] or 0,
        projected_points=values[_POINTS] or "",
    )


def _issue(call: Call, values: Values) -> asked.Issue:
    return asked.Issue(
        symbol=call[SYMBOL_PATH], quantity_units=given(values, _QUANTITY), reference=values[_REFERENCE] or ""
    )


def _grant(call: Call, values: Values) -> asked.Grant:
    return asked.Grant(
        account=call[ACCOUNT_PATH],
        symbol=values[_SYMBOL],
        quantity_units=given(values, _QUANTITY),
        reference=values[_REFERENCE] or "",
    )


def _parameters(call: Call, values: Values) -> ExchangeParameters:
    wanted = {field.name: values[field] for field in PARAMETER_FIELDS}
    before = asdict(call.exchange.state.parameters)
    return ExchangeParameters(**before | {name: value for name, value in wanted.items() if value is not None})


CORRECTING: Final = (
    _R.house_needs_no_correction,
    _R.correction_moves_nothing,
    _R.correction_is_too_large,
    _R.house_lacks_cash,
    _R.insufficient_cash,
    _R.insufficient_shares,
)
BUSTING: Final = (_R.trade_not_found, _R.house_lacks_cash, _R.insufficient_cash, _R.insufficient_shares)
SETTLING: Final = (
    _R.market_is_settled,
    _R.settlement_price_is_negative,
    _R.price_is_too_high,
    _R.cash_issued_would_be_too_large,
)
TRADE_PATH: Final = Parameter(
    name="trade_id",
    schema={"type": "string", "format": "uuid"},
    description="The trade's id.",
    parse=_trade,
    default=0,
    place="path",
    is_required=True,
)
_OF_MARKET: Final = (SYMBOL_PATH,)
_FOUND: Final = (_R.market_not_found,)
MARKET_CHANGES: Final = (
    change_route(
        path="/markets",
        name="listPlayer",
        summary="List a player; the supply goes to the house.",
        action="list_player",
        read=_listed,
        fields=(_SYMBOL, _NAME, _POSITION, _TEAM, _SUPPLY, _PRICE, _BYE, _POINTS),
        refusals=(
            _R.symbol_is_invalid,
            _R.symbol_already_listed,
            _R.supply_must_be_positive,
            _R.supply_would_be_too_large,
            _R.price_is_too_high,
        ),
    ),
    change_route(
        path="/markets/{symbol}/halt",
        name="haltMarket",
        summary="Take no new orders in a market until it is resumed.",
        action="halt_market",
        read=_one,
        parameters=_OF_MARKET,
        refusals=_FOUND,
    ),
    change_route(
        path="/markets/{symbol}/resume",
        name="resumeMarket",
        summary="Take orders in a market again.",
        action="resume_market",
        read=_one,
        parameters=_OF_MARKET,
        refusals=_FOUND,
    ),
    change_route(
        path="/markets/{symbol}/band",
        name="setBand",
        summary="Give a market a price band of its own.",
        action="set_band",
        read=lambda call, values: asked.Band(symbol=call[SYMBOL_PATH], band_bps=given(values, _BAND)),
        fields=(_BAND,),
        parameters=_OF_MARKET,
        refusals=(*_FOUND, _R.band_is_invalid),
    ),
    change_route(
        path="/markets/{symbol}/issue-shares",
        name="issueShares",
        summary="Issue more shares of a player to the house, which everybody can see.",
        action="issue_shares",
        read=_issue,
        fields=(_QUANTITY, _REFERENCE),
        parameters=_OF_MARKET,
        refusals=(
            *_FOUND,
            _R.quantity_must_be_positive,
            _R.supply_would_be_too_large,
            _R.reference_used_with_other_content,
            _R.reference_is_reserved,
        ),
    ),
    change_route(
        path="/accounts/{account_id}/share-grants",
        name="grantShares",
        summary="Move shares from the house to an account.",
        action="grant_shares",
        read=_grant,
        fields=(_SYMBOL, _QUANTITY, _REFERENCE),
        parameters=(ACCOUNT_PATH,),
        refusals=(
            *_FOUND,
            _R.account_not_found,
            _R.house_cannot_be_granted_shares,
            _R.quantity_must_be_positive,
            _R.insufficient_shares,
            _R.reference_used_with_other_content,
            _R.reference_is_reserved,
        ),
    ),
    change_route(
        path="/markets/{symbol}/settle",
        name="settleMarket",
        summary="Cancel a market's orders, pay a price for every share, and close it for good.",
        action="settle_market",
        read=lambda call, values: asked.Settlement(symbol=call[SYMBOL_PATH], price_cents=given(values, _SETTLED_AT)),
        fields=(_SETTLED_AT,),
        parameters=_OF_MARKET,
        refusals=(*_FOUND, *SETTLING),
    ),
    change_route(
        path="/accounts/{account_id}/cash-corrections",
        name="correctCash",
        summary="Move cash from the house to an account, or back: a balancing entry, never an edit.",
        action="correct_cash",
        read=lambda call, values: asked.CashCorrection(
            account=call[ACCOUNT_PATH], amount_micros=given(values, _CORRECTION)
        ),
        fields=(_CORRECTION,),
        parameters=(ACCOUNT_PATH,),
        refusals=(_R.account_not_found, *CORRECTING),
    ),
    change_route(
        path="/accounts/{account_id}/share-corrections",
        name="correctShares",
        summary="Move shares from the house to an account, or back: a balancing entry, never an edit.",
        action="correct_shares",
        read=lambda call, values: asked.ShareCorrection(
            account=call[ACCOUNT_PATH], symbol=values[_SYMBOL], quantity_units=given(values, _MOVED)
        ),
        fields=(_SYMBOL, _MOVED),
        parameters=(ACCOUNT_PATH,),
        refusals=(_R.account_not_found, *_FOUND, *CORRECTING),
    ),
    change_route(
        path="/trades/{trade_id}/bust",
        name="bustTrade",
        summary="Undo a trade by balancing entries; it stays on the tape, marked.",
        action="bust_trade",
        read=lambda call, _: asked.OneTrade(trade_id=call[TRADE_PATH]),
        parameters=(TRADE_PATH,),
        refusals=BUSTING,
    ),
    change_route(
        path="/kill-switch",
        name="useKillSwitch",
        summary="Halt the whole exchange before the next command, and cancel all open orders if wanted.",
        action="kill_switch",
        read=lambda _, values: asked.KillSwitch(cancels_orders=int(values[_CANCELS])),
        fields=(_CANCELS,),
    ),
    change_route(
        path="/exchange/halt",
        name="haltExchange",
        summary="Take no new orders anywhere.",
        action="halt_exchange",
        read=_nothing,
    ),
    change_route(
        path="/exchange/resume",
        name="resumeExchange",
        summary="Take orders again; what was halted one by one stays halted.",
        action="resume_exchange",
        read=_nothing,
    ),
    change_route(
        path="/exchange/parameters",
        name="configureExchange",
        summary="Set parameters of the whole exchange, in its own units.",
        action="configure_exchange",
        read=_parameters,
        fields=PARAMETER_FIELDS,
        refusals=(_R.parameters_are_invalid,),
    ),
)
