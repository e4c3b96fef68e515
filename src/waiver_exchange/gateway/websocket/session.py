"""One client of `/ws`: who it is, what it asked, and what it still waits for."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Final, final

import msgspec

from waiver_exchange.application.access import Caller, is_current, require
from waiver_exchange.application.authority import READ
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.headers import new_request_id
from waiver_exchange.gateway.rate_limits import RateRefusedError
from waiver_exchange.gateway.refusals import error_body, said_instead
from waiver_exchange.gateway.sockets.excess import CLOSE_TOO_MANY, TOO_MANY, Excess
from waiver_exchange.gateway.sockets.frames import text_frame
from waiver_exchange.gateway.sockets.session import Connection
from waiver_exchange.gateway.websocket.methods import METHODS, Method
from waiver_exchange.gateway.websocket.requests import LATER, NO_ID, Request, UnreadableRequestError, read_request
from waiver_exchange.projections.changes import ReadModelError

if TYPE_CHECKING:
    from waiver_exchange.gateway.websocket.endpoint import Endpoint

IN_FLIGHT_MAX: Final = 1_024
# 4000 to 4999 are the application's own.
CLOSE_SIGNED_OUT: Final = 4001
_QUOTED_MAX: Final = 60
_WRONG: Final = RefusalReason.credentials_are_wrong

_log = logging.getLogger(__name__)
_encode: Final = msgspec.json.Encoder().encode


@final
class NativeSession:
    """The conversation with one client. What it subscribed to is the hub's to know."""

    def __init__(self, endpoint: "Endpoint", connection: Connection) -> None:
        """Begin with a connection that nobody has signed in on."""
        self.endpoint = endpoint
        self.connection = connection
        self.caller: Caller | None = None
        self.in_flight = 0
        self._excess = Excess()

    @property
    def is_in_use(self) -> bool:
        """Whether somebody signed in or subscribed."""
        return self.caller is not None or self.endpoint.hub.has_subscriptions(self)

    def receive_texts(self, messages: Sequence[bytes]) -> None:
        """Take requests that arrived together."""
        for message in messages:
            if not self.connection.is_open:
                # It came together with what the client was sent away for.
                return
            self._receive(message)

    def receive_binary(self, message: bytes) -> None:
        """Refuse what is no text."""
        del message
        refused = RefusedError(RefusalReason.request_is_malformed, problem="Send text messages.")
        self._refuse_unreadable(NO_ID, refused)

    def drained(self) -> None:
        """Bring the client up to date after it was too slow."""
        self.endpoint.hub.drained(self)

    def too_slow(self) -> None:
        """Say nothing more: the code and reason of the closing do."""

    def lost(self) -> None:
        """Forget the client; what it asked for goes on."""
        self.endpoint.forget(self)

    @property
    def is_congested(self) -> bool:
        """Whether the client reads too slowly for what can be conflated."""
        return self.connection.is_congested

    def send(self, frames: bytes) -> None:
        """Send frames."""
        self.connection.send(frames)

    def signed_in(self) -> Caller:
        """Return who this client is. Raises `RefusedError` when nobody signed in, or the key or token ended since."""
        caller = self.caller
        if caller is None:
            raise RefusedError(RefusalReason.connection_is_not_authenticated)
        if not is_current(self.endpoint.exchange, caller):
            self._end_later()
            raise RefusedError(RefusalReason.token_is_wrong if caller.expires_at_ns else _WRONG)
        return caller

    @property
    def account(self) -> int:
        """The account that a method which is running acts for; that it may was seen right before it began.

        Raises `RefusedError` when nobody signed in.
        """
        if self.caller is None:
            raise RefusedError(RefusalReason.connection_is_not_authenticated)
        return self.caller.account

    def may_read(self) -> bool:
        """Return whether this client may be told of its account; when its key or token ended it is sent away."""
        caller = self.caller
        if caller is None or READ not in caller.scopes:
            return False
        if is_current(self.endpoint.exchange, caller):
            return True
        self._end_later()
        return False

    def look_after(self) -> None:
        """Send away a client whose key or token ended."""
        if self.caller is not None and not is_current(self.endpoint.exchange, self.caller):
            self._end()

    def _end_later(self) -> None:
        """Send the client away once what is going on is done: it may be told why, and others are being told."""
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        if self.connection.is_open:
            self.endpoint.sign_out(self)
            self.connection.close(CLOSE_SIGNED_OUT, "The key was revoked, or the token has expired.")

    def count_channels(self, count: int) -> None:
        """Count what is subscribed to beyond the request itself, of the key or else the address. Raises `RefusedError`.

        Each channel comes with a snapshot, which costs as much as reading it.
        """
        if count > 1:
            limits, address = self.endpoint.rate_limits, self.connection.opening.address
            limits.take(caller=self.caller, address=address, kind="read", count=count - 1)

    def answer(self, request_id: bytes, body: bytes) -> None:
        """Send the result of a request, as JSON."""
        self.connection.send(text_frame(b'{"id":%b,"result":%b}' % (request_id, body)))

    def refuse(self, request_id: bytes, refused: RefusedError) -> None:
        """Send why a request was refused; who goes on asking too often for long is sent away."""
        self.connection.send(text_frame(encode_refusal(request_id, refused)))
        if isinstance(refused, RateRefusedError) and self._excess.is_too_much(asyncio.get_running_loop().time()):
            self.connection.close(CLOSE_TOO_MANY, TOO_MANY)

    def answer_later(self, request_id: bytes, work: Awaitable[object]) -> None:
        """Send what some work comes to, when it has."""
        self.in_flight += 1
        self.endpoint.start(self._work(request_id, work))

    async def _work(self, request_id: bytes, work: Awaitable[object]) -> None:
        try:
            self.answer(request_id, _encode(await work))
        except RefusedError as error:
            self.refuse(request_id, error)
        except ReadModelError:
            _log.exception("the outcome of a request over WebSocket cannot be read")
            self.refuse(request_id, RefusedError(RefusalReason.outcome_is_unknown))
        except Exception:  # noqa: BLE001 - a request's boundary
            self.refuse(request_id, note_failure("a request"))
        finally:
            self.in_flight -= 1

    def _receive(self, message: bytes) -> None:
        try:
            request = read_request(message)
        except UnreadableRequestError as error:
            self._refuse_unreadable(error.id, error.refusal)
            return
        try:
            result = self._run(request)
            if result is not LATER:
                self.answer(request.id, _encode(result))
        except RefusedError as error:
            self.refuse(request.id, error)
        except Exception:  # noqa: BLE001 - a request's boundary
            self.refuse(request.id, note_failure(request.method))

    def _refuse_unreadable(self, request_id: bytes, refused: RefusedError) -> None:
        """Refuse what is no request; it counts as one."""
        try:
            self._count_message()
        except RateRefusedError as too_many:
            refused = too_many
        self.refuse(request_id, refused)

    def _count_message(self) -> None:
        self.endpoint.rate_limits.take(address=self.connection.opening.address, kind="read")

    def _run(self, request: Request) -> object:
        method = METHODS.get(request.method)
        self._count(method)
        if method is None:
            raise RefusedError(RefusalReason.method_not_found, method=request.method[:_QUOTED_MAX])
        if self.in_flight >= IN_FLIGHT_MAX:
            raise RefusedError(RefusalReason.too_many_requests_in_flight, limit=IN_FLIGHT_MAX)
        return method.run(self, request.id, request.params)

    def _count(self, method: Method | None) -> None:
        """Count a request of an address, and of a key where the method needs one. Raises `RefusedError`."""
        if method is None or method.scope is None or self.caller is None:
            self._count_message()
            if method is not None and method.scope is not None:
                self.signed_in()
            return
        address = self.connection.opening.address
        self.endpoint.rate_limits.take_message(caller=self.caller, address=address, kind=method.kind)
        require(self.signed_in(), method.scope)


def note_failure(what: str) -> RefusedError:
    """Log the exception that is handled, and return what to say: an id by which the operator finds it in the log."""
    request_id = new_request_id()
    _log.exception("request %s failed over WebSocket: %s", request_id, what)
    return RefusedError(RefusalReason.internal_error, request_id=request_id)


def encode_refusal(request_id: bytes, refused: RefusedError) -> bytes:
    """Return the answer that says a refusal."""
    return b'{"id":%b,"error":%b}' % (request_id, _encode(error_body(said_instead(refused.reason), refused.details)))
