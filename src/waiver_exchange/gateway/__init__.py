"""The edge towards the network: transport in, use case, transport out.

It parses, authenticates, limits and translates; it holds no rule of trading and no SQL, and never touches a binary
float. It calls use cases and queries of `application`, and may import everything below that.
"""
