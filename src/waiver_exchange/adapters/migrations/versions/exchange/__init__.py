"""Revisions of the line `exchange`, oldest first; one that was released never changes."""
