"""The streams over real connections: every control message, both codecs, and what happens to whom."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.acceptance.alpaca.conftest import MakeBot
from tests.acceptance.conftest import Server, Trader

RECEIVE_SECONDS = 20


@pytest.fixture(scope="module")
def ann(server: Server) -> Trader:
    ann = server.create_account("Ann")
    server.grant(ann, "1000")
    return ann


@pytest.fixture(scope="module")
def bob(server: Server) -> Trader:
    return server.create_account("Bob", cash="100000.00")


class Stream:
    """A connection that speaks the codec of its handshake."""

    def __init__(self, connection: ClientConnection, *, is_msgpack: bool) -> None:
        self.connection = connection
        self.is_msgpack = is_msgpack

    def say(self, **request: object) -> None:
        self.connection.send(msgspec.msgpack.encode(request) if self.is_msgpack else json.dumps(request))

    def hear(self) -> Any:  # noqa: ANN401 - any JSON
        frame = self.connection.recv(timeout=RECEIVE_SECONDS)
        assert isinstance(frame, bytes) == self.is_msgpack
        return msgspec.msgpack.decode(frame) if isinstance(frame, bytes) else json.loads(frame)

    def ask(self, **request: object) -> Any:  # noqa: ANN401 - any JSON
        self.say(**request)
        return self.hear()

    def hear_until(self, is_last: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """The messages up to and with the first that is the last one."""
        heard: list[dict[str, Any]] = []
        while not (heard and is_last(heard[-1])):
            for message in self.hear():
                heard.append(message)
                if is_last(message):
                    break
        return heard


@contextmanager
def opened(
    server: Server, path: str, *, is_msgpack: bool = False, headers: dict[str, str] | None = None
) -> Iterator[Stream]:
    """A connection to a path of the server."""
    given = dict(headers or {})
    if is_msgpack:
        given["Content-Type"] = "application/msgpack"
    url = server.url.replace("http", "ws", 1) + path
    with connect(url, additional_headers=given, proxy=None) as connection:
        yield Stream(connection, is_msgpack=is_msgpack)


@contextmanager
def data_stream(server: Server, who: Trader, path: str = "/v2/iex", *, is_msgpack: bool = False) -> Iterator[Stream]:
    """A connection to a market data stream on which somebody logged in."""
    with opened(server, path, is_msgpack=is_msgpack) as stream:
        assert stream.hear() == [{"T": "success", "msg": "connected"}]
        told = stream.ask(action="auth", key=who.api_key, secret=who.api_secret)
        assert told == [{"T": "success", "msg": "authenticated"}]
        yield stream


@contextmanager
def trading_stream(server: Server, who: Trader, path: str = "/stream") -> Iterator[Stream]:
    """A connection to the trading stream that listens to somebody's updates."""
    with opened(server, path) as stream:
        told = stream.ask(action="authenticate", data={"key_id": who.api_key, "secret_key": who.api_secret})
        assert told == {"stream": "authorization", "data": {"action": "authenticate", "status": "authorized"}}
        told = stream.ask(action="listen", data={"streams": ["trade_updates"]})
        assert told == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        yield stream


def _error(code: int, text: str) -> list[dict[str, object]]:
    return [{"T": "error", "code": code, "msg": text}]


@pytest.mark.parametrize("is_msgpack", [False, True])
def test_what_is_wrong_is_told_with_its_code(server: Server, ann: Trader, is_msgpack: bool) -> None:  # noqa: FBT001
    with opened(server, "/v2/sip", is_msgpack=is_msgpack) as stream:
        assert stream.hear() == [{"T": "success", "msg": "connected"}]
        assert stream.ask(action="subscribe", trades=["*"]) == _error(401, "not authenticated")
        assert stream.ask(action="auth", key=ann.api_key, secret="wrong") == _error(402, "auth failed")  # noqa: S106
        assert stream.ask(action="dance") == _error(400, "invalid syntax")
        told = stream.ask(action="auth", key=ann.api_key, secret=ann.api_secret)
        assert told == [{"T": "success", "msg": "authenticated"}]
        told = stream.ask(action="auth", key=ann.api_key, secret=ann.api_secret)
        assert told == _error(403, "already authenticated")
        assert stream.ask(action="subscribe", trades=["not a symbol"]) == _error(400, "invalid syntax")
        stream.connection.send("{")
        assert stream.hear() == _error(400, "invalid syntax")
        stream.connection.send(b"\xc1\xff")
        assert stream.hear() == _error(400, "invalid syntax")


