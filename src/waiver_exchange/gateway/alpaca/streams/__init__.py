"""The streams of Alpaca: updates of the own orders, and market data."""
