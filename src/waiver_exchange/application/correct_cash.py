"""Put an account's cash right by a balancing entry with the house."""

from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.markets import check_reference
from waiver_exchange.domain.commands import CorrectCash
from waiver_exchange.projections.state import AccountView


async def correct_cash(exchange: Exchange, *, account: int, amount_micros: int, reference: str) -> AccountView:
    """Move cash from the house to an account, below 0 from it to the house; the same reference twice is one.

    Raises `RefusedError`, also when the giver lacks the available cash.
    """
    check_reference(reference, is_required=True)
    command = CorrectCash(account=account, amount_micros=amount_micros, reference=reference)
    (await exchange.sequencer.submit(command)).first_event()
    return exchange.state.accounts[account]
