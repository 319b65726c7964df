"""The storm: clients that do everything there is to do, at random, and see each request through to an answer."""

import asyncio
import csv
import hashlib
import io
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import asyncpg
import httpx
from tests.e2e.instance import PASSWORD

CLIENTS = 5
LEAST = 3
"""Kills without which it was no storm."""
LONG = 10_000
"""From so many events on, orders come in larger bulks."""
PEOPLE = 40
PAYEES = 4
CONTEXTS = (
    "identity", "catalog", "network", "rules", "payments", "orders", "commission", "analytics", "notifications",
)  # fmt: skip
AGAIN = {"idempotency-key-busy", "idempotency-key-fenced", "unavailable", "too-busy", "hold-gone"}
"""Answers that say: not now."""
USUAL = {
    "wrong-state", "refund-too-large", "out-of-stock", "distributor-suspended", "sponsor-loop", "binding-protected",
    "cannot-sponsor", "insufficient-balance", "nothing-left-to-transfer", "withdrawal-wrong-state", "withdrawal-waits",
    "nothing-to-pay", "period-not-over", "payout-account-known", "batch-forgotten", "daily-limit", "below-minimum",
    "shipping-under-way", "no-active-rule", "transfer-under-way", "payout-unknown",
}  # fmt: skip
"""Refusals that a storm earns. Anything else is a fault."""

PLAN: dict[str, Any] = {
    "name": "storm",
    "currency": "CNY",
    "hold_days": 3,
    "max_payout_rate": "0.35",
    "max_payout_rate_per_period": "0.33",
    "components": [
        {"type": "unilevel", "name": "direct", "levels": ["0.10", "0.05"], "self_rate": "0.01", "compress": True},
        {"type": "differential", "name": "grades", "rates": {"bronze": "0.02", "silver": "0.05", "gold": "0.09"},
         "same_grade_rate": "0.01", "cap_per_order": "30.00"},
        {"type": "matching", "name": "match", "of": "direct", "levels": ["0.10"]},
        {"type": "fixed", "name": "piece", "amounts": ["0.15"], "cap_per_period": "40.00"},
        {"type": "pool", "name": "weekly", "rate": "0.02", "period": "week", "share_by": "personal_sales"},
        {"type": "pool", "name": "monthly", "rate": "0.01", "share_by": "team_sales"},
    ],
    "rewards": [
        {"type": "sales_target", "name": "target",
         "tiers": [{"threshold": "300.00", "rate": "0.02"}, {"threshold": "3000.00", "rate": "0.03", "grade": "gold"}]},
        {"type": "team_growth", "name": "growth", "mode": "marginal",
         "tiers": [{"threshold": "100.00", "amount": "10.00"}, {"threshold": "2000.00", "rate": "0.01"}]},
    ],
}  # fmt: skip


class Faulty(AssertionError):
    """An answer that nobody should get."""


