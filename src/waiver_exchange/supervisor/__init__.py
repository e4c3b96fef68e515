"""Keeps the processes of one service running: an engine, and gateways that share one listening socket.

A process of its own that lives as long as the service, so it imports the standard library alone and little of that. It
knows the others as commands with exit codes. What it hands to them are descriptors, at the numbers of `plan`; what
they say back is one line of JSON, once, when they are ready.
"""
