"""Account, settings, positions, activities, assets, watchlists and clock through the official SDK."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import (
    AccountStatus,
    AssetClass,
    AssetExchange,
    AssetStatus,
    DTBPCheck,
    OrderSide,
    OrderStatus,
    PositionSide,
    TradeConfirmationEmail,
)
from alpaca.trading.requests import (
    ClosePositionRequest,
    CreateWatchlistRequest,
    GetAssetsRequest,
    GetCalendarRequest,
    GetOptionContractsRequest,
    GetPortfolioHistoryRequest,
    UpdateWatchlistRequest,
)

from tests.acceptance.alpaca.conftest import Bot, MakeBot, refusal
from tests.acceptance.conftest import Server, StartServer
from waiver_exchange.gateway.control.client import call_server

ACTIVITY_ID = re.compile(r"[0-9]{17}::[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.fixture
def holder(make_bot: MakeBot, seller: Bot) -> Bot:
    """A bot that bought 10 shares at 20 in two trades, of 10,000 dollars."""
    bot = make_bot()
    seller.limit("sell", 4, 20)
    seller.limit("sell", 6, 20)
    bot.limit("buy", 10, 20)
    return bot


def test_the_account_of_a_newcomer(bot: Bot) -> None:
    account = bot.sdk.get_account()
    assert account.id == UUID(bot.trader.account_id)
    assert account.status is AccountStatus.ACTIVE
    assert account.account_number
    assert account.currency == "USD"
    assert Decimal(account.cash) == Decimal(account.equity) == Decimal(account.portfolio_value) == 10_000
    assert Decimal(account.buying_power) == Decimal(account.last_equity) == 10_000
    assert Decimal(account.long_market_value) == Decimal(account.short_market_value) == 0
    assert account.multiplier == "1"
    assert account.shorting_enabled is False
    assert {account.trading_blocked, account.account_blocked, account.transfers_blocked} == {False}
    assert account.created_at.tzinfo is not None
    for name in ("cash", "long_market_value", "short_market_value", "portfolio_value"):
        assert isinstance(bot.get("/v2/account")[name], str)


def test_buying_power_is_cash_without_what_open_buys_hold(bot: Bot) -> None:
    bot.limit("buy", 2.5, 19)
    account = bot.sdk.get_account()
    assert Decimal(account.cash) == 10_000
    assert Decimal(account.buying_power) == Decimal("9952.5")


def test_holdings_count_in_the_equity(holder: Bot) -> None:
    account = holder.sdk.get_account()
    assert decimals(account.cash, account.long_market_value, account.equity) == [9_800, 200, 10_000]


def test_a_halted_account_says_so(server: Server, bot: Bot) -> None:
    server.waiver("account", "halt", "--reason", "test", "--account", bot.trader.account_id)
    assert bot.sdk.get_account().trading_blocked is True
    with pytest.raises(APIError) as error:
        bot.limit("buy", 1, 19)
    assert refusal(error)[:2] == (403, 40310000)


def test_configurations_change_and_stay(bot: Bot) -> None:
    settings = bot.sdk.get_account_configurations()
    assert settings.suspend_trade is False
    assert settings.max_margin_multiplier == "1"
    settings.suspend_trade = True
    settings.dtbp_check = DTBPCheck.BOTH
    settings.trade_confirm_email = TradeConfirmationEmail.ALL
    changed = bot.sdk.set_account_configurations(settings)
    assert (changed.suspend_trade, changed.dtbp_check) == (True, DTBPCheck.BOTH)
    assert bot.sdk.get_account_configurations() == changed
    assert bot.sdk.get_account().trade_suspended_by_user is True
    # Null and what is absent stay as they are.
    answer = bot.http.patch("/v2/account/configurations", json={"dtbp_check": None, "no_shorting": True})
    assert (answer.json()["dtbp_check"], answer.json()["suspend_trade"]) == ("both", True)


def test_suspended_trade_refuses_on_every_face_and_lets_cancel(bot: Bot) -> None:
    resting = bot.limit("buy", 1, 19)
    bot.http.patch("/v2/account/configurations", json={"suspend_trade": True})
    with pytest.raises(APIError) as error:
        bot.limit("buy", 1, 19)
    assert refusal(error) == (403, 40310000, "new orders are rejected by user request")
    replaced = bot.http.patch(f"/v2/orders/{resting.id}", json={"qty": 2})
    assert (replaced.status_code, replaced.json()["reason"]) == (403, "trading_is_suspended_by_owner")
    native = bot.trader.post_order()
    assert (native.status_code, native.json()["error"]["code"]) == (403, "trading_is_suspended_by_owner")
    bot.sdk.cancel_order_by_id(resting.id)
    bot.http.patch("/v2/account/configurations", json={"suspend_trade": False})
    assert bot.limit("buy", 1, 19).status is OrderStatus.NEW


@pytest.mark.parametrize(
    "change",
    [
        {"suspend_trade": "perhaps"},
        {"suspend_trade": 1},
        {"dtbp_check": "never"},
        {"dtbp_check": 5},
        {"trade_confirm_email": "some"},
        {"max_margin_multiplier": "3"},
        {"max_options_trading_level": 9},
        {"max_options_trading_level": "x"},
        {"max_options_trading_level": 1e400},
    ],
)
def test_a_setting_has_its_words(bot: Bot, change: dict[str, object]) -> None:
    body = str(change).replace("'", '"').replace("inf", "1e400")
    answer = bot.http.patch("/v2/account/configurations", content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, 40010001), answer.text


def test_a_position_in_every_number(holder: Bot) -> None:
    (position,) = holder.sdk.get_all_positions()
    assert holder.sdk.get_open_position("MAHOMES") == position
    assert holder.sdk.get_open_position(position.asset_id) == position
    assert (position.symbol, position.exchange, position.asset_class) == (
        "MAHOMES",
        AssetExchange.OTC,
        AssetClass.US_EQUITY,
    )
    assert position.side is PositionSide.LONG
    assert (position.qty, position.qty_available) == ("10", "10")
    assert decimals(position.avg_entry_price, position.cost_basis, position.market_value, position.current_price) == [
        20,
        200,
        200,
        20,
    ]
    assert decimals(position.unrealized_pl, position.unrealized_plpc) == [0, 0]
    raw = holder.get("/v2/positions/MAHOMES")
    numbers = {name: value for name, value in raw.items() if not isinstance(value, bool)}
    assert all(value is None or isinstance(value, str) for value in numbers.values()), raw


def test_profit_and_its_percentage(make_bot: MakeBot, holder: Bot, seller: Bot) -> None:
    other = make_bot()
    seller.limit("sell", 1, 21)
    other.limit("buy", 1, 21)
    position = holder.sdk.get_open_position("MAHOMES")
    assert decimals(position.unrealized_pl, position.unrealized_plpc) == [10, Decimal("0.05")]
    # Nothing traded before today, so the price that the market was listed with counts.
    assert decimals(position.lastday_price, position.change_today, position.unrealized_intraday_pl) == [
        20,
        Decimal("0.05"),
        10,
    ]
    account = holder.sdk.get_account()
    assert decimals(account.equity, account.last_equity) == [10_010, 10_000]
    seller.limit("sell", 1, 20)  # back to where the other tests want it
    other.limit("buy", 1, 20)


def test_no_position_is_said_as_bots_expect_it(bot: Bot) -> None:
    assert bot.sdk.get_all_positions() == []
    assert bot.sdk.close_all_positions() == []
    for act in (bot.sdk.get_open_position, bot.sdk.close_position):
        for name in ("MAHOMES", "NOBODY", uuid4()):
            with pytest.raises(APIError) as error:
                act(name)
            assert refusal(error) == (404, 40410000, "position does not exist")


def test_close_by_quantity_by_percentage_and_whole(make_bot: MakeBot, holder: Bot) -> None:
    buyer = make_bot()
    buyer.limit("buy", 10, 20)
    first = holder.sdk.close_position("MAHOMES", ClosePositionRequest(qty="2.5"))
    assert (first.side, first.status, first.filled_qty) == (OrderSide.SELL, OrderStatus.FILLED, "2.5")
    second = holder.sdk.close_position("MAHOMES", ClosePositionRequest(percentage="33.33"))
    assert second.filled_qty == "2.4997"  # 7.5 x 33.33 % = 2.49975, and 0.0001 share is the smallest part
    last = holder.sdk.close_position("MAHOMES")
    assert last.filled_qty == "5.0003"
    assert holder.sdk.get_all_positions() == []
    buyer.sdk.cancel_orders()


@pytest.mark.parametrize(
    "query", ["qty=1&percentage=5", "percentage=0", "percentage=101", "qty=0", "qty=-1", "qty=x", "qty=0.00001"]
)
def test_how_much_to_close_must_make_sense(holder: Bot, query: str) -> None:
    answer = holder.http.delete(f"/v2/positions/MAHOMES?{query}")
    assert answer.status_code == 422, answer.text
    assert isinstance(answer.json()["code"], int)


def test_shares_in_open_orders_cannot_be_closed_unless_these_are_cancelled(make_bot: MakeBot, holder: Bot) -> None:
    holder.limit("sell", 6, 25)
    with pytest.raises(APIError) as error:
        holder.sdk.close_position("MAHOMES")
    assert refusal(error) == (
        403,
        40310000,
        "insufficient qty available for order (requested: 10, available: 4)",
    )
    (refused,) = holder.sdk.close_all_positions()
    assert (refused.symbol, refused.status) == ("MAHOMES", 403)
    raw = holder.http.delete("/v2/positions").json()
    assert (raw[0]["body"]["code"], raw[0]["body"]["available"]) == (40310000, "4")
    buyer = make_bot()
    buyer.limit("buy", 10, 20)
    (closed,) = holder.sdk.close_all_positions(cancel_orders=True)
    assert (closed.symbol, closed.status, closed.body.status) == ("MAHOMES", 200, OrderStatus.FILLED)
    assert holder.sdk.get_orders() == []


def test_fills_are_activities_of_both_sides(make_bot: MakeBot, seller: Bot) -> None:
    bot = make_bot()
    resting = seller.limit("sell", 3, 20)
    taken = bot.limit("buy", 1.25, 20)
    (mine,) = bot.sdk.get("/account/activities/FILL")
    assert ACTIVITY_ID.fullmatch(mine["id"])
    assert datetime.fromisoformat(mine["transaction_time"]) > datetime.now(UTC) - timedelta(minutes=5)
    expected = {
        "activity_type": "FILL",
        "type": "fill",
        "price": "20",
        "qty": "1.25",
        "cum_qty": "1.25",
        "leaves_qty": "0",
        "side": "buy",
        "symbol": "MAHOMES",
        "order_id": str(taken.id),
        "order_status": "filled",
    }
    assert {name: mine[name] for name in expected} == expected
    (theirs,) = seller.sdk.get("/account/activities", {"activity_types": "FILL", "order_id": str(resting.id)})
    assert (theirs["type"], theirs["cum_qty"], theirs["leaves_qty"], theirs["side"], theirs["order_status"]) == (
        "partial_fill",
        "1.25",
        "1.75",
        "sell",
        "partially_filled",
    )


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_activities_page_until_an_empty_page(make_bot: MakeBot, seller: Bot, direction: str) -> None:
    bot = make_bot()
    seller.limit("sell", 10, 20)
    taken = [str(bot.limit("buy", 1, 20).id) for _ in range(5)]
    seen: list[str] = []
    query: dict[str, object] = {"page_size": 2, "direction": direction}
    while page := bot.sdk.get("/account/activities/FILL", query):
        seen += [activity["order_id"] for activity in page]
        query["page_token"] = page[-1]["id"]
    assert seen == (taken if direction == "asc" else taken[::-1])


def test_cash_and_shares_that_came_are_activities_too(make_bot: MakeBot) -> None:
    bot = make_bot(cash="250.00", shares="3")
    (deposit,) = bot.sdk.get("/account/activities/CSD")
    assert (deposit["activity_type"], deposit["net_amount"], deposit["status"]) == ("CSD", "250.00", "executed")
    assert abs(date.fromisoformat(deposit["date"]) - datetime.now(UTC).date()) <= timedelta(days=1)
    assert ACTIVITY_ID.fullmatch(deposit["id"])
    assert bot.sdk.get("/account/activities", {"activity_types": "TRANS"}) == [deposit]
    (granted,) = bot.sdk.get("/account/activities", {"activity_types": "MISC"})
    assert (granted["activity_type"], granted["symbol"], granted["qty"]) == ("JNLS", "MAHOMES", "3")
    assert bot.sdk.get("/account/activities", {"category": "non_trade_activity"}) == [granted, deposit]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_all_kinds_page_together(server: Server, make_bot: MakeBot, seller: Bot, direction: str) -> None:
    bot = make_bot(cash="100.00")
    for number in range(3):
        seller.limit("sell", 1, 20)
        bot.limit("buy", 1, 20)
        server.waiver(
            "cash",
            "deposit",
            "--reason",
            "test",
            "--account",
            bot.trader.account_id,
            "--amount",
            "7",
            "--reference",
            f"gift {number}",
        )
    query: dict[str, object] = {"page_size": 2, "direction": direction}
    seen: list[dict[str, str]] = []
    while page := bot.sdk.get("/account/activities", query):
        assert len(page) <= 2
        seen += page
        query["page_token"] = page[-1]["id"]
    kinds = [activity["activity_type"] for activity in seen]
    assert kinds == ["CSD", "FILL", "CSD", "FILL", "CSD", "FILL", "CSD"]
    assert len({activity["id"] for activity in seen}) == 7
    times = [activity.get("transaction_time") or activity["created_at"] for activity in seen]
    assert times == sorted(times, reverse=direction == "desc")


def test_fees_are_activities(start_server: StartServer) -> None:
    server = start_server(WAIVER_TAKER_FEE_BPS="10")
    server.list_player()
    maker, taker = (Bot(server, server.create_account(name)) for name in ("maker", "taker"))
    server.grant(maker.trader, "10")
    maker.limit("sell", 10, 20)
    taken = taker.limit("buy", 10, 20)
    fee, fill = taker.sdk.get("/account/activities", {"activity_types": "FILL,FEE"})
    assert (fee["activity_type"], fee["net_amount"]) == ("FEE", "-0.20")
    assert (fill["activity_type"], fill["order_id"]) == ("FILL", str(taken.id))
    assert taker.sdk.get("/account/activities/FEE", {"page_token": fee["id"]}) == []
    assert taker.sdk.get("/account/activities", {"page_token": fee["id"], "activity_types": "FILL"}) == [fill]
    assert maker.sdk.get("/account/activities/FEE") == []
    for bot in (maker, taker):
        bot.close()


@pytest.mark.parametrize("token", ["x", "20261122000000000::0000007d-0000-8000-8000-00003fffffff", str(UUID(int=1))])
def test_a_page_token_is_an_activity_of_the_account(holder: Bot, token: str) -> None:
    with pytest.raises(APIError) as error:
        holder.sdk.get("/account/activities", {"page_token": token})
    assert refusal(error)[:2] == (422, 40010001)


def test_portfolio_history_ends_with_what_is_now(make_bot: MakeBot, holder: Bot, seller: Bot) -> None:
    other = make_bot()
    seller.limit("sell", 1, 21)
    other.limit("buy", 1, 21)
    for period, timeframe in (
        ("1D", "1Min"),
        ("1D", "5Min"),
        ("1W", "15Min"),
        ("1M", "1H"),
        ("12M", "1D"),
        ("2A", "1D"),
    ):
        history = holder.sdk.get_portfolio_history(GetPortfolioHistoryRequest(period=period, timeframe=timeframe))
        assert history.timeframe == timeframe
        assert len(history.timestamp) == len(history.equity) == len(history.profit_loss) > 0
        assert len(history.profit_loss_pct) == len(history.timestamp)
        assert history.timestamp == sorted(set(history.timestamp))
        assert history.timestamp[-1] <= datetime.now(UTC).timestamp()
        assert (history.equity[-1], history.profit_loss[-1], history.profit_loss_pct[-1]) == (10_010, 10, 0.001)
        assert history.equity[0] == (0 if len(history.equity) > 1 else 10_010)
    raw = holder.get("/v2/account/portfolio/history", cashflow_types="ALL")
    assert sum(raw["cashflow"]["CSD"]) == 10_000
    assert raw["timeframe"] == "1D"
    assert raw["base_value"] == 0
    assert date.fromisoformat(raw["base_value_asof"]) < datetime.now(UTC).date()
    assert all(isinstance(value, int | float) for value in raw["equity"] + raw["profit_loss"])
    assert holder.sdk.get_portfolio_history().timeframe == "1D"
    seller.limit("sell", 1, 20)
    other.limit("buy", 1, 20)


def test_granted_shares_are_no_profit(make_bot: MakeBot, server: Server) -> None:
    bot = make_bot()
    assert Decimal(bot.sdk.get_account().last_equity or 0) == 10_000
    control = server.data_dir / "control.sock"
    grant = {"account": bot.trader.account_id, "symbol": "MAHOMES", "quantity": "100", "reason": "test"}
    call_server(control, "shares.grant", grant)
    account = bot.sdk.get_account()
    assert Decimal(account.equity or 0) > 11_000
    assert account.last_equity == account.equity
    for timeframe in ("1Min", "1D"):
        history = bot.sdk.get_portfolio_history(GetPortfolioHistoryRequest(period="1D", timeframe=timeframe))
        assert history.equity[-1] > 11_000
        assert history.profit_loss[-1] == 0


def test_portfolio_history_is_coarser_for_longer_periods(holder: Bot) -> None:
    chosen = {"1D": "1Min", "2D": "5Min", "6D": "5Min", "1W": "15Min", "21D": "15Min", "29D": "1H", "1M": "1D"}
    for period, timeframe in chosen.items():
        body = holder.get("/v2/account/portfolio/history", period=period)
        assert (body["timeframe"], len(body["timestamp"]) <= 2_101) == (timeframe, True), period


def test_portfolio_history_by_its_bounds(holder: Bot) -> None:
    now = datetime.now(UTC)
    bounded = GetPortfolioHistoryRequest(start=now - timedelta(hours=2), end=now - timedelta(hours=1), timeframe="5Min")
    history = holder.sdk.get_portfolio_history(bounded)
    assert history.equity == [0] * 12
    until_yesterday = GetPortfolioHistoryRequest(period="5D", date_end=now.date() - timedelta(days=2), timeframe="1D")
    assert set(holder.sdk.get_portfolio_history(until_yesterday).equity) == {0}
    assert holder.get("/v2/account/portfolio/history", start="2030-01-01")["timestamp"] == []
    for query in (
        {"period": "1X"},
        {"period": "0D"},
        {"period": "9999A"},
        {"timeframe": "7Min"},
        {"timeframe": "1Min", "period": "1A"},
        {"timeframe": "1Min", "period": "7D"},
        {"timeframe": "15Min", "period": "29D"},
        {"period": "1D", "start": "2026-01-01", "end": "2026-01-02"},
        {"start": "x"},
        {"pnl_reset": "never"},
        {"intraday_reporting": "x"},
    ):
        answer = holder.http.get("/v2/account/portfolio/history", params=query)
        assert (answer.status_code, answer.json()["code"]) == (422, 40010001), query


def test_activities_by_time_and_kind(holder: Bot) -> None:
    today = datetime.now(UTC)
    far = (today + timedelta(days=2)).date().isoformat()
    soon = (today + timedelta(minutes=1)).isoformat()
    assert len(holder.sdk.get("/account/activities/FILL", {"until": soon})) == 2
    assert holder.sdk.get("/account/activities/FILL", {"after": soon}) == []
    assert holder.sdk.get("/account/activities/FILL", {"after": far}) == []
    assert holder.sdk.get("/account/activities", {"date": far}) == []
    assert holder.sdk.get("/account/activities/DIV") == []
    assert {
        item["activity_type"] for item in holder.sdk.get("/account/activities", {"category": "trade_activity"})
    } == {"FILL"}
    for query in ({"category": "x"}, {"category": "trade_activity", "activity_types": "FILL"}, {"page_size": 101}):
        with pytest.raises(APIError) as error:
            holder.sdk.get("/account/activities", query)
        assert refusal(error)[:2] == (422, 40010001)
    with pytest.raises(APIError) as error:
        holder.sdk.get("/account/activities/GIFT")
    assert refusal(error)[:2] == (422, 40010001)


def test_assets(bot: Bot) -> None:
    (asset,) = bot.sdk.get_all_assets(GetAssetsRequest(status=AssetStatus.ACTIVE, asset_class=AssetClass.US_EQUITY))
    assert (asset.symbol, asset.asset_class, asset.exchange) == ("MAHOMES", AssetClass.US_EQUITY, AssetExchange.OTC)
    assert (asset.tradable, asset.fractionable, asset.marginable, asset.shortable, asset.easy_to_borrow) == (
        True,
        True,
        False,
        False,
        False,
    )
    assert (asset.min_order_size, asset.min_trade_increment, asset.price_increment) == (0.0001, 0.0001, 0.01)
    assert bot.sdk.get_all_assets() == [asset]
    assert bot.sdk.get_asset("MAHOMES") == bot.sdk.get_asset(asset.id) == asset
    assert bot.sdk.get_all_assets(GetAssetsRequest(status=AssetStatus.INACTIVE)) == []
    assert bot.sdk.get_all_assets(GetAssetsRequest(asset_class=AssetClass.US_OPTION)) == []
    assert bot.sdk.get_all_assets(GetAssetsRequest(exchange=AssetExchange.NYSE)) == []
    assert bot.sdk.get_all_assets(GetAssetsRequest(attributes="position:QB,team:KC")) == [asset]
    assert bot.sdk.get_all_assets(GetAssetsRequest(attributes="position:RB")) == []
    for name in ("NOBODY", uuid4()):
        with pytest.raises(APIError) as error:
            bot.sdk.get_asset(name)
        assert refusal(error) == (404, 40410000, f"asset not found for {name}")


def test_a_halted_market_is_not_tradable(server: Server, bot: Bot) -> None:
    server.list_player("HALTED")
    server.waiver("market", "halt", "--reason", "test", "--symbol", "HALTED")
    assert bot.sdk.get_asset("HALTED").tradable is False
    answer = bot.post(symbol="HALTED")
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (
        422,
        42210000,
        'asset "HALTED" is not tradable',
    )


def test_watchlists(bot: Bot) -> None:
    made = bot.sdk.create_watchlist(CreateWatchlistRequest(name="QBs", symbols=["MAHOMES"]))
    assert [asset.symbol for asset in made.assets] == ["MAHOMES"]
    assert made.account_id == UUID(bot.trader.account_id)
    (listed,) = bot.sdk.get_watchlists()
    assert (listed.id, listed.name, listed.assets) == (made.id, "QBs", None)
    emptied = bot.sdk.remove_asset_from_watchlist_by_id(made.id, "MAHOMES")
    assert emptied.assets == []
    again = bot.sdk.add_asset_to_watchlist_by_id(made.id, "MAHOMES")
    assert [asset.symbol for asset in again.assets] == ["MAHOMES"]
    renamed = bot.sdk.update_watchlist_by_id(made.id, UpdateWatchlistRequest(name="Passers", symbols=[]))
    assert (renamed.name, renamed.assets) == ("Passers", [])
    assert bot.sdk.get_watchlist_by_id(made.id) == renamed
    by_name = bot.http.get("/v2/watchlists:by_name", params={"name": "Passers"})
    assert by_name.json()["id"] == str(made.id)
    assert bot.http.post("/v2/watchlists:by_name?name=Passers", json={"symbol": "MAHOMES"}).status_code == 200
    assert bot.http.delete("/v2/watchlists:by_name/MAHOMES?name=Passers").json()["assets"] == []
    bot.sdk.delete_watchlist_by_id(made.id)
    assert bot.sdk.get_watchlists() == []


def test_watchlists_that_cannot_be(make_bot: MakeBot, bot: Bot) -> None:
    made = bot.sdk.create_watchlist(CreateWatchlistRequest(name="QBs", symbols=[]))
    for name, symbols in (("QBs", []), ("x" * 65, []), ("RBs", ["NOBODY"])):
        with pytest.raises(APIError) as error:
            bot.sdk.create_watchlist(CreateWatchlistRequest(name=name, symbols=symbols))
        assert refusal(error)[0] == 422
    other = make_bot()
    for act in (other.sdk.get_watchlist_by_id, other.sdk.delete_watchlist_by_id):
        with pytest.raises(APIError) as error:
            act(made.id)
        assert refusal(error)[:2] == (404, 40410000)
    with pytest.raises(APIError) as error:
        bot.sdk.remove_asset_from_watchlist_by_id(made.id, "MAHOMES")
    assert refusal(error)[:2] == (404, 40410000)


def test_the_clock_always_has_both_times_ahead(bot: Bot) -> None:
    clock = bot.sdk.get_clock()
    assert clock.is_open is True
    assert abs(clock.timestamp - datetime.now(UTC)) < timedelta(minutes=1)
    assert clock.timestamp < clock.next_close < clock.next_open
    assert clock.next_open - clock.timestamp < timedelta(days=1, hours=2)


def test_the_calendar_has_every_day(bot: Bot) -> None:
    days = bot.sdk.get_calendar(GetCalendarRequest(start=date(2026, 11, 21), end=date(2026, 11, 24)))
    assert [day.date for day in days] == [date(2026, 11, number) for number in (21, 22, 23, 24)]
    assert all((day.open.hour, day.open.minute, day.close.hour, day.close.minute) == (0, 0, 23, 59) for day in days)
    assert {day.date for day in bot.sdk.get_calendar()} >= {datetime.now(UTC).date() - timedelta(days=1)}
    raw = bot.get("/v2/calendar", start="2026-11-21", end="2026-11-21")
    assert raw == [
        {
            "date": "2026-11-21",
            "open": "00:00",
            "close": "23:59",
            "session_open": "0000",
            "session_close": "2359",
            "settlement_date": "2026-11-21",
        }
    ]
    assert bot.get("/v2/calendar", start="2026-11-21", end="2026-11-20") == []


def test_the_calendar_is_given_five_years_at_a_time(bot: Bot) -> None:
    assert len(bot.get("/v2/calendar", start="2024-01-01", end="2028-12-31")) == 5 * 365 + 2
    refused = bot.http.get("/v2/calendar", params={"start": "1970-01-01", "end": "2038-01-01"})
    assert refused.status_code == 422
    assert refused.json()["message"] == "invalid end: at most 1830 days after start"


def test_what_does_not_exist_here_says_why(bot: Bot) -> None:
    with pytest.raises(APIError) as error:
        bot.sdk.get_option_contracts(GetOptionContractsRequest(underlying_symbols=["MAHOMES"]))
    assert refusal(error) == (404, 40410000, "options are not traded on this exchange")


def test_every_way_to_prove_who_one_is(server: Server, bot: Bot) -> None:
    account = bot.sdk.get_account()
    token = bot.trader.http.post("/api/v1/tokens").json()["token"]
    basic = TradingClient(bot.trader.api_key, bot.trader.api_secret, url_override=server.url)
    basic._use_basic_auth = True
    for client in (basic, TradingClient(oauth_token=token, url_override=server.url)):
        with client._session:
            client._session.trust_env = False
            assert client.get_account() == account
    wrong = TradingClient(bot.trader.api_key, "wrong", url_override=server.url)
    wrong._session.trust_env = False
    with wrong._session, pytest.raises(APIError) as error:
        wrong.get_account()
    assert refusal(error) == (401, 40110000, "request is not authorized")
