"""OpenID Connect providers: discovery, the authorization code flow with PKCE, and the checks of ID tokens.

Invariants: a provider's tokens live no longer than the check of one; nothing that a provider says is logged or shown
word for word. Imports application ports and below.
"""
