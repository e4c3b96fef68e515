"""The outside world behind the application's ports: databases, files, the system clock.

Invariants: an adapter decides nothing about trading; its failures become the error that the port names, with the cause
chained and a sentence the operator can act on; all SQL lives here. Adapters do not know each other. Imports application
and what it may import.
"""
