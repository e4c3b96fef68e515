"""Revisions of the line `preferences`, oldest first; one that was released never changes."""
