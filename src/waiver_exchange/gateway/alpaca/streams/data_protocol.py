"""The protocol of the market data streams, without a network: what a client says and what it is told at once.

Messages of the server are arrays; what controls the stream comes alone in an array of one.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple, Self, final

from waiver_exchange.application.refused import RefusedError
from waiver_exchange.gateway.alpaca.codec import encode_json, encode_msgpack
from waiver_exchange.gateway.alpaca.streams.requests import Frame, Request, decode_request
from waiver_exchange.gateway.alpaca.streams.subscriptions import (
    NamesError,
    Place,
    Subscriptions,
    TooManyNamesError,
)

Authenticate = Callable[[str, str], None]

CONNECTED: Final = "connected"
AUTHENTICATED: Final = "authenticated"


class StreamError(IntEnum):
    """What a client is told when something is wrong."""

    message: str

    def __new__(cls, number: int, message: str) -> Self:
        """Attach the text to the number."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.message = message
        return member

    invalid_syntax = 400, "invalid syntax"
    not_authenticated = 401, "not authenticated"
    auth_failed = 402, "auth failed"
    already_authenticated = 403, "already authenticated"
    auth_timeout = 404, "auth timeout"
    symbol_limit_exceeded = 405, "symbol limit exceeded"
    connection_limit_exceeded = 406, "connection limit exceeded"
    slow_client = 407, "slow client"
    too_many_requests = 429, "too many requests"
    internal_error = 500, "internal error"


class Reply(NamedTuple):
    """What to tell the client, and how its subscriptions changed."""

    message: dict[str, object]
    added: Sequence[Place] = ()
    removed: Sequence[Place] = ()


def success(text: str) -> dict[str, object]:
    """Return the message that something went well."""
    return {"T": "success", "msg": text}


def failure(error: StreamError) -> dict[str, object]:
    """Return the message that something is wrong."""
    return {"T": "error", "code": int(error), "msg": error.message}


@final
class DataProtocol:
    """One client's conversation. `authenticate` raises `RefusedError` for a wrong key or secret."""

    def __init__(self, *, authenticate: Authenticate, is_msgpack: bool, is_pair_allowed: bool) -> None:
        """Begin a conversation in the codec that the handshake asked for."""
        self.is_authenticated = False
        self.subscriptions = Subscriptions(is_pair_allowed=is_pair_allowed)
        self._authenticate = authenticate
        self._is_msgpack = is_msgpack

    def encode(self, message: dict[str, object]) -> bytes:
        """Return a control message as its frame."""
        return encode_msgpack([message]) if self._is_msgpack else encode_json([message])

    def receive(self, frame: Frame) -> Reply:
        """Return the answer to a frame; there is one to every frame."""
        request = decode_request(frame, is_msgpack=self._is_msgpack)
        if request is None:
            return Reply(failure(StreamError.invalid_syntax))
        match request.get("action"):
            case "auth":
                return Reply(self.log_in(request.get("key"), request.get("secret")))
            case "subscribe" | "unsubscribe" if not self.is_authenticated:
                return Reply(failure(StreamError.not_authenticated))
            case "subscribe":
                return self._subscribe(request)
            case "unsubscribe":
                return self._unsubscribe(request)
        return Reply(failure(StreamError.invalid_syntax))

    def log_in(self, key: object, secret: object) -> dict[str, object]:
        """Return the answer to a key and its secret."""
        if self.is_authenticated:
            return failure(StreamError.already_authenticated)
        if not isinstance(key, str) or not isinstance(secret, str):
            return failure(StreamError.auth_failed)
        try:
            self._authenticate(key, secret)
        except RefusedError:
            return failure(StreamError.auth_failed)
        self.is_authenticated = True
        return success(AUTHENTICATED)

    def _subscribe(self, request: Request) -> Reply:
        try:
            added = self.subscriptions.add(request)
        except NamesError:
            return Reply(failure(StreamError.invalid_syntax))
        except TooManyNamesError:
            return Reply(failure(StreamError.symbol_limit_exceeded))
        return Reply(self._subscribed(), added=added)

    def _unsubscribe(self, request: Request) -> Reply:
        try:
            removed = self.subscriptions.remove(request)
        except NamesError:
            return Reply(failure(StreamError.invalid_syntax))
        return Reply(self._subscribed(), removed=removed)

    def _subscribed(self) -> dict[str, object]:
        return {"T": "subscription", **self.subscriptions.lists()}
