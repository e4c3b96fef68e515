"""A bot of the older SDK, as one was written years ago: run by the Python of that SDK's own environment.

It buys, looks, replaces, cancels and closes, and prints what it saw as one JSON object.
"""

import json
import sys
from typing import Any

from alpaca_trade_api.rest import REST, APIError

MAKER_KEY, MAKER_SECRET, TAKER_KEY, TAKER_SECRET, URL = sys.argv[1:]


def main() -> None:
    """Trade, and print what came of it."""
    maker, taker = (client(key, secret) for key, secret in ((MAKER_KEY, MAKER_SECRET), (TAKER_KEY, TAKER_SECRET)))
    seen: dict[str, Any] = {"orders": orders(maker, taker), "refusals": refusals(taker)}
    seen["account"] = account(taker)
    seen["watchlists"] = watchlists(taker)
    seen["closed"] = close(maker, taker)
    print(json.dumps(seen))  # noqa: T201 - the answer to the test


def client(key: str, secret: str) -> Any:  # noqa: ANN401 - the SDK has no types
    rest = REST(key, secret, base_url=URL)
    rest._session.trust_env = False
    return rest


def orders(maker: Any, taker: Any) -> dict[str, Any]:  # noqa: ANN401
    maker.submit_order("MAHOMES", qty=5, side="sell", type="limit", time_in_force="gtc", limit_price=20.0)
    bought = taker.submit_order("MAHOMES", qty=1.5, side="buy", type="market", time_in_force="day")
    resting = taker.submit_order(
        "MAHOMES", 2, "buy", "limit", "gtc", limit_price="19.50", client_order_id="old-sdk", extended_hours=True
    )
    stop = taker.submit_order("MAHOMES", 1, "sell", "stop", "gtc", stop_price=15)
    found = taker.get_order_by_client_order_id("old-sdk")
    same = taker.get_order(resting.id, nested=True)
    new = taker.replace_order(resting.id, qty="1", limit_price="19.25")
    opened = taker.list_orders(status="open", limit=10, direction="asc", nested=False, symbols=["MAHOMES"], side="buy")
    taker.cancel_order(new.id)
    taker.cancel_all_orders()
    ended = taker.list_orders(status="closed", after="2026-01-01", until="2099-01-01T00:00:00Z")
    return {
        "bought": [bought.status, bought.filled_qty, bought.filled_avg_price],
        "filled_at": bought.filled_at.isoformat(),
        "is_found": found.id == same.id == resting.id,
        "stop": [stop.type, stop.status],
        "new": [new.qty, new.limit_price, new.replaces == resting.id],
        "open": [order.id == new.id for order in opened],
        "ended": sorted(order.status for order in ended),
        "after": taker.list_orders(),
    }


def refusals(taker: Any) -> list[Any]:  # noqa: ANN401
    acts = (
        lambda: taker.submit_order("MAHOMES", 1, "buy", "limit", "gtc", limit_price=19, client_order_id="old-sdk"),
        lambda: taker.submit_order("MAHOMES", 10_000, "buy", "limit", "gtc", limit_price=19),
        lambda: taker.submit_order("NOBODY", 1),
        lambda: taker.submit_order(
            "MAHOMES", 1, order_class="bracket", take_profit={"limit_price": 30}, stop_loss={"stop_price": 10}
        ),
        lambda: taker.get_order("b0b6dd9d-8b9b-48a9-ba46-b9d54906e415"),
        lambda: taker.get_position("NOBODY"),
        lambda: taker.get("/no/such/thing"),
    )
    return [refusal(act) for act in acts]


def refusal(act: Any) -> list[Any]:  # noqa: ANN401
    try:
        act()
    except APIError as error:
        return [error.status_code, error.code, str(error)]
    return []


def account(taker: Any) -> dict[str, Any]:  # noqa: ANN401
    own = taker.get_account()
    clock = taker.get_clock()
    fills = taker.get_activities(activity_types="FILL", direction="desc", page_size=10)
    several = taker.get_activities(activity_types=["FILL", "CSD"])
    taker.update_account_configurations(no_shorting=True, dtbp_check="exit", suspend_trade=False)
    settings = taker.get_account_configurations()
    history = taker.get_portfolio_history(period="1D", timeframe="5Min", extended_hours=True).df
    return {
        "cash": own.cash,
        "status": own.status,
        "is_open": clock.is_open,
        "is_ahead": clock.timestamp < clock.next_close < clock.next_open,
        "days": [str(day.date.date()) for day in taker.get_calendar("2026-11-21", "2026-11-22")],
        "assets": [asset.symbol for asset in taker.list_assets(status="active", asset_class="us_equity")],
        "asset": taker.get_asset("MAHOMES").tradable,
        "fills": [[fill.side, fill.qty, fill.price, fill.transaction_time.isoformat()[:2]] for fill in fills],
        "several": len(several) >= len(fills),
        "dtbp_check": settings.dtbp_check,
        "equity": history.equity.iloc[-1],
    }


def watchlists(taker: Any) -> list[Any]:  # noqa: ANN401
    made = taker.create_watchlist("QBs", ["MAHOMES"])
    named = taker.get_watchlist_by_name("QBs")
    taker.update_watchlist(made.id, name="Passers", symbols=[])
    taker.add_to_watchlist(made.id, "MAHOMES")
    added = [asset["symbol"] for asset in taker.get_watchlist(made.id).assets]
    taker.delete_from_watchlist(made.id, "MAHOMES")
    listed = [watchlist.name for watchlist in taker.get_watchlists()]
    taker.delete_watchlist(made.id)
    return [named.id == made.id, added, listed, taker.get_watchlists()]


def close(maker: Any, taker: Any) -> list[Any]:  # noqa: ANN401
    (position,) = taker.list_positions()
    maker.cancel_all_orders()
    maker.submit_order("MAHOMES", qty="2", side="buy", type="limit", time_in_force="gtc", limit_price="20")
    part = taker.close_position("MAHOMES", qty=0.5)
    rest = taker.close_all_positions()
    maker.cancel_all_orders()
    return [position.qty, position.market_value, part.filled_qty, rest[0].status, taker.list_positions()]


main()
