"""What can be wrong with the files that are imported."""


class SourceFault(Exception):  # noqa: N818 - said to the caller as it is
    """A file cannot be used; the message says what is wrong with it and what to do."""
