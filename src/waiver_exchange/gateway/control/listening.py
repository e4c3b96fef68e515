"""Unix sockets in the data directory that only its owner may open."""

import socket
from pathlib import Path

from waiver_exchange.gateway.control.protocol import socket_address


def bind_unix(path: Path) -> socket.socket:
    """Return a bound socket of mode 0600, in place of one that a killed process left; it does not listen yet.

    The caller holds the data directory's lock, so nobody listens on a socket that is there. Raises `OSError`.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        with socket_address(path) as address:
            listener.bind(address)
        # Nobody can connect before the socket listens, so there is no moment when others could.
        path.chmod(0o600)
        listener.setblocking(False)  # noqa: FBT003 - its only form
    except BaseException:
        listener.close()
        raise
    return listener
