"""How fast one client of a stream may ask: every message counts, whatever is in it."""

import asyncio
from typing import Final, final

from waiver_exchange.gateway.alpaca.streams.logins import Logins
from waiver_exchange.gateway.sockets.excess import CLOSE_TOO_MANY, TOO_MANY, Excess
from waiver_exchange.gateway.sockets.session import Connection

# Every answer tells all that is subscribed to, so asking costs more than a message.
REQUESTS_PER_SECOND_MAX: Final = 100


@final
class Pace:
    """The count of one connection, beside that of its address."""

    def __init__(self, connection: Connection, logins: Logins) -> None:
        """Begin with nothing asked."""
        self._connection = connection
        self._logins = logins
        self._excess = Excess()
        self._second, self._requests = 0, 0

    def allows_one_more(self) -> bool:
        """Count a message, and return whether it is to be heard; who goes on too fast for long is sent away."""
        now = asyncio.get_running_loop().time()
        self._requests = self._requests + 1 if int(now) == self._second else 1
        self._second = int(now)
        is_allowed = self._requests <= REQUESTS_PER_SECOND_MAX and self._logins.may_ask(
            self._connection.opening.address
        )
        if not is_allowed and self._excess.is_too_much(now):
            self._connection.close(CLOSE_TOO_MANY, TOO_MANY)
        return is_allowed
