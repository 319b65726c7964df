"""The events as others read them: the schema of each type as it was agreed on, in the envelope of CloudEvents 1.0.

`events.json` beside this file holds the agreed schemas. Whoever changes an event on purpose writes it anew with

    FENXIAO_REWRITE=1 ./test tests/contract/test_events.py

and lets the difference be reviewed: a new optional field is additive, anything else breaks whoever listens.
"""

import importlib
import json
import os
import typing
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jsonschema_rs
import msgspec
import pytest

from fenxiao.entrypoints.compose import CONTEXTS
from fenxiao.infra.bus import relay
from fenxiao.infra.db.transaction import AuditRecorded
from fenxiao.kernel.events import Envelope, Event

SNAPSHOT = Path(__file__).with_name("events.json")
REWRITE = "FENXIAO_REWRITE"


def kinds() -> Iterator[tuple[str, type[Event]]]:
    """Each event that a context publishes, with the context's name."""
    for context in CONTEXTS:
        try:
            module = importlib.import_module(f"fenxiao.{context}.events")
        except ModuleNotFoundError:
            continue  # a context that publishes nothing
        for kind in vars(module).values():
            own = getattr(kind, "__module__", None) == module.__name__ and "type" in vars(kind)
            if own and issubclass(kind, Event):
                yield context, kind


SOURCES: dict[str, list[str]] = defaultdict(list)
PUBLISHED: dict[str, type[Event]] = {}
for _context, _kind in kinds():
    SOURCES[_kind.type].append(_context)
    PUBLISHED[_kind.type] = _kind
# Whoever changes something tells the audit log.
SOURCES[AuditRecorded.type], PUBLISHED[AuditRecorded.type] = list(CONTEXTS), AuditRecorded


def schema(kind: type[Event]) -> dict[str, Any]:
    """The JSON schema of the event's data."""
    return msgspec.json.schema(kind)


def as_text(schemas: dict[str, Any]) -> str:
    return json.dumps(schemas, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_the_schemas_are_the_agreed_ones() -> None:
    now = {name: {"sources": sorted(SOURCES[name]), "data": schema(kind)} for name, kind in PUBLISHED.items()}
    if os.environ.get(REWRITE):
        SNAPSHOT.write_text(as_text(now), encoding="utf-8")
    agreed = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert sorted(now) == sorted(agreed), "an event has come or gone"
    for name, found in now.items():
        assert json.loads(as_text(found)) == agreed[name], f"{name} is not what was agreed; see above"


def test_a_type_is_published_by_one_context_and_by_one_class() -> None:
    names = [kind.type for _, kind in kinds()]
    assert sorted(names) == sorted(set(names))
    assert len(names) > 8


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_type_says_what_it_is_about_and_what_has_happened(name: str) -> None:
    about, _, happened = name.partition(".")
    assert (about.isidentifier(), happened.isidentifier(), name.islower()) == (True, True, True)


def test_the_change_of_an_order_carries_what_the_original_specification_asks() -> None:
    found = schema(PUBLISHED["order.status_changed"])
    (definition,) = found["$defs"].values()
    assert {"order_id", "status"} <= set(definition["required"])
    assert "completed" in definition["properties"]["status"]["enum"]


PERSONAL = (
    "username",
    "display",
    "phone",
    "email",
    "address",
    "buyer",
    "password",
    "reference",
    "holder",
    "number",
)
# What channels know a transfer by: our own, and nobody's account.
NOBODYS = {"payout_number"}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_an_event_carries_nobody_s_personal_data(name: str) -> None:
    named = {field.name for field in fields(PUBLISHED[name])} - NOBODYS
    assert [word for word in PERSONAL for field in named if word in field.split("_")] == []


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_amounts_are_whole_numbers_of_the_minor_unit_beside_their_currency(name: str) -> None:
    kind = PUBLISHED[name]
    amounts = [field.name for field in fields(kind) if field.name.endswith("_minor")]
    if amounts:
        assert "currency" in {field.name for field in fields(kind)}
    hints = typing.get_type_hints(kind)
    assert [one for one in amounts if float in (hints[one], *typing.get_args(hints[one]))] == []


def test_the_envelope_has_what_cloudevents_requires() -> None:
    """`specversion` and `datacontenttype` are constant (1.0, application/json) and are added on the wire."""
    required = {field.name for field in fields(Envelope) if field.default is MISSING}
    assert {"id", "source", "type", "subject", "time", "data"} <= required


class Listening:
    """A bus that keeps what goes by."""

    def __init__(self) -> None:
        self.heard: list[Envelope] = []

    async def publish(self, batch: typing.Sequence[Envelope]) -> None:
        self.heard.extend(batch)


async def test_what_is_published_keeps_to_its_schema(
    system: Any, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    """A working day of the system, listened to: every event has its envelope, and data of the agreed shape."""
    await a_day(client, admin)
    await system.drain()
    bus = Listening()
    for db in system.databases.values():
        await db.fetchval("with all_again as (update outbox set published_at = null) select 1")
        await relay.Relay(db, bus).drain()
    heard = {envelope.type for envelope in bus.heard}
    assert {
        "order.created",
        "order.status_changed",
        "order.refunded",
        "stock.moved",
        "product.changed",
    } <= heard
    assert {
        "distributor.registered",
        "rule.published",
        "commission.accrued",
        "commission.clawed_back",
    } <= heard
    agreed = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    ids: set[UUID] = set()
    for envelope in bus.heard:
        assert envelope.source in agreed[envelope.type]["sources"]
        assert envelope.actor
        jsonschema_rs.validate(agreed[envelope.type]["data"], envelope.data)
        assert isinstance(envelope.time, datetime)
        assert envelope.time.tzinfo is not None
        assert envelope.subject
        assert envelope.id not in ids
        ids.add(envelope.id)


async def a_day(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    """A sale with an upline, from the product to the refund."""

    async def call(method: str, path: str, body: Any = None) -> Any:
        answer = await client.request(method, path, json=body, headers=admin)
        assert answer.is_success, (method, path, answer.text)
        return answer.json()

    plan: dict[str, Any] = {"name": "p", "currency": "CNY", "accrue_on": "paid"}
    plan["components"] = [{"type": "unilevel", "name": "up", "levels": ["0.10"]}]
    rule = await call("POST", "/api/rules", plan)
    await call("POST", f"/api/rules/{rule['rule_id']}/publish", {})
    product = await call("POST", "/api/products", {"name": "flour", "price": "50.00"})
    await call("PUT", f"/api/inventory/{product['product_id']}", {"stock": 10})
    people: dict[str | None, int] = {}
    for name, sponsor in (("up", None), ("down", "up")):
        person: dict[str, Any] = {"username": name, "password": "long-enough-1", "display_name": name}
        person |= {"sponsor_id": people[sponsor]} if sponsor else {}
        people[name] = (await call("POST", "/api/distributors", person))["distributor_id"]
    sale = {"distributor_id": people["down"], "product_id": product["product_id"], "quantity": 2}
    order = await call("POST", "/api/orders", sale)
    await call("POST", f"/api/orders/{order['order_id']}/pay", {})
    await call("POST", f"/api/orders/{order['order_id']}/refunds", {"amount": "10.00"})
