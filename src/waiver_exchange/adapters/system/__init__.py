"""What the operating system provides: the time.

Imports the standard library and application.
"""
