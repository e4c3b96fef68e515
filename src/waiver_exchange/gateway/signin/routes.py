"""Every route of sign-in."""

from typing import Final

from waiver_exchange.gateway.signin.arriving import ARRIVING_ROUTES
from waiver_exchange.gateway.signin.passkeys import PASSKEY_ROUTES
from waiver_exchange.gateway.signin.personal_data import PERSONAL_DATA_ROUTES
from waiver_exchange.gateway.signin.sessions import SESSION_ROUTES

SIGN_IN_ROUTES: Final = (*ARRIVING_ROUTES, *SESSION_ROUTES, *PASSKEY_ROUTES, *PERSONAL_DATA_ROUTES)
