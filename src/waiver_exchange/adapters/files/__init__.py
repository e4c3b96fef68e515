"""The data directory, its lock, and the snapshots in it.

Invariants: only the owner can read what is written here; a file appears whole or not at all; one process at a time
holds a data directory. Imports the standard library and application.
"""
