"""One connection to the trading stream: its frames, its login, and whose orders it is told of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from websockets.frames import CloseCode

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.alpaca.codec import encode_json, encode_msgpack
from waiver_exchange.gateway.alpaca.streams.logins import Logins
from waiver_exchange.gateway.alpaca.streams.pace import Pace
from waiver_exchange.gateway.alpaca.streams.requests import Frame, is_msgpack_asked
from waiver_exchange.gateway.alpaca.streams.trade_updates import TradeUpdates
from waiver_exchange.gateway.alpaca.streams.trading_protocol import TradingProtocol, too_many_requests
from waiver_exchange.gateway.sockets.frames import binary_frame, text_frame
from waiver_exchange.gateway.sockets.session import Connection

if TYPE_CHECKING:
    from waiver_exchange.application.access import Caller


@final
class TradingSession:
    """The conversation with one client; to the trade updates it is a listener."""

    def __init__(self, connection: Connection, *, updates: TradeUpdates, logins: Logins) -> None:
        """Wait for a client to say who it is: there is no greeting."""
        self.is_msgpack = is_msgpack_asked(connection.opening.headers)
        self._connection = connection
        self._updates = updates
        self._logins = logins
        self._pace = Pace(connection, logins)
        self._caller: Caller | None = None
        self._account: int | None = None
        self._protocol = TradingProtocol(authenticate=self._log_in, is_msgpack=self.is_msgpack)

    @property
    def is_in_use(self) -> bool:
        """Whether the client logged in."""
        return self._protocol.is_authenticated

    def receive_texts(self, messages: Sequence[bytes]) -> None:
        """Take requests that arrived together."""
        for message in messages:
            self._receive(message.decode("utf-8", "replace"))

    def receive_binary(self, message: bytes) -> None:
        """Take a request."""
        self._receive(message)

    def drained(self) -> None:
        """Nothing is held back from a slow client: it gets everything or is sent away."""

    def too_slow(self) -> None:
        """There is no word for it: the closing says so."""

    def lost(self) -> None:
        """Forget the client."""
        self._listen(None)
        if self._caller is not None:
            self._logins.uncount(self._caller)

    def tell(self, message: bytes) -> None:
        """Send an update, unless the key or token ended since its login."""
        self.look_after()
        self._send(message)

    def look_after(self) -> None:
        """Send away a client whose key or token ended; nothing is sent to it after that."""
        if self._caller is not None and not self._logins.is_valid(self._caller):
            self._connection.close(CloseCode.POLICY_VIOLATION, "the key was revoked, or the token has expired")

    def _receive(self, frame: Frame) -> None:
        self.look_after()
        if not self._connection.is_open:
            return
        answer = self._protocol.receive(frame) if self._pace.allows_one_more() else too_many_requests()
        self._send(encode_msgpack(answer) if self.is_msgpack else encode_json(answer))
        self._listen(self._protocol.listens_to)

    def _log_in(self, key: str, secret: str) -> int:
        """Return the account of a key, as which the connection counts from now on. Raises `RefusedError`."""
        caller = self._logins.caller_of(key, secret, address=self._connection.opening.address)
        before = self._caller
        if before is not None and before.account != caller.account:
            return caller.account
        if before is None or before.credential != caller.credential:
            if not self._logins.count(caller):
                raise RefusedError(RefusalReason.request_rate_is_too_high)
            if before is not None:
                self._logins.uncount(before)
        self._caller = caller
        return caller.account

    def _listen(self, account: int | None) -> None:
        if account == self._account:
            return
        if self._account is not None:
            self._updates.leave(self, account=self._account)
        if account is not None:
            self._updates.join(self, account=account)
        self._account = account

    def _send(self, payload: bytes) -> None:
        self._connection.send(binary_frame(payload) if self.is_msgpack else text_frame(payload))
