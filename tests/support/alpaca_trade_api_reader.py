"""A bot of the older SDK that reads: prices of the past over REST, then what happens over both streams.

Run by the Python of that SDK's own environment; prints what it saw as one JSON object.
"""

import json
import os
import queue
import sys
import threading
import time
from typing import Any

from alpaca_trade_api.common import URL
from alpaca_trade_api.rest import REST, TimeFrame
from alpaca_trade_api.stream import Stream

MAKER_KEY, MAKER_SECRET, TAKER_KEY, TAKER_SECRET, ROOT = sys.argv[1:]
EVENT_SECONDS = 20


def main() -> None:
    """Trade once, read everything about it, then listen to a second trade."""
    os.environ["APCA_API_DATA_URL"] = os.environ["APCA_API_STREAM_URL"] = ROOT
    maker, taker = (client(key, secret) for key, secret in ((MAKER_KEY, MAKER_SECRET), (TAKER_KEY, TAKER_SECRET)))
    trade(maker, taker, "0.5")
    maker.submit_order("MAHOMES", "3", "sell", "limit", "gtc", limit_price="20.5")
    seen = {"one": one(taker), "several": several(taker), "crypto": crypto(taker)}
    seen["streamed"] = streamed(maker, taker)
    print(json.dumps(seen), flush=True)  # noqa: T201 - the answer to the test
    # Its streams have no way to stop that does not take seconds.
    os._exit(0)


def client(key: str, secret: str) -> Any:  # noqa: ANN401 - the SDK has no types
    rest = REST(key, secret, base_url=URL(ROOT))
    rest._session.trust_env = False
    return rest


def trade(maker: Any, taker: Any, quantity: str) -> None:  # noqa: ANN401
    maker.submit_order("MAHOMES", quantity, "sell", "limit", "gtc", limit_price="20")
    taker.submit_order("MAHOMES", quantity, "buy", "limit", "gtc", limit_price="20")


def one(rest: Any) -> dict[str, Any]:  # noqa: ANN401
    bars = rest.get_bars("MAHOMES", TimeFrame.Day, "2026-01-01", "2099-01-01", limit=5)
    trades = rest.get_trades("MAHOMES", "2026-01-01", "2099-01-01")
    snapshot = rest.get_snapshot("MAHOMES")
    return {
        "bars": [[bar.o, bar.h, bar.l, bar.c, bar.v, bar.vw] for bar in bars],
        "frame": list(bars.df.columns[:5]),
        "trades": [[trade.p, trade.s] for trade in trades],
        "bar": rest.get_latest_bar("MAHOMES").c,
        "trade": rest.get_latest_trade("MAHOMES").p,
        "quote": rest.get_latest_quote("MAHOMES").ap,
        "snapshot": [snapshot.latest_trade.p, snapshot.latest_quote.bp, snapshot.daily_bar.c, snapshot.prev_daily_bar],
    }


def several(rest: Any) -> dict[str, Any]:  # noqa: ANN401
    names = ["MAHOMES", "NOBODY"]
    bars = rest.get_bars(names, TimeFrame.Hour, "2026-01-01", "2099-01-01")
    return {
        "bars": [[bar.S, bar.c] for bar in bars],
        "trades": list(rest.get_latest_trades(names)),
        "quotes": list(rest.get_latest_quotes(names)),
        "snapshots": list(rest.get_snapshots(names)),
    }


def crypto(rest: Any) -> dict[str, Any]:  # noqa: ANN401
    book = rest.get_latest_crypto_orderbook("MAHOMES/USD")["MAHOMES/USD"]
    return {
        "bars": [bar.c for bar in rest.get_crypto_bars("MAHOMES/USD", TimeFrame.Day, "2026-01-01", "2099-01-01")],
        "asks": [[level.p, level.s] for level in book.asks],
        "snapshot": rest.get_crypto_snapshots(["MAHOMES/USD"])["MAHOMES/USD"].latest_trade.p,
    }


def streamed(maker: Any, taker: Any) -> dict[str, Any]:  # noqa: ANN401
    heard: dict[str, queue.Queue[Any]] = {name: queue.Queue() for name in ("updates", "trades", "quotes")}

    async def take_update(update: Any) -> None:  # noqa: ANN401
        heard["updates"].put([update.event, update.order["qty"]])

    async def take_trade(trade: Any) -> None:  # noqa: ANN401
        heard["trades"].put([trade.symbol, trade.price, trade.size, str(trade.timestamp)[:2]])

    async def take_quote(quote: Any) -> None:  # noqa: ANN401
        heard["quotes"].put(quote.ask_price)

    stream = Stream(TAKER_KEY, TAKER_SECRET, base_url=URL(ROOT), data_stream_url=URL(ROOT), data_feed="iex")
    stream.subscribe_trade_updates(take_update)
    stream.subscribe_trades(take_trade, "MAHOMES")
    stream.subscribe_quotes(take_quote, "*")
    threading.Thread(target=stream.run, daemon=True).start()
    end = time.monotonic() + EVENT_SECONDS
    while not (stream._data_ws._running and stream._trading_ws._running):
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)
    trade(maker, taker, "0.25")
    return {
        "updates": [heard["updates"].get(timeout=EVENT_SECONDS) for _ in range(2)],
        "trade": heard["trades"].get(timeout=EVENT_SECONDS),
        "quote": heard["quotes"].get(timeout=EVENT_SECONDS),
    }


main()
