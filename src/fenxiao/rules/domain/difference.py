"""What a version changes against another, in words.

Documents are canonical, so a field that differs is a change of meaning. Components are the same if they bear the
same name, special terms if they match the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Translate = Callable[[str], str]
Kind = Literal["added", "removed", "changed"]

SETTINGS = {
    "name": "The name",
    "currency": "The currency",
    "accrue_on": "The order state in which commission arises",
    "hold_days": "The hold in days",
    "rounding": "The rounding",
    "base": "The base of commission",
    "max_payout_rate": "The highest payout rate",
}
PARAMETERS = {
    "type": "type",
    "levels": "rates by level",
    "self_rate": "the seller's own rate",
    "amounts": "amounts by level",
    "self_amount": "the seller's own amount",
    "compress": "dynamic compression",
    "cap_per_order": "cap per order",
    "rates": "rates by grade",
    "same_grade_rate": "same-grade bonus",
    "same_grade_depth": "people who get the same-grade bonus",
    "depth": "upline levels walked",
    "of": "component that is matched",
}
SENTENCES = {
    ("settings", "changed"): "{field} changes from {before} to {after}.",
    ("settings", "added"): "{field} is now {after}; before, nothing was set.",
    ("settings", "removed"): "{field} is no longer set; it was {before}.",
    ("component", "changed"): "Component {component}: {field} changes from {before} to {after}.",
    ("component", "added"): "Component {component}: {field} is now {after}; before, nothing was set.",
    ("component", "removed"): "Component {component}: {field} is no longer set; it was {before}.",
    (
        "override",
        "changed",
    ): "Component {component}, special terms for {match}: {field} changes from {before} to {after}.",
    (
        "override",
        "added",
    ): "Component {component}, special terms for {match}: {field} is now {after}; before, nothing was set.",
    (
        "override",
        "removed",
    ): "Component {component}, special terms for {match}: {field} is no longer set; it was {before}.",
    ("components", "added"): "Component {component} is new: {after}.",
    ("components", "removed"): "Component {component} is dropped; it was: {before}.",
    ("overrides", "added"): "Component {component} gets special terms for {match}: {after}.",
    (
        "overrides",
        "removed",
    ): "Component {component} loses the special terms for {match}; they were: {before}.",
    ("order", "changed"): "The order of the components changes from {before} to {after}.",
}
MATCHES = {"product_id": "product {value}", "category_id": "category {value}", "tag": "tag {value}"}
YES, NO, NOTHING = "yes", "no", "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference: where in the document, what stood there, what stands there now (None: nothing)."""

    path: str
    about: str
    before: Any
    after: Any
    field: str = ""
    component: str = ""
    match: Mapping[str, Any] | None = None

    @property
    def kind(self) -> Kind:
        """Added, removed or changed."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Everything in which two canonical documents differ, in the order of the newer one."""
    found = list(_fields(before, after, {"components", "rewards"}, about="settings"))
    old, new = _by_name(before), _by_name(after)
    for name in {**new, **old}:
        path = f"components.{name}"
        if name in old and name in new:
            found.extend(_component(old[name], new[name], path))
        else:
            found.append(
                Change(
                    path=path, about="components", before=old.get(name), after=new.get(name), component=name
                )
            )
    stayed_old, stayed_new = [n for n in old if n in new], [n for n in new if n in old]
    if stayed_old != stayed_new:
        # The order decides who gets the last cent of a cut.
        found.append(Change(path="components", about="order", before=stayed_old, after=stayed_new))
    return found


def tell(change: Change, translate: Translate) -> str:
    """The change as a sentence in the language of `translate`."""
    labels = SETTINGS if change.about == "settings" else PARAMETERS
    return translate(SENTENCES[change.about, change.kind]).format(
        field=translate(labels.get(change.field, change.field)),
        component=change.component,
        match=_match(change.match, translate),
        before=_value(change.before, translate),
        after=_value(change.after, translate),
    )


def _by_name(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {component["name"]: component for component in document["components"]}


def _component(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Change]:
    name = after["name"]
    yield from _fields(before, after, {"name", "overrides"}, about="component", path=path, component=name)
    old, new = _by_match(before), _by_match(after)
    for key in {**new, **old}:
        place = f"{path}.overrides.{key[0]}={key[1]}"
        match = {key[0]: key[1]}
        if key in old and key in new:
            yield from _fields(
                old[key], new[key], {"match"}, about="override", path=place, component=name, match=match
            )
        else:
            yield Change(
                path=place,
                about="overrides",
                before=old.get(key),
                after=new.get(key),
                component=name,
                match=match,
            )


def _by_match(component: Mapping[str, Any]) -> dict[tuple[str, Any], Mapping[str, Any]]:
    return {next(iter(override["match"].items())): override for override in component.get("overrides", ())}


def _fields(
    before: Mapping[str, Any], after: Mapping[str, Any], skipped: set[str], *, path: str = "", **about: Any
) -> Iterator[Change]:
    for field in {**after, **before}:
        old, new = before.get(field), after.get(field)
        if field not in skipped and old != new:
            yield Change(path=f"{path}.{field}".lstrip("."), before=old, after=new, field=field, **about)


def _match(match: Mapping[str, Any] | None, translate: Translate) -> str:
    return ", ".join(translate(MATCHES[field]).format(value=value) for field, value in (match or {}).items())


def _value(value: Any, translate: Translate) -> str:
    if isinstance(value, bool):
        return translate(YES if value else NO)
    if value is None or value in ([], ()):
        return translate(NOTHING)
    if isinstance(value, list | tuple):
        return ", ".join(_value(one, translate) for one in value)
    if isinstance(value, Mapping):
        told = [
            f"{translate(PARAMETERS.get(str(field), str(field)))} {_value(one, translate)}"
            for field, one in value.items()
            if field not in {"name", "match", "overrides"}
        ]
        return "; ".join(told)
    return str(value)
