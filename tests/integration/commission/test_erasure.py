"""Erasing a person: nothing says any more who it was, and the book says what it said."""

import base64
from collections.abc import Iterable
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import TestedSystem
from tests.integration.commission.test_cases import Login, Shop
from tests.integration.payments.test_bank import rows, written

NAME, LATER_NAME, USERNAME = "王标记", "王标记二世", "marked-username"
PHONE, EMAIL, EXTERNAL = "+86 139 7777 1234", "marked-mail@marked-domain.example", "marked-external"
HOLDER, NUMBER, BANK, BRANCH = "王标记持有", "6222029876543219876", "标记银行", "标记支行"
PLAIN = (NAME, USERNAME, PHONE, EMAIL, EXTERNAL, "marked-domain", HOLDER, NUMBER, BANK, BRANCH)
PASSWORD = "a password of the marked"


class Person:
    """A, who is to be erased, with what the others see of him."""

    def __init__(
        self, shop: Shop, client: httpx.AsyncClient, login: Login, owner: asyncpg.Connection
    ) -> None:
        self.shop, self.client, self.login, self.owner = shop, client, login, owner
        self.registered = {
            "username": USERNAME, "password": PASSWORD, "display_name": NAME, "phone": PHONE, "email": EMAIL,
            "external_id": EXTERNAL,
        }  # fmt: skip
        self.id = 0

    async def own(self, path: str, key: str, **body: Any) -> Any:
        headers = await self.login(USERNAME, PASSWORD) | {"Idempotency-Key": key}
        answer = await self.client.post(path, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def live(self) -> int:
        """He registers, earns, is paid in part, and asks for more; his second withdrawal."""
        shop, system = self.shop, self.shop.system
        await shop.open()
        made = await shop.call(
            "POST", "/api/distributors", self.registered, want=201, **{"Idempotency-Key": "a"}
        )
        self.id = shop.chain["A"] = made["distributor_id"]
        await system.drain()
        sponsor = {"sponsor_id": self.id, "reason": "by mistake"}
        await shop.call("PUT", f"/api/distributors/{shop.chain['D']}/sponsor", sponsor)
        await shop.call("PATCH", f"/api/distributors/{self.id}", {"display_name": LATER_NAME})
        policy = {"currency": "CNY", "tax": "flat", "tax_rate": "0.10", "new_account_days": 0}
        await shop.call("POST", "/api/withdrawal-policies", policy, want=201)
        await shop.publish(hold_days=0)
        await shop.sell("pay", "ship", "complete")
        await shop.settle("A")
        account = {"channel": "bank", "holder": HOLDER, "number": NUMBER, "bank": BANK, "branch": BRANCH}
        registered = await self.own("/api/payout-accounts", "b", **account)
        paid = await self.ask(registered["account_id"], "c")
        batch = await shop.call("POST", "/api/payouts/batches", {"currency": "CNY"}, want=201)
        path = f"/api/payouts/batches/{batch['batch_id']}"
        file = await self.client.get(f"{path}/file", headers=shop.admin)
        told = written([line | {"status": "paid", "reference": "R1"} for line in rows(file.content)])
        result = await self.client.post(f"{path}/result", content=told, headers=shop.admin)
        assert result.json()["paid"] == 1, result.text
        await system.drain()
        assert (await shop.call("GET", f"/api/withdrawals/{paid}"))["status"] == "paid"
        return await self.ask(registered["account_id"], "d")

    async def ask(self, account_id: int, key: str) -> int:
        asked = await self.own("/api/withdrawals", key, amount="10.00", account_id=account_id)
        await self.shop.call("POST", f"/api/withdrawals/{asked['withdrawal_id']}/approve", {})
        await self.shop.system.drain()
        return asked["withdrawal_id"]

    async def erase(self, *, want: int = 200, **more: Any) -> Any:
        path = f"/api/distributors/{self.id}/erase"
        return await self.shop.call("POST", path, {"ground": "request", **more}, want=want)

    async def books(self) -> list[Any]:
        """What is said of his money: ledger, statements, tax; nothing of it names him."""
        paths = (
            "/api/ledger/trial-balance", f"/api/statements?distributor_id={self.id}",
            f"/api/commission/{self.id}", "/api/reports/tax?quarter=2026-Q1", f"/api/rewards?distributor_id={self.id}",
            f"/api/withdrawals?distributor_id={self.id}",
        )  # fmt: skip
        found = [await self.shop.call("GET", path) for path in paths]
        found[0] = found[0] | {"at": None}
        found[-1] = [
            {name: value for name, value in one.items() if name != "account"} for one in found[-1]["items"]
        ]
        return found

    async def sealed(self) -> list[bytes]:
        """Whatever is stored of him sealed, or as a blind index."""
        asked = (
            "select phone_sealed, email_sealed from network.distributor where distributor_id = $1",
            (
                "select holder_sealed, number_sealed, details_sealed, number_index from commission.payout_account"
                " where distributor_id = $1"
            ),
            "select destination_sealed from payments.transfer where $1 > 0",
        )
        found = [value for one in asked for row in await self.owner.fetch(one, self.id) for value in row]
        return [value for value in found if value is not None]

    async def traces(self, marks: Iterable[str | bytes]) -> set[str | bytes]:
        """Which of these stand anywhere in any table: as they are, in bytes, or written as text in bytes."""
        tables = await self.owner.fetch(
            "select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables"
            " where schemaname not like 'pg_%'"
        )
        whole = "\n".join(
            [
                row["t"]
                for table in tables
                for row in await self.owner.fetch(f"select t::text from {table['name']} t")
            ]
        )
        return {mark for mark in marks if any(form in whole for form in _forms(mark))}


def _forms(mark: str | bytes) -> list[str]:
    raw = mark.encode() if isinstance(mark, str) else mark
    text = [mark] if isinstance(mark, str) else []
    return [*text, raw.hex(), base64.b64encode(raw).decode(), base64.b64encode(raw).hex()]


@pytest.fixture
def person(
    system: TestedSystem,
    client: httpx.AsyncClient,
    login: Login,
    admin: dict[str, str],
    owner: asyncpg.Connection,
) -> Person:
    return Person(Shop(system, client, login, admin, people="D"), client, login, owner)


async def test_nothing_is_left_of_a_person_and_the_book_stays(person: Person, system: TestedSystem) -> None:
    shop = person.shop
    under_way = await person.live()
    sealed = await person.sealed()
    assert len(sealed) >= 8
    # What is searched for can be found.
    assert await person.traces(sealed) == set(sealed)
    assert {NAME, LATER_NAME, USERNAME, EXTERNAL} <= await person.traces([*PLAIN, LATER_NAME])

    seller = await person.login("member-D", "Pw-D-long-enough")
    path = f"/api/distributors/{person.id}"
    refused = await person.client.post(f"{path}/erase", json={"ground": "request"}, headers=seller)
    assert refused.status_code == 403, refused.text
    assert (await person.erase(want=422, ground="because I say so"))["code"] == "validation-failed"
    assert (await person.erase(want=409, waive=True))["code"] == "withdrawal-under-way"
    await shop.call("POST", f"/api/withdrawals/{under_way}/reject", {"reason": "erased"})
    await system.drain()
    left = await person.erase(want=409)
    assert (left["code"], "40.00 CNY" in left["detail"]) == ("balance-left", True)
    assert await person.traces(sealed) == set(sealed)
    assert (await shop.call("GET", path))["display_name"] == LATER_NAME

    books = await person.books()
    erased = await person.erase(waive=True)
    assert await person.erase(waive=True) == erased
    await system.drain()
    await shop.later(days=2)
    (trim,) = [job.work for offer in system.offers for job in offer.jobs if job.name == "payments trim"]
    await trim()
    for _ in range(2):
        assert await person.traces([*sealed, *PLAIN]) == set()
        await system.redeliver()
    assert await person.books() == books
    assert await _findings(system) == []

    now = await shop.call("GET", path)
    assert (now["display_name"], now["status"], now["phone"], now["email"]) == (
        f"#{person.id}", "suspended", None, None
    )  # fmt: skip
    for method, address, body in (
        ("PATCH", path, {"display_name": NAME}),
        ("POST", f"{path}/activate", None),
    ):
        assert (await shop.call(method, address, body, want=409))["code"] == "distributor-erased"
    again = await shop.call(
        "POST", "/api/distributors", person.registered, want=201, **{"Idempotency-Key": "a"}
    )
    assert (again["distributor_id"], again["display_name"]) == (person.id, f"#{person.id}")
    form = {
        "grant_type": "password",
        "username": USERNAME,
        "password": PASSWORD,
        "client_id": "fenxiao-console",
    }
    assert (await person.client.post("/oauth2/token", data=form)).status_code == 400
    # Nothing of it is taken: the name is free for somebody else, who is somebody else.
    other = await shop.call("POST", "/api/distributors", person.registered, want=201)
    assert other["distributor_id"] != person.id
    audit = await shop.call("GET", f"/api/audit-log?subject=distributors/{person.id}")
    assert audit["items"][0]["action"] == "distributor.erased"
    assert audit["items"][0]["after"] == {"ground": "request"}


async def _findings(system: TestedSystem) -> list[Any]:
    return [
        finding
        for offer in system.offers
        for check in offer.checks
        async for finding in check.findings()
        if not finding.in_flight
    ]