def test_a_client_may_log_in_with_its_handshake(server: Server, ann: Trader) -> None:
    headers = {"APCA-API-KEY-ID": ann.api_key, "APCA-API-SECRET-KEY": ann.api_secret}
    with opened(server, "/v2/iex", headers=headers) as stream:
        assert stream.hear() == [{"T": "success", "msg": "connected"}]
        assert stream.hear() == [{"T": "success", "msg": "authenticated"}]
        assert stream.ask(action="subscribe", trades=["MAHOMES"])[0]["trades"] == ["MAHOMES"]
    with opened(server, "/v2/iex", headers=headers | {"APCA-API-SECRET-KEY": "wrong"}) as stream:
        assert stream.hear() == [{"T": "success", "msg": "connected"}]
        assert stream.hear() == _error(402, "auth failed")


@pytest.mark.parametrize("path", ["/v2/iex", "/v2/sip", "/v2/iex/", "/v1beta3/crypto/us", "/v1beta2/crypto"])
def test_every_path_greets(server: Server, path: str) -> None:
    with opened(server, path) as stream:
        assert stream.hear() == [{"T": "success", "msg": "connected"}]


def test_a_path_without_a_stream_says_so_in_the_form_of_its_face(server: Server) -> None:
    for path, is_native in (("/v2/nope", False), ("/stream/x", False), ("/nope", True)):
        with pytest.raises(InvalidStatus) as refused, opened(server, path):
            pass
        assert refused.value.response.status_code == 404
        body = json.loads(refused.value.response.body or b"")
        assert (body["error"]["code"] if is_native else body["reason"]) == "route_not_found"
        assert is_native or body["code"] == 40410000


def test_a_trade_reaches_its_subscribers_before_its_quote(server: Server, ann: Trader, bob: Trader) -> None:
    with data_stream(server, ann) as stream:
        stream.ask(action="subscribe", trades=["MAHOMES"], quotes=["*"])
        ann.place(side="sell", quantity="1", limit_price="20.00")
        bob.place(quantity="0.1234", limit_price="20.00")
        heard = stream.hear_until(lambda message: message["T"] == "q" and message["as"] == 0.8766)
        assert [message["T"] for message in heard] == ["q", "t", "q"]
        asked, trade, left = heard
        assert (asked["ap"], asked["as"], asked["bp"], asked["bs"]) == (20, 1, 0, 0)
        assert (trade["S"], trade["p"], trade["s"], trade["x"], trade["c"]) == ("MAHOMES", 20, 0.1234, "V", ["@"])
        assert isinstance(trade["i"], int)
        assert left["ap"] == 20
        assert all(message["t"].endswith("Z") for message in heard)
        ann.http.delete("/api/v1/orders")


def test_messagepack_has_timestamps(server: Server, ann: Trader, bob: Trader) -> None:
    with data_stream(server, ann, is_msgpack=True) as stream:
        stream.ask(action="subscribe", quotes=["MAHOMES"])
        before = time.time_ns()
        bob.place(limit_price="19.00")
        frame = stream.connection.recv(timeout=RECEIVE_SECONDS)
        after = time.time_ns()
        assert isinstance(frame, bytes)
        # An array of maps; `t` is an extension of 8 bytes and type -1, nanoseconds in its upper 30 bits.
        packed = frame[frame.index(b"\xa1t\xd7\xff") + 4 :][:8]
        number = int.from_bytes(packed, "big")
        assert before <= (number & (1 << 34) - 1) * 1_000_000_000 + (number >> 34) <= after
        bob.http.delete("/api/v1/orders")


