"""The channels of the native WebSocket: what is pushed to whom, and when.

Market data goes out in frames of some 15 ms, each encoded once for all who get it; what concerns an account at once.
Every channel counts its pushes: the next one's `sequence` is one more, for everybody alike. Whoever cannot keep up gets
no backlog but a fresh snapshot when he can read again.
"""
