"""WebSocket connections below any protocol of ours: handshake, frames, bounds, keep-alive, slow readers.

A `Session` says what a connection is for; `/ws` and the Alpaca-compatible streams are sessions. Everything runs in the
event loop without a task per connection or message. The RFC's rare parts (fragments, control frames, closing) are the
`websockets` library's; only whole text messages, which is nearly all there is, are read and written here.
"""
