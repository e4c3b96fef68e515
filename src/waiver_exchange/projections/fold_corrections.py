"""How corrections, busted trades and payments of a settled market change the read model: balancing lines of the ledger.

Each function takes the place where its event's header stands in the row's events; the words behind the header are
listed in `domain.codes`.
"""

from mypy_extensions import i64

from waiver_exchange.domain import codes
from waiver_exchange.projections.context import RowContext, read_word
from waiver_exchange.projections.state import BustView
from waiver_exchange.projections.valuation import price_cents


def fold_correction_event(context: RowContext, kind: i64, at: i64) -> bool:
    """Fold an event of a correction, a bust or a settlement; return whether it was one."""
    if kind == codes.CASH_CORRECTED:
        _correct_cash(context, at)
    elif kind == codes.SHARES_CORRECTED:
        _correct_shares(context, at)
    elif kind == codes.TRADE_BUSTED:
        _bust_trade(context, at)
    elif kind == codes.SHARES_SETTLED:
        _settle_shares(context, at)
    else:
        return False
    return True


def _correct_cash(context: RowContext, at: i64) -> None:
    _correct(context, read_word(context.events, at, 1), 0, read_word(context.events, at, 2), 0)


def _correct_shares(context: RowContext, at: i64) -> None:
    market = read_word(context.events, at, 2)
    price = price_cents(context.state.markets[market])
    _correct(context, read_word(context.events, at, 1), market, read_word(context.events, at, 3), price)


def _correct(context: RowContext, account: i64, market: i64, amount: i64, price: i64) -> None:
    giver: i64 = codes.HOUSE_ACCOUNT if amount > 0 else account
    receiver: i64 = account if amount > 0 else codes.HOUSE_ACCOUNT
    size: i64 = amount if amount > 0 else -amount
    context.move(size, "correction", market, giver, receiver, 0, context.command_text(), price)
    context.state.invested_at_sequence = context.sequence


def _bust_trade(context: RowContext, at: i64) -> None:
    events = context.events
    trade_id = read_word(events, at, 1)
    market = read_word(events, at, 2)
    price = read_word(events, at, 3)
    units = read_word(events, at, 4)
    buyer = read_word(events, at, 5)
    seller = read_word(events, at, 6)
    context.move(price * units, "bust", 0, seller, buyer, trade_id)
    context.move(units, "bust", market, buyer, seller, trade_id, "", price)
    # The house's fee to itself had moved no cash.
    if buyer != codes.HOUSE_ACCOUNT:
        context.move(read_word(events, at, 7), "bust_fee", 0, codes.HOUSE_ACCOUNT, buyer, trade_id)
    if seller != codes.HOUSE_ACCOUNT:
        context.move(read_word(events, at, 8), "bust_fee", 0, codes.HOUSE_ACCOUNT, seller, trade_id)
    bust = BustView(trade_id, context.sequence, context.time_ns)
    context.state.busts[trade_id] = bust
    context.pending.busts.append(bust)


def _settle_shares(context: RowContext, at: i64) -> None:
    events = context.events
    account = read_word(events, at, 1)
    market = read_word(events, at, 2)
    units = read_word(events, at, 3)
    price = read_word(events, at, 4)
    context.move(price * units, "settlement", 0, codes.HOUSE_ACCOUNT, account, 0)
    context.move(units, "settlement", market, account, codes.HOUSE_ACCOUNT, 0, "", price)
