"""The shared words of the exchange: commands, events, refusals, money, ids.

Pure: no I/O, no clock, no randomness, no environment. Imports nothing of the project outside this package.
"""
