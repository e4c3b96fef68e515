"""The Alpaca-compatible face: what Alpaca's clients send, translated to the use cases of the native API.

It has no rules of its own. It reads leniently (numbers as JSON numbers or text, words in any case, unknown fields
ignored), and every answer of 400 and above is `{"code", "message", "reason", ...}`, whatever was asked. Nothing of it
may be imported outside the gateway.
"""
