"""A market that moves by itself: real players, a house market maker and simulated traders with play money.

Its one job is to give somebody who has just started the exchange something to look at and to trade with. Everything
goes the ordinary way, through the use cases; the exchange knows nothing of it.

Invariants: seeding can be repeated and continued after an interruption at any moment without doing anything twice; a
decision depends on nothing but the market and a seeded generator; a few commands a second in all.

Imports market_maker, application and what it may import.
"""
