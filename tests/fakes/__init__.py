"""Ports kept in memory, which can be told to fail."""
