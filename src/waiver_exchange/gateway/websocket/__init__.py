"""The WebSocket interface at `/ws`: one connection for orders, market data and the own account.

Requests `{"id", "method", "params"}`; answers `{"id", "result"}` or `{"id", "error": {"code", "message", "details"}}`;
pushes as `gateway.feeds` makes them. `methods.py` is the table of methods, from which `/asyncapi.json` is made too.
"""
