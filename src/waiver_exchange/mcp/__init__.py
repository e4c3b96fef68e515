"""The exchange for AI assistants: a server of the Model Context Protocol over standard input and output.

Each tool is one request of `waiver_exchange.client`, which is all of this package that it imports. Invariants: an
assistant sees only tools that its key may use; a refusal is a tool's error that says why; slow to import, so only
`waiver mcp` does.
"""
