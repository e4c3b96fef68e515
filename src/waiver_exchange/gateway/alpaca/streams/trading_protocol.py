"""The protocol of the trading stream, without a network: no greeting, first a login, then what to listen to."""

from collections.abc import Callable, Mapping
from typing import Final, final

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.gateway.alpaca.streams.requests import Frame, Request, decode_request

TRADE_UPDATES: Final = "trade_updates"
_STREAMS_MAX: Final = 100

# Returns the account of a key and its secret, or raises `RefusedError`.
Authenticate = Callable[[str, str], int]


@final
class TradingProtocol:
    """One client's conversation."""

    def __init__(self, *, authenticate: Authenticate, is_msgpack: bool) -> None:
        """Begin a conversation with somebody unknown."""
        self._authenticate = authenticate
        self._is_msgpack = is_msgpack
        self._account: int | None = None
        self._is_listening = False

    @property
    def is_authenticated(self) -> bool:
        """Whether a login succeeded."""
        return self._account is not None

    @property
    def listens_to(self) -> int | None:
        """The account whose trade updates the client is to be told, if any."""
        return self._account if self._is_listening else None

    def receive(self, frame: Frame) -> dict[str, object]:
        """Return the answer to a frame; there is one to every frame."""
        request = decode_request(frame, is_msgpack=self._is_msgpack)
        if request is None:
            return _failure("invalid syntax")
        match request.get("action"):
            case "authenticate":
                data = _data_of(request)
                return self.log_in(data.get("key_id"), data.get("secret_key"))
            case "auth":
                return self.log_in(request.get("key"), request.get("secret"))
            case "listen" if not self.is_authenticated:
                return _authorization("listen", is_authorized=False)
            case "listen":
                return self._listen(_data_of(request).get("streams"))
        return _failure("invalid syntax")

    def log_in(self, key: object, secret: object) -> dict[str, object]:
        """Return the answer to a key and its secret; a connection never changes its account."""
        is_authorized = False
        if isinstance(key, str) and isinstance(secret, str):
            try:
                account = self._authenticate(key, secret)
            except RefusedError:
                return _authorization("authenticate", is_authorized=False)
            is_authorized = self._account in {None, account}
            self._account = account if is_authorized else self._account
        return _authorization("authenticate", is_authorized=is_authorized)

    def _listen(self, streams: object) -> dict[str, object]:
        """Take a list in place of the one before; streams that there are none of are left out of the answer."""
        if not isinstance(streams, list) or len(streams) > _STREAMS_MAX:
            return _failure("invalid syntax")
        self._is_listening = TRADE_UPDATES in streams
        return {"stream": "listening", "data": {"streams": [TRADE_UPDATES] if self._is_listening else []}}


def too_many_requests() -> dict[str, object]:
    """Return the answer to what is not heard because it comes too often."""
    return _failure("too many requests", code=429)


def _data_of(request: Request) -> Mapping[str, object]:
    data = request.get("data")
    return data if isinstance(data, dict) else {}


def _authorization(action: str, *, is_authorized: bool) -> dict[str, object]:
    status = "authorized" if is_authorized else "unauthorized"
    return {"stream": "authorization", "data": {"action": action, "status": status}}


def _failure(message: str, *, code: int = 400) -> dict[str, object]:
    return {"stream": "error", "data": {"status": "error", "code": code, "message": message}}
