"""Between a gateway process and the engine's: what a gateway does not answer itself goes on over HTTP.

`table` says what that is, `forwarder` passes it on, and `door` is the other end, on a unix socket in the data directory
that only our own processes may open. A request is counted for its address where it arrives, and never again.
"""
