"""The pure, deterministic heart: accounts, holds, books, risk, settlement. Commands in, events out.

No I/O, clock, randomness or environment: time and ids arrive with the command. All state lies in flat tables of 64-bit
integers, so that mypyc compiles every module to machine code; the same source also runs uncompiled. Rules:
`docs/trading-rules.md`. Imports domain only.
"""
