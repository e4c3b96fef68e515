"""Revisions of the line `identity`, oldest first; one that was released never changes."""
