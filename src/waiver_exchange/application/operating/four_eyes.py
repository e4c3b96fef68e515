"""The admin actions of which a second operator can be asked, by name; the table says when each of them matters."""

from typing import Final

# What makes or moves cash, shares or authority, or undoes what was done: in production these wait by default.
FOUR_EYES_DEFAULT: Final = (
    "open_account",
    "make_key",
    "set_role",
    "unfreeze_account",
    "remove_passkeys",
    "deposit_cash",
    "correct_cash",
    "list_player",
    "grant_shares",
    "issue_shares",
    "correct_shares",
    "bust_trade",
    "settle_market",
)
# Every action can be named but the kill switch, which never waits for anybody.
FOUR_EYES_ACTIONS: Final = (
    *FOUR_EYES_DEFAULT,
    "add_note",
    "cancel_order",
    "cancel_orders",
    "configure_exchange",
    "freeze_account",
    "halt_exchange",
    "halt_market",
    "resume_exchange",
    "resume_market",
    "revoke_keys",
    "revoke_sessions",
    "set_band",
    "set_limits",
    "set_request_rates",
    "set_role_limits",
)
