"""Bust a trade: reverse it, once, by balancing entries."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.ports import JournalError
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain import codes
from waiver_exchange.domain.commands import BustTrade
from waiver_exchange.domain.events import TradeExecuted, decode_events
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.projections.state import TradeView


async def bust_trade(exchange: Exchange, *, trade_id: int) -> TradeView:
    """Give the shares back to the seller, the cash to the buyer and the fees to both; return the trade.

    It stays on the tape, marked. Busting it again changes nothing. Raises `RefusedError`, also when somebody lacks what
    he has to give back: then cancel orders, or correct first.
    """
    trade = await exchange.queries.trade(trade_id)
    if trade is None:
        raise RefusedError(RefusalReason.trade_not_found)
    (await exchange.sequencer.submit(_command_of(await _journaled(exchange, trade)))).first_event()
    return trade


async def _journaled(exchange: Exchange, trade: TradeView) -> TradeExecuted:
    """Return the trade as the journal has it: money is not moved by what a cache says."""
    try:
        rows = await exchange.journal.read(after=trade.sequence - 1, limit=1)
    except JournalError as error:
        raise RefusedError(RefusalReason.history_is_unavailable) from error
    for event in decode_events(rows[0].events) if rows else ():
        if isinstance(event, TradeExecuted) and event.trade_id == trade.trade_id:
            return event
    raise RefusedError(RefusalReason.trade_not_found)


def _command_of(trade: TradeExecuted) -> BustTrade:
    taker = (trade.taker_account, trade.taker_fee_micros)
    maker = (trade.maker_account, trade.maker_fee_micros)
    (buyer, buyer_fee), (seller, seller_fee) = (taker, maker) if trade.taker_side == codes.BUY else (maker, taker)
    return BustTrade(
        trade_id=trade.trade_id,
        market=trade.market,
        price_cents=trade.price_cents,
        quantity_units=trade.quantity_units,
        buyer=buyer,
        seller=seller,
        buyer_fee_micros=buyer_fee,
        seller_fee_micros=seller_fee,
    )
