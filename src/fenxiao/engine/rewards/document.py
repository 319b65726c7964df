"""Reading the rewards of a plan document: each by its type, every faulty field named."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from fenxiao.engine.faults import field_error, field_errors
from fenxiao.engine.rewards import REWARDS
from fenxiao.engine.rewards.params import RewardParams
from fenxiao.kernel.errors import FieldError

MAX_REWARDS = 50


def read_rewards(listed: object, currency: str) -> tuple[tuple[RewardParams, ...], list[FieldError]]:
    """The parameters of the faultless ones, and the faults of the others; what is no list is found with the settings."""
    found: list[RewardParams] = []
    errors: list[FieldError] = []
    given = list(listed) if isinstance(listed, list | tuple) else []
    for index, one in enumerate(given[:MAX_REWARDS]):
        kind, faults = _type(one, index)
        if kind is None:
            errors.extend(faults)
            continue
        model = REWARDS[kind].Params
        try:
            found.append(model.model_validate(dict(one), context={"currency": currency}))
        except ValidationError as error:
            errors.extend(field_errors(error, model, ("rewards", index)))
    errors.extend(_names_taken(given))
    return tuple(found), errors


def _type(one: object, index: int) -> tuple[str | None, Sequence[FieldError]]:
    place = ("rewards", index)
    if not isinstance(one, Mapping):
        return None, (field_error(place, "model_type"),)
    kind = one.get("type")
    if kind is None:
        return None, (field_error((*place, "type"), "missing"),)
    if not isinstance(kind, str) or kind not in REWARDS:
        known = ", ".join(REWARDS)
        return None, (field_error((*place, "type"), "reward_unknown", type=str(kind), known=known),)
    return kind, ()


def _names_taken(listed: Sequence[object]) -> Iterable[FieldError]:
    first: dict[str, int] = {}
    for index, one in enumerate(listed):
        name = one.get("name") if isinstance(one, Mapping) else None
        if isinstance(name, str) and first.setdefault(name, index) != index:
            yield field_error(("rewards", index, "name"), "reward_twice", index=first[name])
