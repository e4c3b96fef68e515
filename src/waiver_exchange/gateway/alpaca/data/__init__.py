"""Market data over REST, as Alpaca serves it for stocks and for crypto."""
