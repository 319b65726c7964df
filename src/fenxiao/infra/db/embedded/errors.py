"""The one error of the embedded PostgreSQL."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used; the message says what to do, in one sentence for the operator."""
