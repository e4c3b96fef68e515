"""What everybody may see, without a key: markets and their books."""

from typing import Final

from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.rest import parameters
from waiver_exchange.gateway.rest.bodies import BookBody, MarketBody
from waiver_exchange.gateway.rest.market_choice import SORTS, choose_markets
from waiver_exchange.gateway.rest.parameters import SYMBOL_PATH
from waiver_exchange.gateway.rest.route import Answer, Call, Route, answer_if_changed

_R = RefusalReason
DEPTH_DEFAULT: Final = 50
DEPTH_MAX: Final = 1_000

_DEPTH: Final = parameters.whole_number(
    "depth", default=DEPTH_DEFAULT, largest=DEPTH_MAX, description="How many levels of each side at most."
)
_SEARCH: Final = parameters.text("search", description="Part of the ticker or of the player's name, in any case.")
_TEAM: Final = parameters.text("team", description="Only this team, such as KC.")
_POSITION: Final = parameters.text("position", description="Only this position, such as QB.")
_STATUS: Final = parameters.optional_word("status", ("open", "halted"), description="Only open or halted markets.")
_SORT: Final = parameters.optional_word(
    "sort", SORTS, description="`change` and `volume` are those of the last 24 hours."
)
_DIRECTION: Final = parameters.word("direction", ("asc", "desc"), default="asc", description="Which way to sort.")


async def _list_markets(call: Call) -> Answer:
    if not call.has_query:
        return answer_if_changed(call, call.services.markets.whole())
    chosen = choose_markets(
        call.exchange,
        tickers=call.services.tickers,
        search=call[_SEARCH],
        team=call[_TEAM],
        position=call[_POSITION],
        status=call[_STATUS],
        sort=call[_SORT],
        is_ascending=call[_DIRECTION] == "asc",
    )
    one = call.services.markets.one
    return answer_if_changed(call, b"[" + b",".join(map(one, chosen)) + b"]")


async def _show_market(call: Call) -> Answer:
    return answer_if_changed(call, call.services.markets.one(call.exchange.market(call[SYMBOL_PATH])))


async def _show_book(call: Call) -> Answer:
    market = call.exchange.market(call[SYMBOL_PATH]).market
    return Answer(call.services.books.best(market, depth=call[_DEPTH]))


MARKET_ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/markets",
        name="listMarkets",
        summary="List markets, all of them or some, in the order of their listing or sorted.",
        tag="markets",
        handler=_list_markets,
        answer=list[MarketBody],
        access="public",
        parameters=(_SEARCH, _TEAM, _POSITION, _STATUS, _SORT, _DIRECTION),
        may_be_unchanged=True,
    ),
    Route(
        method="GET",
        path="/api/v1/markets/{symbol}",
        name="getMarket",
        summary="Show one market.",
        tag="markets",
        handler=_show_market,
        answer=MarketBody,
        access="public",
        parameters=(SYMBOL_PATH,),
        refusals=(_R.market_not_found,),
        may_be_unchanged=True,
    ),
    Route(
        method="GET",
        path="/api/v1/markets/{symbol}/book",
        name="getBook",
        summary="Show the best levels of each side of a market's book.",
        tag="markets",
        handler=_show_book,
        answer=BookBody,
        access="public",
        parameters=(SYMBOL_PATH, _DEPTH),
        refusals=(_R.market_not_found,),
    ),
)
