"""A web site of somebody else, on another port of this machine: what its pages try, they try with a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

_PAGE: Final = b"<!doctype html><html lang='en'><title>Foreign</title><body>Nothing to see here.</body></html>"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving_foreign_site() -> Iterator[int]:
    """Serve the site for the block and yield its port.

    On `localhost` it is another origin of the same site as the exchange, so that even SameSite cookies go along; on
    `127.0.0.1` it is another site.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
