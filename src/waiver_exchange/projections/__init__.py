"""The read side: events folded into what people look at (orders, holdings, books, markets, the tape, the ledger).

Pure. Invariants: a projection follows durable rows only and in order; it can be rebuilt from the journal at any time.
Imports domain only.
"""
