"""Revisions of the line `read_model`, oldest first; one that was released never changes."""
