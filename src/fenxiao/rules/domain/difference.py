"""What a version changes against another, in words.

Documents are canonical, so a field that differs is a change of meaning. Components are the same if they bear the
same name, special terms if they match the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import TypeAdapter

from fenxiao.engine.conditions.tree import Condition, ConditionField
from fenxiao.engine.conditions.wording import told
from fenxiao.kernel.i18n import Language
from fenxiao.rules.domain.words import CHOICES, PARAMETERS, SETTINGS

__all__ = ["CHOICES", "PARAMETERS", "SETTINGS", "Change", "changes", "tell"]

Translate = Callable[[str, Language], str]
Kind = Literal["added", "removed", "changed"]

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
    ("reward", "changed"): "Reward {component}: {field} changes from {before} to {after}.",
    ("reward", "added"): "Reward {component}: {field} is now {after}; before, nothing was set.",
    ("reward", "removed"): "Reward {component}: {field} is no longer set; it was {before}.",
    ("rewards", "added"): "Reward {component} is new: {after}.",
    ("rewards", "removed"): "Reward {component} is dropped; it was: {before}.",
    ("order", "changed"): "The order of the components changes from {before} to {after}.",
}
MATCHES = {"product_id": "product {value}", "category_id": "category {value}", "tag": "tag {value}"}
YES, NO, NOTHING = "yes", "no", "nothing"
_CONDITION: TypeAdapter[Condition] = TypeAdapter(ConditionField)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference: where in the document, what stood there, what stands there now (None: nothing).

    `currencies` are those of the two plans, the older first: amounts in a condition are in them.
    """

    path: str
    about: str
    before: Any
    after: Any
    field: str = ""
    component: str = ""
    match: Mapping[str, Any] | None = None
    currencies: tuple[str, str] = ("", "")

    @property
    def kind(self) -> Kind:
        """Added, removed or changed."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Everything in which two canonical documents differ, in the order of the newer one."""
    found = list(_fields(before, after, {"components", "rewards"}, about="settings"))
    old, new = _by_name(before["components"]), _by_name(after["components"])
    found.extend(_parts(old, new, "component"))
    # Rewards are not in every document that was ever stored.
    found.extend(_parts(_by_name(before.get("rewards", ())), _by_name(after.get("rewards", ())), "reward"))
    stayed_old, stayed_new = [n for n in old if n in new], [n for n in new if n in old]
    if stayed_old != stayed_new:
        # The order decides who gets the last cent of a cut.
        found.append(Change(path="components", about="order", before=stayed_old, after=stayed_new))
    currencies = (before["currency"], after["currency"])
    return [replace(change, currencies=currencies) for change in found]


def tell(change: Change, language: Language, translate: Translate) -> str:
    """The change as a sentence in the language."""
    older, newer = (_Words(language, translate, currency) for currency in change.currencies)
    present = change.before if change.after is None else change.after
    label = (
        newer.say(SETTINGS.get(change.field, change.field))
        if change.about == "settings"
        else newer.label(change.field, present)
    )
    return newer.say(SENTENCES[change.about, change.kind]).format(
        field=label,
        component=change.component,
        match=newer.match(change.match),
        before=older.value(change.before, change.field),
        after=newer.value(change.after, change.field),
    )


def _by_name(parts: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {part["name"]: part for part in parts}


def _parts(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]], about: str
) -> Iterator[Change]:
    """What is new, what is dropped, and what changed within those that bear the same name."""
    for name in {**new, **old}:
        path = f"{about}s.{name}"
        if name in old and name in new:
            yield from _part(old[name], new[name], path, about)
        else:
            before, after = old.get(name), new.get(name)
            yield Change(path=path, about=f"{about}s", before=before, after=after, component=name)


def _part(before: Mapping[str, Any], after: Mapping[str, Any], path: str, about: str) -> Iterator[Change]:
    name = after["name"]
    yield from _fields(before, after, {"name", "overrides"}, about=about, path=path, component=name)
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


@dataclass(frozen=True, slots=True)
class _Words:
    """Values of a document as people read them."""

    language: Language
    translate: Translate
    currency: str

    def say(self, text: str) -> str:
        return self.translate(text, self.language)

    def label(self, field: str, value: Any) -> str:
        if field == "rates" and isinstance(value, list | tuple):
            field = "generation_rates"
        return self.say(PARAMETERS.get(field, field))

    def match(self, match: Mapping[str, Any] | None) -> str:
        found = (match or {}).items()
        return ", ".join(self.say(MATCHES[field]).format(value=value) for field, value in found)

    def value(self, value: Any, field: str = "") -> str:
        if isinstance(value, bool):
            return self.say(YES if value else NO)
        if value is None or value in ([], (), {}):
            return self.say(NOTHING)
        if isinstance(value, list | tuple):
            return ", ".join(self.value(one) for one in value)
        if field in {"when", "qualify"}:
            condition = _CONDITION.validate_python(value, context={"currency": self.currency})
            return told(condition, self.currency, self.language)
        if isinstance(value, Mapping):
            return self._rates(value) if field == "rates" else self._parameters(value)
        choices = CHOICES.get(field, {})
        return self.say(choices[value]) if value in choices else str(value)

    def _rates(self, rates: Mapping[str, Any]) -> str:
        """By grade: the names of grades are the shop's own and are not translated."""
        return ", ".join(f"{grade} {rate}" for grade, rate in rates.items())

    def _parameters(self, parameters: Mapping[str, Any]) -> str:
        return "; ".join(
            f"{self.label(field, one)} {self.value(one, field)}"
            for field, one in parameters.items()
            if field not in {"name", "match", "overrides"}
        )
