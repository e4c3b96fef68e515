"""A second, deliberately simple engine written from `docs/trading-rules.md`, and the commands that both engines run.

Everything but `digest` imports `waiver_exchange.domain` only, so that it cannot share a mistake with the engine.
"""
