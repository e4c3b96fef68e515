"""What all clients of `/ws` share, and the way back from a commit: its answers, joined into one write per client."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import final

from waiver_exchange.application.access import Caller
from waiver_exchange.application.authority import READ
from waiver_exchange.application.exchange import Exchange
from waiver_exchange.application.refused import RefusedError
from waiver_exchange.domain.refusals import RefusalReason
from waiver_exchange.gateway.feeds.hub import Hub
from waiver_exchange.gateway.rate_limits import RateLimits
from waiver_exchange.gateway.signin.own_pages import caller_of_handshake
from waiver_exchange.gateway.sockets.frames import text_frame
from waiver_exchange.gateway.sockets.session import Connection
from waiver_exchange.gateway.websocket.orders import CommandAnswer
from waiver_exchange.gateway.websocket.session import NativeSession, encode_refusal, note_failure


@final
class Endpoint:
    """The sessions of `/ws` on one exchange."""

    def __init__(self, exchange: Exchange, *, hub: Hub, rate_limits: RateLimits, connections_per_key_max: int) -> None:
        """Serve an exchange; 0 lifts the bound on connections of a key."""
        self.exchange = exchange
        self.hub = hub
        self.rate_limits = rate_limits
        self._per_key_max = connections_per_key_max
        self._connections_by_key: Counter[str] = Counter()
        self._settled: list[CommandAnswer] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, connection: Connection) -> NativeSession:
        """Begin a session, of whoever is signed in to the page that opens it; what a route of `Sockets` needs."""
        session = NativeSession(self, connection)
        headers, admit = connection.opening.headers, partial(self.rate_limits.take_unproven, connection.opening.address)
        origin, cookies = headers.get("Origin"), headers.get("Cookie")
        caller = caller_of_handshake(self.exchange, origin=origin, cookies=cookies, admit=admit)
        if caller is not None:
            with suppress(RefusedError):  # as many connections as may be: the client finds nobody signed in
                self.sign_in(session, caller)
        return session

    def sign_in(self, session: NativeSession, caller: Caller) -> None:
        """Let a session act for a caller. Raises `RefusedError` when the key has too many connections."""
        before = session.caller
        if before is not None and before.credential == caller.credential:
            session.caller = caller
            return
        if self._per_key_max and self._connections_by_key[caller.credential] >= self._per_key_max:
            raise RefusedError(RefusalReason.too_many_connections, limit=self._per_key_max)
        self._uncount(session)
        self._connections_by_key[caller.credential] += 1
        session.caller = caller
        if READ not in caller.scopes:
            self.hub.unsubscribe_private(session)

    def sign_out(self, session: NativeSession) -> None:
        """Let a session act for nobody, because its key was revoked or its token has expired."""
        self._uncount(session)
        self.hub.unsubscribe_private(session)
        session.caller = None

    def forget(self, session: NativeSession) -> None:
        """A client is gone."""
        self._uncount(session)
        self.hub.forget(session)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Keep a task going until it is done; it outlives the connection that asked for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def settle(self, answer: CommandAnswer) -> None:
        """Send an answer with all others of its commit, after the sequencer's step."""
        if not self._settled:
            asyncio.get_running_loop().call_soon(self._send_settled)
        self._settled.append(answer)

    def _send_settled(self) -> None:
        settled, self._settled = self._settled, []
        frames: dict[NativeSession, list[bytes]] = {}
        for answer in settled:
            session = answer.session
            session.in_flight -= 1
            if not session.connection.is_open:
                continue
            message = self._message_of(answer)
            if message is not None:
                frames.setdefault(session, []).append(text_frame(message))
        for session, own in frames.items():
            session.send(b"".join(own))

    def _message_of(self, answer: CommandAnswer) -> bytes | None:
        """Return an answer's message, or None when something has to be read for it first."""
        try:
            body = answer.body()
        except RefusedError as refused:
            return encode_refusal(answer.request_id, refused)
        except Exception:  # noqa: BLE001 - a request's boundary
            return encode_refusal(answer.request_id, note_failure("an answer"))
        if isinstance(body, bytes):
            return b'{"id":%b,"result":%b}' % (answer.request_id, body)
        answer.session.answer_later(answer.request_id, body)
        return None

    def _uncount(self, session: NativeSession) -> None:
        if session.caller is not None:
            credential = session.caller.credential
            self._connections_by_key[credential] -= 1
            if not self._connections_by_key[credential]:
                del self._connections_by_key[credential]
