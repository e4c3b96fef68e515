"""What is wrong with a secret."""


class SecretsError(Exception):
    """A secret is missing or not good enough; the message names it and says what to do, and never quotes it."""


class SecretsDirectoryError(SecretsError):
    """The system does not let a secret be made, for instance because the disk is full; the message says why."""
