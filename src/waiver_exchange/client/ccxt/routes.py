"""The routes that CCXT's methods ask, each under the name that CCXT gives it."""

from ccxt.base.types import Entry


class ImplicitAPI:
    """One attribute for each route; calling it sends the request."""

    public_get_markets = publicGetMarkets = Entry("markets", "public", "GET", {})
    public_get_markets_symbol_book = publicGetMarketsSymbolBook = Entry("markets/{symbol}/book", "public", "GET", {})
    public_get_markets_symbol_candles = publicGetMarketsSymbolCandles = Entry(
        "markets/{symbol}/candles", "public", "GET", {}
    )
    public_get_markets_symbol_ticker = publicGetMarketsSymbolTicker = Entry(
        "markets/{symbol}/ticker", "public", "GET", {}
    )
    public_get_markets_symbol_trades = publicGetMarketsSymbolTrades = Entry(
        "markets/{symbol}/trades", "public", "GET", {}
    )
    public_get_tickers = publicGetTickers = Entry("tickers", "public", "GET", {})
    private_get_account = privateGetAccount = Entry("account", "private", "GET", {})
    private_get_fills = privateGetFills = Entry("fills", "private", "GET", {})
    private_get_orders = privateGetOrders = Entry("orders", "private", "GET", {})
    private_get_orders_id = privateGetOrdersId = Entry("orders/{id}", "private", "GET", {})
    private_get_positions = privateGetPositions = Entry("positions", "private", "GET", {})
    private_post_orders = privatePostOrders = Entry("orders", "private", "POST", {})
    private_patch_orders_id = privatePatchOrdersId = Entry("orders/{id}", "private", "PATCH", {})
    private_delete_orders = privateDeleteOrders = Entry("orders", "private", "DELETE", {})
    private_delete_orders_id = privateDeleteOrdersId = Entry("orders/{id}", "private", "DELETE", {})
