"""All routes of the operator console."""

from typing import Final

from waiver_exchange.gateway.rest.operator.account_changes import ACCOUNT_CHANGES
from waiver_exchange.gateway.rest.operator.actions import ACTION_ROUTES
from waiver_exchange.gateway.rest.operator.look_ups import LOOK_UP_ROUTES
from waiver_exchange.gateway.rest.operator.market_changes import MARKET_CHANGES

OPERATOR_ROUTES: Final = (*LOOK_UP_ROUTES, *ACTION_ROUTES, *ACCOUNT_CHANGES, *MARKET_CHANGES)
