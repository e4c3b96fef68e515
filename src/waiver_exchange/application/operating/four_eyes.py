"""The admin actions of which a second operator can be asked: what makes cash or shares, or undoes what was done."""

from typing import Final

FOUR_EYES_ACTIONS: Final = ("issue_shares", "correct_cash", "correct_shares", "bust_trade", "settle_market")
