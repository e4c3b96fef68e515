"""A TCP proxy on loopback in front of a server, which breaks connections off at a chosen moment."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from typing import Final

_CHUNK: Final = 1 << 16
_WAIT_SECONDS: Final = 20.0


class Cut(Enum):
    """When a connection is broken off: nothing arrived, it has arrived, or it was done and the answer is lost."""

    before_it_arrives = auto()
    when_it_arrived = auto()
    before_the_answer = auto()


class TcpProxy:
    """Connections to `port` lead to another port of this machine."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._armed: tuple[bytes, Cut] | None = None
        self._has_cut = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._unanswered: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, marker: bytes, cut: Cut) -> None:
        """Break the connection off on which a client sends these bytes next, in one piece; once."""
        self._has_cut.clear()
        self._armed = (marker, cut)

    def wait_for_cut(self) -> None:
        """Return when it has happened."""
        assert self._has_cut.wait(_WAIT_SECONDS), "nothing was cut"

    def close(self) -> None:
        """Break everything off."""
        for end in (self._listener, *self._sockets):
            _break(end)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target_port))
                self._sockets |= {client, server}
                for work in (self._pass_requests, self._pass_answers):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _pass_requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                cut = self._take_cut(data)
                if cut is Cut.before_it_arrives:
                    self._has_cut.set()
                    break
                if cut is Cut.before_the_answer:
                    self._unanswered.add(client)
                server.sendall(data)
                if cut is Cut.when_it_arrived:
                    self._has_cut.set()
                    _break(client)
                    # Answers are still read: the server is not disturbed.
                    return
        _break(client)
        _break(server)

    def _pass_answers(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK):
                if client in self._unanswered:
                    self._has_cut.set()
                    break
                with suppress(OSError):
                    client.sendall(data)
        _break(client)

    def _take_cut(self, data: bytes) -> Cut | None:
        if self._armed is None or self._armed[0] not in data:
            return None
        (_, cut), self._armed = self._armed, None
        return cut


@contextmanager
def tcp_proxy(target_port: int) -> Iterator[TcpProxy]:
    """Run a proxy for the block."""
    proxy = TcpProxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()


def _break(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
