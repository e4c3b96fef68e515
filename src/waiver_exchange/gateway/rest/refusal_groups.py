"""Which refusals belong to what a route does; what is common to all routes is added where the document is made."""

from typing import Final

from waiver_exchange.domain.refusals import RefusalReason

_R = RefusalReason

# Whatever changes something goes through the journal.
WRITING: Final = (
    _R.journal_is_unavailable,
    _R.exchange_is_busy,
    _R.exchange_is_stopping,
    _R.engine_is_unavailable,
    _R.outcome_is_unknown,
)
_RISK_FIRST: Final = 200
_RISK_END: Final = 300
_NO_ORDERS: Final = frozenset(
    {
        _R.order_terms_are_invalid,
        _R.amount_must_be_positive,
        _R.cash_issued_would_be_too_large,
        _R.supply_must_be_positive,
        _R.supply_would_be_too_large,
        _R.parameters_are_invalid,
        _R.house_cannot_be_granted_shares,
        _R.house_needs_no_correction,
        _R.correction_moves_nothing,
        _R.correction_is_too_large,
        _R.house_lacks_cash,
        _R.trade_not_found,
        _R.trade_facts_are_invalid,
        _R.nothing_is_replaced,
    }
)
_RISK: Final = tuple(reason for reason in _R if _RISK_FIRST < reason < _RISK_END and reason not in _NO_ORDERS)
FORM: Final = (
    _R.field_is_missing,
    _R.field_is_unknown,
    _R.field_is_invalid,
    _R.quantity_is_too_precise,
    _R.price_is_off_the_tick,
    _R.amount_is_too_precise,
    _R.number_is_too_large,
)
PLACING: Final = (
    _R.market_not_found,
    _R.account_is_halted,
    _R.client_order_id_used_with_other_content,
    _R.client_order_id_is_invalid,
    _R.order_table_is_full,
    *FORM,
    *_RISK,
    *WRITING,
)
CANCELLING: Final = WRITING
REPLACING: Final = (
    _R.order_not_found,
    _R.order_is_final,
    _R.quantity_is_filled_already,
    _R.nothing_is_replaced,
    *PLACING,
)
