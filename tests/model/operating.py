"""The commands of the operator, one function each."""

from dataclasses import astuple

from tests.model.limiting import put_in
from tests.model.reports import cash_changed, holding_changed
from tests.model.rules import cost_of_part, find_account, find_live_market, refuse
from tests.model.state import Account, Exchange, Market
from waiver_exchange.domain import codes, limits
from waiver_exchange.domain.commands import CommandRecord, ExchangeParameters
from waiver_exchange.domain.events import (
    AccountHalted,
    AccountOpened,
    AccountResumed,
    AuditRecorded,
    CashDeposited,
    Event,
    ExchangeConfigured,
    ExchangeHalted,
    ExchangeResumed,
    MarketHalted,
    MarketListed,
    MarketResumed,
    SharesGranted,
    SharesIssued,
)
from waiver_exchange.domain.refusals import RefusalReason


def configure_exchange(exchange: Exchange, command: CommandRecord) -> list[Event]:
    parameters = _parameters(command.words[3:])
    if not _in_range(parameters):
        refuse(RefusalReason.parameters_are_invalid)
    exchange.parameters = parameters
    return [ExchangeConfigured(*astuple(parameters))]


def _parameters(words: tuple[int, ...]) -> ExchangeParameters:
    names = ExchangeParameters.__dataclass_fields__
    return ExchangeParameters(**dict(zip(names, words, strict=True)))


def _in_range(parameters: ExchangeParameters) -> bool:
    return (
        0 <= parameters.maker_fee_bps <= limits.FEE_BPS_MAX
        and 0 <= parameters.taker_fee_bps <= limits.FEE_BPS_MAX
        and 1 <= parameters.collar_bps <= 9_999
        and 0 <= parameters.band_bps <= 9_999
        and 0 <= parameters.breaker_bps <= 100_000
        and 0 <= parameters.breaker_window_ns <= limits.DURATION_NS_MAX
        and 0 <= parameters.breaker_halt_ns <= limits.DURATION_NS_MAX
        and 1 <= parameters.order_value_micros_max <= limits.ORDER_VALUE_MICROS_MAX
        and parameters.position_units_max >= 0
        and parameters.open_orders_max >= 1
        and parameters.orders_per_second_max >= 0
        and 1 <= parameters.lifetime_ns_default <= parameters.lifetime_ns_max <= limits.DURATION_NS_MAX
    )


def open_account(exchange: Exchange, _command: CommandRecord) -> list[Event]:
    account = len(exchange.accounts) + 1
    exchange.accounts[account] = Account(account)
    return [AccountOpened(account)]


def deposit_cash(exchange: Exchange, command: CommandRecord) -> list[Event]:
    account = find_account(exchange, command.account)
    (amount,) = command.words[3:]
    if amount <= 0:
        refuse(RefusalReason.amount_must_be_positive)
    if exchange.cash_issued + amount > limits.CASH_MICROS_MAX:
        refuse(RefusalReason.cash_issued_would_be_too_large)
    exchange.cash_issued += amount
    account.cash += amount
    put_in(account, amount)
    return [CashDeposited(account.id, amount), cash_changed(account)]


def list_market(exchange: Exchange, command: CommandRecord) -> list[Event]:
    supply, reference = command.words[3:]
    if supply <= 0:
        refuse(RefusalReason.supply_must_be_positive)
    if supply > limits.QUANTITY_UNITS_MAX:
        refuse(RefusalReason.supply_would_be_too_large)
    if reference < 0:
        refuse(RefusalReason.price_must_be_positive)
    if reference > limits.PRICE_CENTS_MAX:
        refuse(RefusalReason.price_is_too_high)
    market = Market(len(exchange.markets) + 1, supply, reference)
    exchange.markets[market.id] = market
    position = exchange.position(account=codes.HOUSE_ACCOUNT, market=market.id)
    position.quantity = supply
    put_in(exchange.house, supply * reference)
    return [
        MarketListed(market.id, supply, reference),
        SharesIssued(market.id, supply, supply),
        holding_changed(position),
    ]


def grant_shares(exchange: Exchange, command: CommandRecord) -> list[Event]:
    account = find_account(exchange, command.account)
    if account.id == codes.HOUSE_ACCOUNT:
        refuse(RefusalReason.house_cannot_be_granted_shares)
    market_id, quantity = command.words[3:]
    market = find_live_market(exchange, market_id)
    if quantity <= 0:
        refuse(RefusalReason.quantity_must_be_positive)
    giver = exchange.position(account=codes.HOUSE_ACCOUNT, market=market.id)
    available = giver.quantity - giver.held
    if quantity > available:
        refuse(RefusalReason.insufficient_shares, quantity, available)
    receiver = exchange.position(account=account.id, market=market.id)
    cost = cost_of_part(cost=giver.cost, quantity=giver.quantity, part=quantity)
    giver.quantity -= quantity
    giver.cost -= cost
    giver.realized -= cost
    receiver.quantity += quantity
    receiver.cost += market.reference * quantity
    put_in(exchange.house, -quantity * market.reference)
    put_in(account, quantity * market.reference)
    return [SharesGranted(account.id, market.id, quantity), holding_changed(giver), holding_changed(receiver)]


def issue_shares(exchange: Exchange, command: CommandRecord) -> list[Event]:
    market_id, quantity = command.words[3:]
    market = find_live_market(exchange, market_id)
    if quantity <= 0:
        refuse(RefusalReason.quantity_must_be_positive)
    if market.supply + quantity > limits.QUANTITY_UNITS_MAX:
        refuse(RefusalReason.supply_would_be_too_large)
    market.supply += quantity
    position = exchange.position(account=codes.HOUSE_ACCOUNT, market=market.id)
    position.quantity += quantity
    put_in(exchange.house, quantity * market.reference)
    return [SharesIssued(market.id, quantity, market.supply), holding_changed(position)]


def halt_market(exchange: Exchange, command: CommandRecord) -> list[Event]:
    market = find_live_market(exchange, command.words[3])
    market.halt_cause = codes.HALT_BY_OPERATOR
    market.halted_until = 0
    return [MarketHalted(market.id, market.halt_cause, market.halted_until)]


def resume_market(exchange: Exchange, command: CommandRecord) -> list[Event]:
    market = find_live_market(exchange, command.words[3])
    market.halt_cause = market.halted_until = 0
    market.anchor_price = market.anchor_time = 0
    return [MarketResumed(market.id)]


def halt_exchange(exchange: Exchange, _command: CommandRecord) -> list[Event]:
    exchange.halted = True
    return [ExchangeHalted()]


def resume_exchange(exchange: Exchange, _command: CommandRecord) -> list[Event]:
    exchange.halted = False
    return [ExchangeResumed()]


def halt_account(exchange: Exchange, command: CommandRecord) -> list[Event]:
    account = find_account(exchange, command.account)
    account.halted = True
    return [AccountHalted(account.id)]


def resume_account(exchange: Exchange, command: CommandRecord) -> list[Event]:
    account = find_account(exchange, command.account)
    account.halted = False
    return [AccountResumed(account.id)]


def record_audit(_exchange: Exchange, command: CommandRecord) -> list[Event]:
    event, actor = command.words[3:]
    return [AuditRecorded(command.account, event, actor)]
