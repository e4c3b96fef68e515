"""A self-hosted exchange for shares of NFL players: a limit order book per player, play money, exact books."""

__version__ = "0.1.0"
