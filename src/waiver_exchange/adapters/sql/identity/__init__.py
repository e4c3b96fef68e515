"""Names, keys, people, sessions and all by which they prove who they are: nine stores on one database.

What is personal is sealed (adapters/encryption) before it gets here. Everything that a request asks for is in memory
too (application/identity_memory); what changes is durable when the call returns. One process writes.
"""
