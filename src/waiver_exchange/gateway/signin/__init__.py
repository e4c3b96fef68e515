"""Sign-in over HTTP: `/auth` and the public keys of tokens; the cookies of browsers, and what keeps others off them.

Invariant: a request that changes something and comes with cookies carries its session's CSRF token and comes from a
page of ours.
"""
