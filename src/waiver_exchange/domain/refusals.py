"""Every way the exchange says no, as one enum of sentences with stable numbers.

1xx identity, 2xx risk (before the book), 3xx book and orders, 4xx the form of a request, 5xx the service itself.
The number is stored in the journal and never changes its meaning. The message tells a person what to do next.
"""

from enum import IntEnum
from typing import Self


class RefusalReason(IntEnum):
    """Why a command or request was refused. `name` is the public code, `message` the sentence for people."""

    message: str

    def __new__(cls, number: int, message: str) -> Self:
        """Attach the sentence to the number."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.message = message
        return member

    @classmethod
    def of(cls, number: int) -> "RefusalReason":
        """Return the member of a journaled number. Raises `KeyError`."""
        return _BY_NUMBER[number]

    credentials_are_missing = 101, "Send your API key and secret in the X-API-Key and X-API-Secret headers."
    credentials_are_wrong = 102, "This API key and secret do not belong together, or the key was revoked."
    account_not_found = 103, "There is no such account."
    account_is_halted = 104, "Trading is halted for this account; ask the operator."
    market_not_found = 105, "No market has this symbol."
    symbol_already_listed = 106, "This symbol is listed already, with other facts."
    reference_used_with_other_content = 107, "This reference was used before for something else; use a new one."
    client_order_id_used_with_other_content = 108, "This client_order_id names another order; use a new one."
    scope_is_missing = 109, "This key does not have the scope that this needs."
    token_is_wrong = 110, "This token is wrong or has expired, or its key was revoked; ask for a new one."
    key_not_found = 111, "The account has no such API key."
    too_many_keys = 112, "The account has as many API keys as it may; revoke one first."
    identity_is_unavailable = 113, "Names and keys cannot be stored now; nothing was done. Try again later."
    position_not_found = 114, "The account has no shares of this player."

    trading_is_suspended_by_owner = 120, "This account's owner has suspended its new orders (suspend_trade)."
    fractional_trading_is_switched_off = 121, "This account's owner has switched fractional orders off."
    watchlist_not_found = 122, "There is no such watchlist."
    watchlist_name_is_taken = 123, "Another watchlist of this account has this name."
    too_many_watchlists = 124, "The account has as many watchlists as it may; delete one first."
    watchlist_is_full = 125, "The watchlist would have more symbols than it may."

    reason_is_missing = 130, "Say why: an operator's action needs a reason of 1 to 500 printable characters."
    proposal_not_found = 131, "There is no such action of an operator."
    proposal_is_decided = 132, "This action was approved, rejected or done already."
    proposal_has_expired = 133, "Nobody approved this action within a day; ask for it again."
    own_proposal = 134, "A second operator decides: you cannot approve what you asked for."
    action_id_used_with_other_content = 135, "This action_id was used before for something else; use a new one."
    action_is_not_repeatable = 136, "What this action needs is not in the journal; send it again with its action_id."
    too_many_proposals = 137, "As many actions as may be wait for a second operator; decide some of them first."

    account_is_erased = 140, "The person behind this account was erased; nobody can use it any more."
    house_cannot_be_erased = 141, "The house is no person; only the person of another account can be erased."
    session_not_found = 145, "The account has no such session."
    refresh_token_is_wrong = 146, "This refresh token is wrong, used already or has expired; sign in again."
    csrf_token_is_wrong = 147, "Send the value of the cookie __Host-waiver_csrf in the X-CSRF-Token header."
    origin_is_foreign = 148, "This comes from a page of another site, which may not act with your cookies."
    provider_not_found = 149, "There is no such sign-in provider; /auth/providers lists them."
    sign_in_is_unknown = 150, "This sign-in was not begun in this browser, is used already or is too old; begin again."
    provider_refused = 151, "The provider did not sign you in; begin again."
    provider_is_unavailable = 152, "The sign-in provider does not answer now; try again later."
    provider_answer_is_wrong = 153, "What the sign-in provider answered cannot be trusted; nobody was signed in."
    sign_up_is_closed = 154, "No new accounts are opened here; ask the operator."
    invitation_is_wrong = 155, "A new account needs an invitation that is not used and not too old; ask the operator."
    email_domain_is_not_allowed = 156, "New accounts are for verified e-mail addresses of certain domains only."
    return_to_is_not_ours = 157, "return_to is a path of this site, such as /security."
    demo_sign_in_is_off = 158, "Signing in without a provider is for demonstrations on the own machine only."
    session_is_required = 159, "This needs a sign-in; an API key or its token does not do."
    step_up_is_required = 160, "Confirm with your passkey first: on /security, or POST /auth/passkeys/step-up/options."
    passkey_not_found = 161, "You have no such passkey."
    passkey_is_wrong = 162, "This answer of a passkey does not prove that it is you; begin again."
    recent_sign_in_is_required = 163, "This needs a sign-in of the last ten minutes; sign out and in again."
    too_many_passkeys = 164, "You have as many passkeys as you may; remove one first."
    audit_facts_look_personal = 165, "Leave e-mail and network addresses out of this text: what is recorded stays."
    audit_facts_are_too_long = 166, "This text is too long to be recorded; say it in fewer words."
    audit_range_is_wrong = 167, "Name rows that the journal holds, not more of them at once than the limit."
    engine_is_unavailable = 170, "The engine of the exchange is away for a moment; nothing was done. Try again."
    exchange_is_halted = 201, "The whole exchange is halted; orders are accepted again when it resumes."
    market_is_halted = 202, "This market is halted; orders are accepted again when it resumes."
    order_rate_is_too_high = 203, "Too many orders in this second; slow down."
    order_terms_are_invalid = 204, "Side, type, time in force or self-trade prevention has no such value."
    quantity_or_notional_is_required = 205, "Give exactly one of quantity and notional."
    notional_needs_a_market_order = 206, "Only market orders may be given by notional; give a quantity."
    quantity_must_be_positive = 207, "The quantity must be more than zero."
    quantity_exceeds_supply = 208, "The quantity is more than all the shares of this player."
    notional_must_be_positive = 209, "The notional must be more than zero."
    price_must_be_positive = 210, "A limit order needs a limit_price of at least 0.01."
    price_is_too_high = 211, "The price is above the highest the exchange can quote."
    market_order_takes_no_price = 212, "A market or stop order takes no limit_price."
    post_only_needs_a_resting_order = 213, "post_only goes with limit orders that can rest: gtc, day or gtd."
    expiry_is_required = 214, "This time in force needs expires_at."
    expiry_is_not_in_the_future = 215, "expires_at must lie in the future."
    expiry_is_too_far = 216, "expires_at lies further ahead than the exchange allows."
    expiry_needs_gtd = 217, "expires_at goes with time_in_force gtd only."
    reference_price_is_missing = 218, "This market has no reference price yet; use a limit order."
    price_is_outside_the_band = 219, "The price is too far from the reference price."
    order_value_is_too_large = 220, "The value of the order is above the limit."
    notional_is_too_small = 221, "The notional does not buy the smallest quantity at the reference price."
    position_would_be_too_large = 222, "The order could take the position above its limit."
    too_many_open_orders = 223, "The account has as many open orders as it may; cancel some first."
    insufficient_cash = 224, "There is not enough available cash for this."
    insufficient_shares = 225, "There are not enough available shares for this."
    amount_must_be_positive = 226, "The amount must be more than zero."
    cash_issued_would_be_too_large = 227, "The exchange cannot issue this much cash."
    supply_must_be_positive = 228, "The supply must be more than zero."
    supply_would_be_too_large = 229, "The supply would be above the most the exchange can hold for one player."
    parameters_are_invalid = 230, "A parameter of the exchange is out of its range."
    house_cannot_be_granted_shares = 231, "Shares are granted out of the house's holding, to another account."
    stop_price_is_required = 232, "A stop or stop_limit order needs a stop_price of at least 0.01."
    stop_price_needs_a_stop_order = 233, "stop_price goes with stop and stop_limit orders that are not triggered yet."
    stop_order_needs_a_lifetime = 234, "A stop or stop_limit order is gtc, day or gtd."
    nothing_is_replaced = 235, "Say what to change: quantity, limit_price, stop_price, time_in_force or expires_at."

    role_is_unknown = 236, "A role is trader, operator, auditor or service."
    limits_are_invalid = 237, "A limit is -1 to inherit, 0 for none, or a number within its range."
    account_order_value_is_too_large = 238, "The value of the order is above this account's limit."
    account_has_too_many_open_orders = (
        239,
        "This account has as many open orders as its limit allows; cancel some first.",
    )
    account_position_would_be_too_large = 240, "The order could take the position above this account's limit."
    supply_share_would_be_too_large = (
        241,
        "The order could take the position above the share of all this player's shares that this account may have.",
    )
    day_loss_limit_is_reached = (
        242,
        "This account has lost as much today as it may; new orders are taken on the next trading day.",
    )
    day_turnover_would_be_too_large = 243, "With this order the account could trade more today than it may."
    team_share_would_be_too_large = (
        244,
        "With this order too large a part of the account's worth would be shares of one team.",
    )
    playing_position_share_would_be_too_large = (
        245,
        "With this order too large a part of the account's worth would be shares of one playing position.",
    )
    account_order_rate_is_too_high = 246, "This account sends orders faster than its limit; slow down."
    band_is_invalid = 247, "A market's price band is 0 to 9999 basis points, or -1 for the exchange's."
    classification_is_invalid = 248, "A team or playing position has no such number."
    trading_day_is_invalid = 249, "The trading day has begun already, or would be longer than two days."

    market_is_settled = 260, "This market is settled: its season is over, and it takes nothing any more."
    house_needs_no_correction = 261, "A correction is between the house and another account; name that account."
    correction_moves_nothing = 262, "A correction moves more than nothing, or less to take back."
    correction_is_too_large = 263, "The correction is larger than all that the exchange can hold."
    house_lacks_cash = 264, "The house has not enough available cash for this; deposit some to it first."
    trade_not_found = 265, "There is no such trade."
    trade_facts_are_invalid = 266, "No trade can have these facts."
    settlement_price_is_negative = 267, "A share is worth 0 or more at the end; give the price in dollars."
    reference_is_reserved = 268, "The exchange itself gives references of this form; use another one."

    order_not_found = 301, "There is no such order."
    order_belongs_to_another_account = 302, "This order belongs to another account."
    order_is_final = 303, "The order is filled, cancelled, expired, replaced or rejected already."
    order_has_not_expired = 304, "The order has not reached its expiry."
    post_only_would_take = 305, "The order would have traded at once, which post_only forbids."
    order_table_is_full = 306, "The exchange holds as many open orders as it can."
    quantity_is_filled_already = 307, "The new quantity is not more than what is filled already."

    request_is_malformed = 401, "The request is not of the documented form."
    field_is_missing = 402, "A required field is missing."
    field_is_unknown = 403, "The request has a field that does not exist; check its spelling."
    field_is_invalid = 404, "A field has a value of the wrong form."
    quantity_is_too_precise = 405, "A quantity has at most four decimals."
    price_is_off_the_tick = 406, "A price has at most two decimals: the tick size is 0.01."
    amount_is_too_precise = 407, "An amount of money has at most six decimals."
    number_is_too_large = 408, "The number is larger than the exchange can handle."
    client_order_id_is_invalid = 409, "A client_order_id is 1 to 128 printable characters, and no id of an order."
    symbol_is_invalid = 410, "A symbol is 1 to 20 of A-Z, 0-9 and the dot, and starts with a letter or digit."
    route_not_found = 411, "There is no such route; /openapi.json lists them."
    method_is_not_allowed = 412, "This route does not take this method."
    request_is_too_large = 413, "The request body is larger than the exchange reads."
    content_type_is_unsupported = 414, "Send the body as application/json."
    request_rate_is_too_high = 415, "Too many requests in this time; slow down."
    too_many_requests_in_flight = 417, "Too many requests of this connection are unanswered; wait for answers."
    too_many_subscriptions = 418, "This connection has as many subscriptions as it may; unsubscribe from some first."
    channel_not_found = 419, "There is no such channel; /asyncapi.json lists them."
    method_not_found = 420, "There is no such method; /asyncapi.json lists them."
    too_many_connections = (
        421,
        "As many connections as may be are open, here or with this key; close one, or try later.",
    )
    connection_is_not_authenticated = 422, "Send the method auth first, with api_key and api_secret or with token."
    connection_is_authenticated = 423, "This connection acts for another account already; open one for each account."

    journal_is_unavailable = 501, "The exchange cannot write its journal now; nothing was done. Try again later."
    exchange_is_busy = 502, "The exchange has more requests waiting than it can take; nothing was done. Try again."
    exchange_is_stopping = 503, "The exchange is shutting down; nothing was done. Try again in a moment."
    outcome_is_unknown = 505, "It is not known whether this was done; send it again with the same id."
    history_is_unavailable = 506, "Past orders and trades cannot be read now; trading goes on. Try again later."
    internal_error = 504, "Something went wrong inside the exchange; the operator's log has the details."


_BY_NUMBER = {int(member): member for member in RefusalReason}


class CancelReason(IntEnum):
    """Why an order left the exchange unfilled, as stored in `ORDER_CANCELLED`."""

    by_owner = 1
    immediate_or_cancel = 2
    fill_or_kill = 3
    self_trade_prevented = 4
    market_was_halted = 5
    collar_reached = 6
    shares_ran_out = 7
    by_operator = 8
    market_was_settled = 9
