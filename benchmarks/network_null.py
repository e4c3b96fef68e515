"""The null handler: the same server software, answering a constant; what the figures are compared with."""

import json
import socket
from typing import Any, Final

import uvicorn

_ANSWER: Final = json.dumps({"result": {"answer": "x" * 480}})[1:]
_BODY: Final = json.dumps({"answer": "x" * 480}).encode()


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    """Answer every message and every request with the same."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            text = message["text"]
            # The id goes back, so that the time of each answer is known; nothing else is read.
            request_id = text[7 : text.index(",", 7)]
            await send({"type": "websocket.send", "text": f'{{"id":{request_id},{_ANSWER}'})
    elif scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_BODY))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})


def main() -> None:
    """Serve on a free port, and print where."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        http="httptools",
        loop="uvloop",
        log_level="critical",
        lifespan="off",
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
