"""What operators do with markets and with the exchange as a whole."""

from dataclasses import asdict
from typing import Final

from waiver_exchange.application import markets
from waiver_exchange.application.bust_trade import bust_trade
from waiver_exchange.application.correct_cash import correct_cash
from waiver_exchange.application.correct_shares import correct_shares
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.kill_switch import cancel_everything, stop_trading
from waiver_exchange.application.operating import parameters as given
from waiver_exchange.application.operating.action import Action, Doing, Ran
from waiver_exchange.application.operating.references import chosen_reference, facts_of_use
from waiver_exchange.application.risk_limits import set_market_band
from waiver_exchange.application.settle_market import settle_market
from waiver_exchange.domain.commands import ExchangeParameters, HaltExchange


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
    await set_market_band(exchange, symbol=wanted.symbol, band_bps=wanted.band_bps)
    return Ran()


async def _halt_exchange(exchange: Exchange, _: given.Nothing, __: Doing) -> Ran:
    await markets.halt_exchange(exchange)
    return Ran()


async def _resume_exchange(exchange: Exchange, _: given.Nothing, __: Doing) -> Ran:
    await markets.resume_exchange(exchange)
    return Ran()


async def _kill_switch(exchange: Exchange, wanted: given.KillSwitch, _: Doing) -> Ran:
    await stop_trading(exchange)
    if not wanted.cancels_orders:
        return Ran()
    progress = await cancel_everything(exchange)
    return Ran({"cancelled": progress.cancelled, "open": progress.open})


async def _correct_cash(exchange: Exchange, wanted: given.CashCorrection, doing: Doing) -> Ran:
    await correct_cash(exchange, account=wanted.account, amount_micros=wanted.amount_micros, reference=doing.reference)
    return Ran()


async def _correct_shares(exchange: Exchange, wanted: given.ShareCorrection, doing: Doing) -> Ran:
    await correct_shares(
        exchange,
        account=wanted.account,
        symbol=wanted.symbol,
        quantity_units=wanted.quantity_units,
        reference=doing.reference,
    )
    return Ran()


async def _bust_trade(exchange: Exchange, wanted: given.OneTrade, _: Doing) -> Ran:
    await bust_trade(exchange, trade_id=wanted.trade_id)
    return Ran()


async def _settle_market(exchange: Exchange, wanted: given.Settlement, _: Doing) -> Ran:
    await settle_market(exchange, symbol=wanted.symbol, price_cents=wanted.price_cents)
    return Ran()


async def _configure(exchange: Exchange, wanted: ExchangeParameters, _: Doing) -> Ran:
    await markets.configure_exchange(exchange, wanted)
    return Ran()


async def _grant_shares(exchange: Exchange, wanted: given.Grant, doing: Doing) -> Ran:
    outcome = await markets.grant_shares(
        exchange,
        account=wanted.account,
        symbol=wanted.symbol,
        quantity_units=wanted.quantity_units,
        reference=chosen_reference(wanted.reference, doing),
    )
    return Ran(facts_of_use(exchange, outcome, doing))


async def _issue_shares(exchange: Exchange, wanted: given.Issue, doing: Doing) -> Ran:
    reference = chosen_reference(wanted.reference, doing)
    outcome = await markets.issue_shares(
        exchange, symbol=wanted.symbol, quantity_units=wanted.quantity_units, reference=reference
    )
    return Ran(facts_of_use(exchange, outcome, doing))


MARKET_ACTIONS: Final = (
    Action(name="list_player", parameters=given.Listed, run=_list_player),
    Action(name="halt_market", parameters=given.OneMarket, run=_halt_market),
    Action(name="resume_market", parameters=given.OneMarket, run=_resume_market),
    Action(name="set_band", parameters=given.Band, run=_set_band),
    Action(name="halt_exchange", parameters=given.Nothing, run=_halt_exchange),
    Action(name="resume_exchange", parameters=given.Nothing, run=_resume_exchange),
    Action(name="kill_switch", parameters=given.KillSwitch, run=_kill_switch, at_once=HaltExchange()),
    Action(name="correct_cash", parameters=given.CashCorrection, run=_correct_cash, gives=True),
    Action(name="correct_shares", parameters=given.ShareCorrection, run=_correct_shares, gives=True),
    Action(name="bust_trade", parameters=given.OneTrade, run=_bust_trade),
    Action(name="settle_market", parameters=given.Settlement, run=_settle_market),
    Action(name="configure_exchange", parameters=ExchangeParameters, run=_configure),
    Action(name="grant_shares", parameters=given.Grant, run=_grant_shares, gives=True),
    Action(name="issue_shares", parameters=given.Issue, run=_issue_shares),
)
