"""What a version changes against another, in words.

Documents are canonical, so a field that differs is a change of meaning. Components are the same if they bear the
same name, special terms if they match the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import TypeAdapter

from fenxiao.engine.conditions.tree import Condition, ConditionField
from fenxiao.engine.conditions.wording import told
from fenxiao.kernel.i18n import Language

Translate = Callable[[str, Language], str]
Kind = Literal["added", "removed", "changed"]

SETTINGS = {
    "name": "The name",
    "currency": "The currency",
    "accrue_on": "The order state in which commission arises",
    "hold_days": "The hold in days",
    "rounding": "The rounding",
    "base": "The base of commission",
    "max_payout_rate": "The highest payout rate",
    "cut": "The way of cutting",
    "unclaimed": "What becomes of amounts that nobody earned",
}
PARAMETERS = {
    "type": "type",
    "levels": "rates by level",
    "self_rate": "the seller's own rate",
    "amounts": "amounts by level",
    "self_amount": "the seller's own amount",
    "compress": "dynamic compression",
    "cap_per_order": "cap per order",
    "cap_per_entry": "cap per entry",
    "when": "condition on the earner",
    "rates": "rates by grade",
    "generation_rates": "rates by generation",
    "same_grade_rate": "same-grade bonus",
    "same_grade_depth": "people who get the same-grade bonus",
    "depth": "upline places walked",
    "of": "component that is matched",
    "boundary_rank": "rank that ends a generation",
    "empty_generations": "empty generations count",
    "ineligible_boundary": "unqualified leaders end a generation",
    "seller_boundary": "a selling leader ends the first generation",
    "breakaway_rank": "rank at which a leg breaks away",
    "breakaway_volume": "volume of a leg that broke away",
    "rate": "rate",
    "min_rank": "lowest rank that earns it",
    "beyond": "places above the seller passed over",
    "next_leader": "the next leader",
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
        if field == "when":
            condition = _CONDITION.validate_python(value, context={"currency": self.currency})
            return told(condition, self.currency, self.language)
        if isinstance(value, Mapping):
            return self._rates(value) if field == "rates" else self._parameters(value)
        return str(value)

    def _rates(self, rates: Mapping[str, Any]) -> str:
        """By grade: the names of grades are the shop's own and are not translated."""
        return ", ".join(f"{grade} {rate}" for grade, rate in rates.items())

    def _parameters(self, parameters: Mapping[str, Any]) -> str:
        return "; ".join(
            f"{self.label(field, one)} {self.value(one, field)}"
            for field, one in parameters.items()
            if field not in {"name", "match", "overrides"}
        )
