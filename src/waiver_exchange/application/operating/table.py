"""The one table of admin actions, used by the operator console and by the host's command line."""

from collections.abc import Mapping
from typing import Final

from waiver_exchange.application.operating.account_actions import ACCOUNT_ACTIONS
from waiver_exchange.application.operating.action import Action
from waiver_exchange.application.operating.market_actions import MARKET_ACTIONS

ACTIONS: Final[Mapping[str, Action]] = {action.name: action for action in (*ACCOUNT_ACTIONS, *MARKET_ACTIONS)}
