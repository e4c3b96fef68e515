"""Put an account's shares right by a balancing entry with the house."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import check_reference
from waiver_exchange.domain.commands import CorrectShares
from waiver_exchange.projections.state import HoldingView


async def correct_shares(
    exchange: Exchange, *, account: int, symbol: str, quantity_units: int, reference: str
) -> HoldingView:
    """Move shares from the house to an account, below 0 from it to the house; the same reference twice is one.

    Raises `RefusedError`, also when the giver lacks the available shares.
    """
    market = exchange.market(symbol).market
    check_reference(reference, is_required=True)
    command = CorrectShares(account=account, market=market, quantity_units=quantity_units, reference=reference)
    (await exchange.sequencer.submit(command)).first_event()
    return exchange.state.holdings[account][market]
