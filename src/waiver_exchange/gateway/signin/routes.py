"""Every route of sign-in."""

from typing import Final

from waiver_exchange.gateway.signin.arriving import ARRIVING_ROUTES
from waiver_exchange.gateway.signin.sessions import SESSION_ROUTES

SIGN_IN_ROUTES: Final = (*ARRIVING_ROUTES, *SESSION_ROUTES)