class Storm:
    """What the clients know of each other: whom there is to act on, what was done, and what the bank has done."""

    def __init__(self, url: str, chance: random.Random, quota: int, dsn: str) -> None:
        self.chance, self.quota, self.dsn = chance, quota, dsn
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.kills = 0
        self.days = 0.0
        """By how much the server's clock is off."""
        self.orders: dict[str, dict[str, Any]] = {}
        self.people: list[int] = []
        self.ids: dict[str, int] = {}
        self.products: list[int] = []
        self.payees: list[tuple[str, int]] = []
        self.batches: set[int] = set()
        self.bank: dict[str, str] = {}
        """What the bank made of each payout, once and for all."""
        self._numbers = 0
        self._tokens: dict[str, dict[str, str]] = {}
        self._entering = asyncio.Lock()
        self.http = httpx.AsyncClient(base_url=url, timeout=30)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    @property
    def events(self) -> int:
        return sum(self.done.values())

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    # Asking

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str = "admin",
        key: str | None = None,
        **how: Any,
    ) -> httpx.Response:
        """Ask until there is an answer; a refusal is one if a storm may earn it."""
        give_up = asyncio.get_running_loop().time() + 90
        while asyncio.get_running_loop().time() < give_up:
            try:
                headers = await self._token(who) | ({"Idempotency-Key": key} if key else {})
                answer = await self.http.request(method, path, json=body, headers=headers, **how)
            except (TimeoutError, httpx.TransportError):
                await asyncio.sleep(0.1)
                continue
            if answer.status_code == 401:
                self._tokens.pop(who, None)
                continue
            if answer.is_success:
                return answer
            code = answer.json().get("code") if "json" in answer.headers.get("content-type", "") else None
            if code in AGAIN:
                await asyncio.sleep(0.05)
                continue
            if code not in USUAL:
                message = f"{method} {path} {body}: {answer.status_code} {answer.text}"
                raise Faulty(message)
            self.refused[code] += 1
            return answer
        message = f"{method} {path}: no answer in 90 seconds"
        raise Faulty(message)

    async def _token(self, who: str) -> dict[str, str]:
        async with self._entering:
            if who not in self._tokens:
                password = PASSWORD if who == "admin" else f"pass-word-{who}"
                form = {
                    "grant_type": "password",
                    "username": who,
                    "password": password,
                    "client_id": "fenxiao-console",
                }
                answer = await self.http.post("/oauth2/token", data=form)
                if not answer.is_success:
                    # While the database is away nobody can be let in.
                    message = f"sign-in: {answer.status_code}"
                    raise httpx.ConnectError(message)
                self._tokens[who] = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            return self._tokens[who]

    async def create(self, kind: str, path: str, body: Any, **how: Any) -> Any:
        """Create something under a key; now and then the same request comes twice at once, and must be one."""
        key, times = f"key-{self.number()}", self.chance.choice((1, 1, 1, 2))
        answers = await asyncio.gather(*(self.ask("POST", path, body, key=key, **how) for _ in range(times)))
        self.done[kind] += 1
        if times > 1:
            self.done["duplicate request"] += 1
            good = [one.json() for one in answers if one.is_success]
            if any(one != good[0] for one in good):
                message = f"{path}: one key, two answers: {good}"
                raise Faulty(message)
        return next((one.json() for one in answers if one.is_success), None)

    # The scene

    async def prepare(self) -> None:
        """Products, a plan, grades, people in a tree, payees with accounts, and a policy with fee and tax."""
        for price, stock in (("50.00", 10**7), ("19.99", 10**7), ("7.35", max(700, self.quota))):
            made = await self.ask("POST", "/api/products", {"name": "面粉", "price": price, "cost": "3.33"})
            self.products.append(made.json()["product_id"])
            await self.ask("PUT", f"/api/inventory/{self.products[-1]}", {"stock": stock, "batch_id": "B1"})
        for rank, grade in enumerate(("bronze", "silver", "gold"), 1):
            await self.ask("POST", "/api/grades", {"grade": grade, "rank": rank})
        await self.publish()
        for place in range(PEOPLE):
            await self.join(self.chance.choice(self.people[-12:]) if place else None)
            if place < PAYEES * 3 and place % 3 == 0:
                await self.account(place)
        policy = {"currency": "CNY", "fee_fixed": "0.10", "fee_rate": "0.01", "tax": "cn_per_payment",
                  "auto_approve_up_to": "2.00", "new_account_days": 0}  # fmt: skip
        await self.ask("POST", "/api/withdrawal-policies", policy)

    async def publish(self) -> None:
        """The plan, with another rate, takes effect at once."""
        accrued = self.chance.choice(("paid", "completed"))
        plan = PLAN | {"hold_days": self.chance.randint(0, 5), "accrue_on": accrued}
        rule = await self.create("rule version", "/api/rules", plan)
        await self.ask("POST", f"/api/rules/{rule['rule_id']}/publish", {}, key=f"publish-{rule['rule_id']}")

    async def join(self, sponsor: int | None) -> None:
        name = f"p{self.number()}"
        body = {"username": name, "password": f"pass-word-{name}", "display_name": name}
        made = await self.create(
            "registration", "/api/distributors", body | ({"sponsor_id": sponsor} if sponsor else {})
        )
        if made is not None:
            self.people.append(made["distributor_id"])
            self.ids[name] = made["distributor_id"]
            self._newest = name

    async def account(self, place: int) -> None:
        body = {"channel": "bank", "holder": "王小明", "number": f"62220212345678{place:05}"}
        made = await self.ask("POST", "/api/payout-accounts", body, who=self._newest, key=f"account-{place}")
        self.payees.append((self._newest, made.json()["account_id"]))

    # What the clients do

    async def client(self) -> None:
        """Do this and that until enough has been done."""
        acts: list[Callable[[], Awaitable[None]]] = [
            self.place, self.steps, self.tree, self.withdraw, self.decide, self.bank_day, self.settle, self.close, self.replay,
        ]  # fmt: skip
        weights = (20, 45, 6, 10, 6, 4, 3, 3, 3)
        while self.events < self.quota or self.kills < LEAST:
            (act,) = self.chance.choices(acts, weights)
            await act()

    async def place(self) -> None:
        """Many orders at once, most of them paid; sent twice now and then."""
        orders = [
            self._order()
            for _ in range(self.chance.choice((1, 60, 300) if self.quota >= LONG else (1, 10, 60)))
        ]
        path, key = "/api/orders/bulk", f"bulk-{self.number()}"
        again = self.chance.random() < 0.2
        for _ in range(1 + again):
            answer = await self.ask("POST", path, {"orders": orders}, key=key)
            for sent, item in zip(orders, answer.json()["items"], strict=True):
                if (order := item.get("order")) is None:
                    code = item["problem"]["code"]
                    if code not in USUAL | AGAIN:
                        raise Faulty(str(item))
                    self.refused[code] += 1
                    continue
                known = self.orders.setdefault(sent["external_id"], order)
                if known["order_id"] != order["order_id"]:
                    message = f"{sent['external_id']} stands twice"
                    raise Faulty(message)
        self.done["order"] += len(orders)

    def _order(self) -> dict[str, Any]:
        chance, products = self.chance, self.chance.sample(self.products, self.chance.choice((1, 1, 2)))
        order = {
            "distributor_id": chance.choice(self.people),
            "lines": [{"product_id": one, "quantity": chance.randint(1, 4)} for one in products],
            "external_id": f"storm-{self.number()}",
            "paid": chance.random() < 0.8,
        }
        return order | ({"discount": f"0.{chance.randint(10, 99)}"} if chance.random() < 0.3 else {})

    async def steps(self) -> None:
        """Some orders go on by a step, whatever others do to them meanwhile."""
        if self.orders:
            names = self.chance.choices(list(self.orders), k=8)
            await asyncio.gather(*(self._step(self.orders[name]) for name in names))

    async def _step(self, order: dict[str, Any]) -> None:
        chance, path = self.chance, f"/api/orders/{order['order_id']}"
        after = {"pending": ("pay", "pay", "cancel"), "paid": ("ship", "ship", "refund"), "shipped": ("complete",) * 3 + ("refund",)}  # fmt: skip
        act = chance.choice(
            (*after.get(order["status"], ("refund",)) * 4, "pay", "ship", "complete", "cancel", "refund")
        )
        if act == "refund":
            line = chance.choice(order["lines"])
            body = chance.choice(
                [
                    {"lines": [{"line_id": line["line_id"], "quantity": 1}], "restock": True},
                    {"amount": "1.37"},
                    {"full": True},
                ]
            )
            await self.create("refund", f"{path}/refunds", body)
            return
        answer = await self.ask("POST", f"{path}/{act}", {})
        self.done[act] += 1
        if answer.is_success:
            order["status"] = answer.json()["status"]

    async def tree(self) -> None:
        """Somebody joins, moves, rises, is suspended or comes back; now and then a new version takes effect."""
        one, other, act = *self.chance.sample(self.people, 2), self.chance.randint(0, 9)
        path = f"/api/distributors/{one}"
        if act <= 1:
            await self.join(other)
        elif act <= 4:
            await self.ask("PUT", f"{path}/sponsor", {"sponsor_id": other, "override_protection": True})
            self.done["move"] += 1
        elif act <= 6:
            await self.ask(
                "PUT", f"{path}/grade", {"grade": self.chance.choice(("bronze", "silver", "gold", None))}
            )
            self.done["grade"] += 1
        elif act <= 8:
            await self.ask("POST", f"{path}/{self.chance.choice(('activate', 'activate', 'suspend'))}", {})
            self.done["activation or suspension"] += 1
        else:
            await self.publish()

    async def withdraw(self) -> None:
        """Somebody asks for some of it, for all of it twice at once, or for more than there is."""
        name, account = self.chance.choice(self.payees)
        money = (await self.ask("GET", f"/api/commission/{self.ids[name]}?limit=1", who=name)).json()
        cents = max(100, int(money["available"].replace(".", "")))
        cents, times = self.chance.choice(
            [(cents // 3 or 1, 1), (cents // 2 or 1, 3), (cents, 2), (cents + 100, 1)]
        )
        body = {"account_id": account, "amount": f"{cents // 100}.{cents % 100:02}"}
        await asyncio.gather(
            *(self.create("withdrawal", "/api/withdrawals", body, who=name) for _ in range(times))
        )

    async def decide(self) -> None:
        """What was asked for is approved or rejected, now and then both; what has failed is tried again."""
        for status, acts in (
            ("requested", ("approve",) * 4 + ("reject",)),
            ("approved", ("reject",)),
            ("failed", ("retry",)),
        ):
            found = (await self.ask("GET", f"/api/withdrawals?status={status}&limit=10")).json()["items"]
            for one in found:
                if status != "requested" and self.chance.random() < 0.8:
                    continue
                for act in {self.chance.choice(acts), self.chance.choice(acts)}:
                    body = {"reason": "storm"}
                    await self.ask(
                        "POST",
                        f"/api/withdrawals/{one['withdrawal_id']}/{act}",
                        body,
                        key=f"{act}-{self.number()}",
                    )
                    self.done[act] += 1

    async def decide_all(self) -> None:
        """Whatever is asked for is decided on."""
        while found := (await self.ask("GET", "/api/withdrawals?status=requested&limit=200")).json()["items"]:
            for one in found:
                # Of somebody suspended nothing is approved.
                path = f"/api/withdrawals/{one['withdrawal_id']}"
                if not (await self.ask("POST", f"{path}/approve", {})).is_success:
                    await self.ask("POST", f"{path}/reject", {"reason": "storm"})

    async def bank_day(self, *, final: bool = False) -> None:
        """A file goes to the bank; what the bank made of it comes back in parts, now and then twice."""
        made = await self.create("batch", "/api/payouts/batches", {"currency": "CNY"})
        if made is not None:
            self.batches.add(made["batch_id"])
        for batch in (
            sorted(self.batches)
            if final
            else self.chance.choices(sorted(self.batches), k=min(1, len(self.batches)))
        ):
            path = f"/api/payouts/batches/{batch}"
            answer = await self.ask("GET", f"{path}/file")
            if not answer.is_success:
                continue
            lines = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
            told = [line | self._fate(line) for line in lines if final or self.chance.random() < 0.8]
            if not told:
                continue
            out = io.StringIO()
            writer = csv.DictWriter(out, lines[0].keys())
            writer.writeheader()
            writer.writerows(told)
            for _ in range(self.chance.choice((1, 2))):
                await self.ask("POST", f"{path}/result", content=out.getvalue().encode())
                self.done["bank result"] += 1

    def _fate(self, line: dict[str, str]) -> dict[str, str]:
        """What the bank does with a payout: the same whenever it is asked."""
        number = line["payout_number"]
        state = "failed" if hashlib.sha256(number.encode()).digest()[0] < 70 else "paid"
        self.bank[number] = line["amount"] if state == "paid" else "0.00"
        return {"status": state, "reference": number[:12]}

    async def settle(self) -> None:
        """All, or one, up to now or further."""
        cutoff = self.now() + timedelta(days=self.chance.choice((0, 0, 2)))
        body = {"cutoff": cutoff.isoformat()}
        path = self.chance.choice(
            ("/api/settlements", f"/api/commission/{self.chance.choice(self.people)}/settlements")
        )
        await self.create("settlement", path, body)

    async def close(self) -> None:
        """A day, a week or a month is closed, or its rewards are granted."""
        day = (self.now() - timedelta(days=self.chance.uniform(1, 40))).date()
        year, week, _ = day.isocalendar()
        if self.chance.random() < 0.5:
            await self.create("rewards", "/api/rewards/runs", {"period": f"{day:%Y-%m}"})
        else:
            period = self.chance.choice((f"{day}", f"{year}-W{week:02}", f"{day:%Y-%m}"))
            await self.create("period", "/api/commission/periods", {"period": period})

    async def close_all(self, days: int) -> None:
        """Every month of the last days is closed, and its rewards are granted."""
        months = sorted({f"{self.now() - timedelta(days=one):%Y-%m}" for one in range(days)})
        for month in months[:-1]:
            await self.create("period", "/api/commission/periods", {"period": month})
            await self.create("rewards", "/api/rewards/runs", {"period": month})

    async def replay(self) -> None:
        """Events that were delivered come once more, half the time as if nobody had ever seen them."""
        schema, forget = self.chance.choice(CONTEXTS), self.chance.random() < 0.5
        again = (
            f"select event_id from {schema}.outbox where published_at is not null order by random() limit 40"
        )
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection = await asyncpg.connect(self.dsn, timeout=5)
            try:
                async with connection.transaction():
                    events = [row["event_id"] for row in await connection.fetch(again)]
                    if forget:
                        for other in CONTEXTS:
                            await connection.execute(
                                f"delete from {other}.inbox where state = 'done' and event_id = any($1)",
                                events,
                            )
                    await connection.execute(
                        f"update {schema}.outbox set published_at = null where event_id = any($1)", events
                    )
                self.done["replayed event"] += len(events)
            finally:
                await connection.close()
