"""What operators do with markets and with the exchange as a whole."""

from dataclasses import asdict
from typing import Final

from waiver_exchange.application import markets
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.operating import parameters as given
from waiver_exchange.application.operating.action import Action, Doing, Ran
from waiver_exchange.domain.commands import ExchangeParameters, SetMarketBand


async def _list_player(exchange: Exchange, wanted: given.Listed, _: Doing) -> Ran:
    await markets.list_player(exchange, markets.Listing(**asdict(wanted)))
    return Ran()


async def _halt_market(exchange: Exchange, wanted: given.OneMarket, _: Doing) -> Ran:
    await markets.halt_market(exchange, symbol=wanted.symbol)
    return Ran()


async def _resume_market(exchange: Exchange, wanted: given.OneMarket, _: Doing) -> Ran:
    await markets.resume_market(exchange, symbol=wanted.symbol)
    return Ran()


async def _set_band(exchange: Exchange, wanted: given.Band, _: Doing) -> Ran:
    market = exchange.market(wanted.symbol).market
    (await exchange.sequencer.submit(SetMarketBand(market=market, band_bps=wanted.band_bps))).first_event()
    return Ran()


async def _halt_exchange(exchange: Exchange, _: given.Nothing, __: Doing) -> Ran:
    await markets.halt_exchange(exchange)
    return Ran()


async def _resume_exchange(exchange: Exchange, _: given.Nothing, __: Doing) -> Ran:
    await markets.resume_exchange(exchange)
    return Ran()


async def _configure(exchange: Exchange, wanted: ExchangeParameters, _: Doing) -> Ran:
    await markets.configure_exchange(exchange, wanted)
    return Ran()


async def _grant_shares(exchange: Exchange, wanted: given.Grant, doing: Doing) -> Ran:
    await markets.grant_shares(
        exchange,
        account=wanted.account,
        symbol=wanted.symbol,
        quantity_units=wanted.quantity_units,
        reference=wanted.reference or doing.reference,
    )
    return Ran()


async def _issue_shares(exchange: Exchange, wanted: given.Issue, doing: Doing) -> Ran:
    reference = wanted.reference or doing.reference
    await markets.issue_shares(
        exchange, symbol=wanted.symbol, quantity_units=wanted.quantity_units, reference=reference
    )
    return Ran()


MARKET_ACTIONS: Final = (
    Action(name="list_player", parameters=given.Listed, run=_list_player),
    Action(name="halt_market", parameters=given.OneMarket, run=_halt_market),
    Action(name="resume_market", parameters=given.OneMarket, run=_resume_market),
    Action(name="set_band", parameters=given.Band, run=_set_band),
    Action(name="halt_exchange", parameters=given.Nothing, run=_halt_exchange),
    Action(name="resume_exchange", parameters=given.Nothing, run=_resume_exchange),
    Action(name="configure_exchange", parameters=ExchangeParameters, run=_configure),
    Action(name="grant_shares", parameters=given.Grant, run=_grant_shares, gives=True),
    Action(name="issue_shares", parameters=given.Issue, run=_issue_shares),
)