def test_a_fragmented_request_is_put_together(server: Server, ann: Trader) -> None:
    with data_stream(server, ann, is_msgpack=True) as stream:
        request = msgspec.msgpack.encode({"action": "subscribe", "trades": ["MAHOMES"], "bars": ["*"]})
        stream.connection.send(iter([request[:7], request[7:20], request[20:]]))
        (told,) = stream.hear()
        assert (told["T"], told["trades"], told["bars"]) == ("subscription", ["MAHOMES"], ["*"])
        (told,) = stream.ask(action="unsubscribe", bars=["*"])
        assert (told["trades"], told["bars"]) == (["MAHOMES"], [])


def test_a_book_is_whole_first_and_then_what_changed(server: Server, ann: Trader, bob: Trader) -> None:
    bob.place(limit_price="19.00", quantity="3")
    with data_stream(server, ann, "/v1beta2/crypto") as stream:
        told = stream.ask(action="subscribe", orderbooks=["MAHOMES/USD"])
        assert told[0]["orderbooks"] == ["MAHOMES/USD"]
        (book,) = stream.hear()
        assert (book["T"], book["S"], book["r"]) == ("o", "MAHOMES/USD", True)
        assert (book["b"], book["a"]) == ([{"p": 19, "s": 3}], [])
        bob.http.delete("/api/v1/orders")
        (change,) = stream.hear()
        assert (change["b"], change["a"]) == ([{"p": 19, "s": 0}], [])
        assert change.get("r") is not None or "r" not in change


def test_a_halt_and_its_end_are_told(server: Server, ann: Trader) -> None:
    with data_stream(server, ann) as stream:
        stream.ask(action="subscribe", statuses=["*"])
        server.waiver("market", "halt", "--reason", "test", "--symbol", "MAHOMES")
        (halted,) = stream.hear()
        server.waiver("market", "resume", "--reason", "test", "--symbol", "MAHOMES")
        (resumed,) = stream.hear()
        assert (halted["T"], halted["S"], halted["sc"], resumed["sc"]) == ("s", "MAHOMES", "H", "T")
        assert all(isinstance(status[key], str) for status in (halted, resumed) for key in ("sm", "rc", "rm", "z"))


def test_a_crossing_is_told_to_both_sides_and_readable_by_then(server: Server, ann: Trader, bob: Trader) -> None:
    with trading_stream(server, ann, "/stream/") as maker, trading_stream(server, bob) as taker:
        resting = ann.place(side="sell", quantity="1", limit_price="20.00")
        assert maker.hear()["data"]["event"] == "new"
        placed = bob.place(quantity="1", limit_price="20.00", client_order_id="crossing")
        fill = maker.hear()["data"]
        assert ann.get(f"/api/v1/orders/{resting['id']}")["status"] == "filled"
        new, filled = taker.hear()["data"], taker.hear()["data"]
        assert [fill["event"], new["event"], filled["event"]] == ["fill", "new", "fill"]
        assert (fill["order"]["id"], filled["order"]["id"]) == (resting["id"], placed["id"])
        assert (filled["price"], filled["qty"], filled["order"]["client_order_id"]) == ("20", "1", "crossing")
        assert filled["execution_id"] == fill["execution_id"]
        positions = {position["symbol"]: position["quantity"] for position in bob.get("/api/v1/positions")}
        assert filled["position_qty"] == positions["MAHOMES"]


def test_every_kind_of_end_is_told(server: Server, bob: Trader) -> None:
    with trading_stream(server, bob) as stream:
        order = bob.place(limit_price="19.00")
        bob.http.delete(f"/api/v1/orders/{order['id']}")
        bob.place(limit_price="19.00", time_in_force="ioc")
        heard = [stream.hear()["data"] for _ in range(4)]
        assert [data["event"] for data in heard] == ["new", "canceled", "new", "canceled"]
        assert all(data["timestamp"].endswith("Z") for data in heard)
        assert bob.post_order(side="sell", symbol="MAHOMES", quantity="9999", limit_price="20.00").status_code == 403
        bob.place(limit_price="19.50")
        assert stream.hear()["data"]["order"]["limit_price"] == "19.5"
        bob.http.delete("/api/v1/orders")


