"""Ask the service in this container whether it takes orders; exit 0 when it does. Needs nothing but Python itself."""

import os
import socket
import sys

SECONDS_MAX = 4.0


def main() -> int:
    """Return the exit code; what the service says is Docker's to show."""
    address = ("127.0.0.1", int(os.environ.get("WAIVER_PORT") or 8081))
    request = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(address, timeout=SECONDS_MAX) as connection:
            connection.sendall(request)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
    except OSError as error:
        print(f"no answer on port {address[1]}: {error}")
        return 1
    print(answer.rpartition(b"\r\n\r\n")[2].decode(errors="replace"))
    return 0 if answer.startswith(b"HTTP/1.1 200 ") else 1


if __name__ == "__main__":
    sys.exit(main())
