"""Secrets: where they come from, whether they are good enough, and how good ones are made.

A secret comes from the environment, from a file that the environment names, from systemd's credentials or from the
directory of secrets, in this order. It is never logged and never printed. Imports config only.
"""
