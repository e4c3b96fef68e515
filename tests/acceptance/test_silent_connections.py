"""More connections that say nothing than the server has file handles: whoever asks is served all the same."""

import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.support.waiver_process import COMMAND, serving

HANDLES = 300
GROUP = 20
FEW_HANDLES = ("sh", "-c", f'ulimit -n {HANDLES}; exec "$@"', "sh", *COMMAND)


def test_silent_connections_lock_nobody_out(tmp_path: Path) -> None:
    with serving(data_dir=tmp_path / "exchange", command=FEW_HANDLES) as server, ExitStack() as sockets:
        parts = urlsplit(server.url)
        assert parts.hostname is not None
        for number in range(2 * HANDLES):
            own = sockets.enter_context(socket.create_connection((parts.hostname, parts.port or 0), timeout=10))
            # Half of them begin a request that they never end.
            if number % 2:
                own.sendall(b"GET / HTTP/1.1\r\n")
            if number % GROUP == 0:
                assert httpx.get(f"{server.url}/healthz", trust_env=False, timeout=10).status_code == 200
    assert "Traceback" not in server.log
