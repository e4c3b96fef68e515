"""Encryption of single values: AES-256-GCM with data keys, which the master key wraps (envelope encryption).

Each sealed value names its data key and is bound to its place, so that values cannot be exchanged or moved between
rows. Changing the data key is a matter of sealing anew; changing the master key, of wrapping the data keys anew.
Imports nothing of the exchange.
"""
