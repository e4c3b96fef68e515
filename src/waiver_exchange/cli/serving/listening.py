"""The port that everybody reaches."""

import errno
import socket
from typing import Final

from waiver_exchange.cli.failures import EXIT_FAILED, CommandFailedError

BACKLOG: Final = 2_048


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket that does not listen yet. Raises `CommandFailedError` for a busy port or a wrong host."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(f"{host!r} is no address of this machine; name another with --host.") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.setblocking(False)  # noqa: FBT003 - its only form
    except OSError as error:
        listener.close()
        raise _cannot_listen(_explain(error, host=host, port=port)) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address that a browser on this machine opens."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def cannot_listen_on(listener: socket.socket, error: OSError) -> CommandFailedError:
    """Return the failure for a bound socket on which another program was quicker to listen."""
    host, port = listener.getsockname()[:2]
    return _cannot_listen(_explain(error, host=host, port=port))


def _explain(error: OSError, *, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} on {host} is in use by another program; stop it, or choose another with --port."
        case errno.EACCES:
            return f"Port {port} may not be opened by this user; choose one above 1023 with --port."
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine; name another with --host."
    return f"Cannot listen on {host}, port {port}: {error.strerror}."


def _cannot_listen(message: str) -> CommandFailedError:
    return CommandFailedError(code="cannot_listen", message=message, exit_code=EXIT_FAILED)
