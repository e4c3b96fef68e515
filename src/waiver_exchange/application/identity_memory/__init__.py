"""What is known in memory of keys, people, sessions, passkeys, signing keys, erasures and settings.

Each class is the reading half of a store, and a fold of the records in `identity_changes`. A store applies to it what
has become durable; a replica in another process, what the store's process tells it: both answer the same.
"""