def test_an_order_that_the_book_rejected_is_told(server: Server, ann: Trader, bob: Trader) -> None:
    ask = ann.place(side="sell", quantity="1", limit_price="20.00")
    with trading_stream(server, bob) as stream:
        order = bob.place(quantity="1", limit_price="20.00", post_only=True)
        told = stream.hear()["data"]
        assert (order["status"], told["event"], told["order"]["status"]) == ("rejected", "rejected", "rejected")
        assert (told["order"]["id"], told["order"]["failed_at"]) == (order["id"], told["timestamp"])
    ann.http.delete(f"/api/v1/orders/{ask['id']}")


def test_a_replacement_is_told_as_the_old_order_and_then_the_new(server: Server, make_bot: MakeBot) -> None:
    bot = make_bot()
    with trading_stream(server, bot.trader) as stream:
        old = bot.post(qty="2").json()
        new = bot.http.patch(f"/v2/orders/{old['id']}", json={"qty": "1"}).json()
        heard = [stream.hear()["data"] for _ in range(3)]
        assert [data["event"] for data in heard] == ["new", "replaced", "new"]
        assert [data["order"]["id"] for data in heard] == [old["id"], old["id"], new["id"]]
        assert (heard[1]["order"]["status"], heard[1]["order"]["replaced_by"]) == ("replaced", new["id"])
        assert (heard[2]["order"]["status"], heard[2]["order"]["replaces"]) == ("new", old["id"])
        bot.http.delete("/v2/orders")


def test_a_stop_is_new_and_then_filled(server: Server, make_bot: MakeBot) -> None:
    holder, others = make_bot(shares="10"), [make_bot(), make_bot(shares="10")]
    with trading_stream(server, holder.trader) as stream:
        stop = holder.post(side="sell", type="stop", limit_price=None, stop_price="19.50").json()
        new = stream.hear()["data"]
        assert (new["event"], new["order"]["id"], new["order"]["stop_price"]) == ("new", stop["id"], "19.5")
        assert new["order"]["status"] == stop["status"] == "new"
        others[0].post(qty="2", limit_price="19.40")
        others[1].post(side="sell", qty="1", limit_price="19.40")
        fill = stream.hear()["data"]
        assert (fill["event"], fill["price"], fill["qty"], fill["position_qty"]) == ("fill", "19.4", "1", "9")
        assert (fill["order"]["id"], fill["order"]["status"]) == (stop["id"], "filled")


def test_an_event_tells_the_order_as_rest_does(server: Server, make_bot: MakeBot) -> None:
    bot = make_bot()
    with trading_stream(server, bot.trader) as stream:
        placed = bot.post(client_order_id="the same").json()
        told = stream.hear()["data"]["order"]
        assert told == placed == bot.get(f"/v2/orders/{placed['id']}")
        bot.http.delete("/v2/orders")
        assert stream.hear()["data"]["order"] == bot.get(f"/v2/orders/{placed['id']}")


def test_the_trading_stream_tells_nobody_unknown(server: Server, bob: Trader) -> None:
    with opened(server, "/stream") as stream:
        told = stream.ask(action="listen", data={"streams": ["trade_updates"]})
        assert told == {"stream": "authorization", "data": {"action": "listen", "status": "unauthorized"}}
        told = stream.ask(action="authenticate", data={"key_id": bob.api_key, "secret_key": "wrong"})
        assert told == {"stream": "authorization", "data": {"action": "authenticate", "status": "unauthorized"}}
        stream.connection.send("no JSON")
        assert stream.hear()["stream"] == "error"
        bob.place(limit_price="19.00")
        bob.http.delete("/api/v1/orders")
        assert stream.ask(action="auth", key=bob.api_key, secret=bob.api_secret)["data"]["status"] == "authorized"


def test_one_who_breaks_the_rules_is_sent_away_and_nobody_else(server: Server, ann: Trader, bob: Trader) -> None:
    with data_stream(server, ann) as other, data_stream(server, bob) as stream:
        other.ask(action="subscribe", quotes=["*"])
        stream.connection.send("x" * 70_000)
        with pytest.raises(ConnectionClosed) as closed:
            stream.hear()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        bob.place(limit_price="18.50")
        assert other.hear()[0]["bp"] == 18.5
        bob.http.delete("/api/v1/orders")
