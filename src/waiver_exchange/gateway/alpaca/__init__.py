"""The Alpaca-compatible face: the same use cases and queries in another broker's words, so that its clients work."""
