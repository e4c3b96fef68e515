"""The house's market maker: quotes both sides of every market around a fair value that somebody gives it.

Its one job is that whoever wants to trade finds a price. It is a trader like any other: an account of its own, the use
cases `place_order` and `cancel_order`, the read model, nothing else.

Invariants: what it quotes is decided by pure functions (`quoting`, `changes`); it remembers nothing that it could not
find again in the exchange, so a restart continues with the quotes that rest; at most a few actions at a time.

Imports application and what it may import. `market_maker` is the only module that waits or looks at a clock.
"""
