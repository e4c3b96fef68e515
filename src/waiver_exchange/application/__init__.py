"""Use cases, the sequencer that is the only writer, and the ports that adapters implement.

Invariants: nothing is answered before its journal row is durable; every command runs exactly once. Imports
projections, fantasy, engine and domain only.
"""
