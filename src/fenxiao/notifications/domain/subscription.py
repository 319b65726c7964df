"""Which types of events a webhook wants."""

from collections.abc import Collection, Sequence

from fenxiao.kernel.errors import FieldError, Invalid

EVERYTHING = "*"


def settled(wanted: Sequence[str], known: Collection[str], field: str = "event_types") -> tuple[str, ...]:
    """The types in their order, each once; `*` alone for everything. `Invalid` for none and for unknown ones."""
    if not wanted:
        raise Invalid(errors=(FieldError(field, 'Name at least one type of event, or "*" for all.'),))
    unknown = sorted(set(wanted) - {EVERYTHING, *known})
    if unknown:
        message = (
            "There are no events of type {unknown}; GET /api/webhooks/event-types lists those there are."
        )
        raise Invalid(errors=(FieldError(field, message, {"unknown": ", ".join(unknown)}),))
    return (EVERYTHING,) if EVERYTHING in wanted else tuple(sorted(set(wanted)))


def wants(event_types: Collection[str], kind: str) -> bool:
    """Whether a subscription covers a type."""
    return EVERYTHING in event_types or kind in event_types
