"""The WebSocket: orders, market data and the account's own events over one connection that mends itself.

Invariants: what a reader does not take is bounded; a book that missed a change says so and starts anew; after a broken
connection the account's open orders are read again over REST before anything newer is told.
"""
