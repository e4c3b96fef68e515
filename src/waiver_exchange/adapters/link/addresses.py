"""The address of the link's socket."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ADDRESS_BYTES_MAX: Final = 107


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Give an address for `bind` or `connect` that is short enough whatever the length of the path.

    Valid inside the block only. Raises `OSError` when the directory cannot be opened.
    """
    if len(os.fsencode(path)) <= _ADDRESS_BYTES_MAX:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def bind(path: Path) -> socket.socket:
    """Return a socket that is bound in place of whatever is at the path (mode 0600), and does not listen yet."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # The data directory's lock is held, so nobody listens on a socket that is there.
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


def connect(path: Path) -> socket.socket:
    """Return a socket that is connected to the one at the path. Raises `OSError`."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)  # noqa: FBT003 - its only form
        with socket_address(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection
