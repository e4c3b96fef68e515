"""The football side of the exchange: which players exist, their tickers, and what a share is worth by projection.

Its one job is to turn facts about football into the names and numbers that a market is listed with.

Invariants: a ticker, once given, is stored and belongs to its player for good, whatever the order or length of the
list; a price is an integer number of cents, computed in decimals and never in binary floats; the same input gives the
same output.

May import: `waiver_exchange.domain` and the standard library. Pure: no clock, no randomness, no environment, no
network. The only read is of the data file that ships inside this package.
"""
