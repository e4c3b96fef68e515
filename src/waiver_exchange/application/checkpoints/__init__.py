"""Checkpoints: signed statements that the journal, up to a row, is this one and leads to this state.

Invariants: a checkpoint is signed only of rows that were replayed and agree with every checkpoint before it; what was
signed is never changed. The form is that of C2SP's signed notes, so that others have tools for it. Imports
application, engine and domain, and `cryptography` for Ed25519.
"""
