"""The command line `waiver`: serve an exchange, and operate one whether or not it is running.

Invariants: with `--json` standard output is exactly one JSON object; a wrong value never ends in a traceback; exit
codes are those of `failures`. Imports bootstrap and everything below it, what is slow to import only when needed.
"""

from waiver_exchange.cli.entry import main

__all__ = ["main"]
