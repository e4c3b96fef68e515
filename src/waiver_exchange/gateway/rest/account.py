"""What the asking account owns."""

from typing import Final

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest.bodies import AccountBody, PositionBody, account_body, position_body
from waiver_exchange.gateway.rest.parameters import SYMBOL_PATH
from waiver_exchange.gateway.rest.route import Answer, Call, Route, json_answer

_R = RefusalReason


async def _show_account(call: Call) -> Answer:
    summary = call.exchange.queries.account_summary(call.account)
    if summary is None:
        raise RefusedError(_R.account_not_found)
    return json_answer(account_body(summary, name=call.exchange.identity.find_name(call.account)))


async def _list_positions(call: Call) -> Answer:
    return json_answer([position_body(position) for position in call.exchange.queries.positions(call.account)])


async def _show_position(call: Call) -> Answer:
    market = call.exchange.market(call[SYMBOL_PATH]).market
    held = call.exchange.queries.positions(call.account)
    position = next((position for position in held if position.market == market), None)
    if position is None:
        raise RefusedError(_R.position_not_found)
    return json_answer(position_body(position))


ACCOUNT_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/account",
        name="getAccount",
        summary="Show the account's cash and equity.",
        tag="account",
        handler=_show_account,
        answer=AccountBody,
        refusals=(_R.account_not_found,),
    ),
    Route(
        method="GET",
        path="/api/v1/positions",
        name="listPositions",
        summary="List the account's shares, by symbol.",
        tag="account",
        handler=_list_positions,
        answer=list[PositionBody],
    ),
    Route(
        method="GET",
        path="/api/v1/positions/{symbol}",
        name="getPosition",
        summary="Show the account's shares of one player.",
        tag="account",
        handler=_show_position,
        answer=PositionBody,
        parameters=(SYMBOL_PATH,),
        refusals=(_R.market_not_found, _R.position_not_found),
    ),
)
