"""By bank: a file goes out, its result comes back, and a statement is compared with the book."""

import csv
import io
from typing import Any

import pytest
from tests.integration.payments.conftest import HOLDER, Scene
from tests.integration.payments.test_channels import HOUR

from fenxiao.payments.api import TransferDiffers, TransferMissing, TransferUnderWay

DAY = {"from": "2026-03-15T00:00:00Z", "to": "2026-03-16T00:00:00Z"}


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def written(lines: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, lines[0].keys())
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode()


async def test_a_file_for_the_bank_and_its_result(scene: Scene) -> None:
    first, second, third, gone = [await scene.taken("bank", amount_minor=100 * n) for n in (1, 2, 3, 4)]
    formula = await scene.taken("bank", holder="=1+1", amount_minor=500)
    other = await scene.taken("bank", currency="EUR")
    (cancelled,) = await scene.api.cancel(numbers=[gone])
    assert cancelled.status == "cancelled"
    await scene.send(after=HOUR)
    assert await scene.told(first) == []
    key = {"Idempotency-Key": "one"}
    made = await scene.ask("POST", "/api/payouts/batches", json={"currency": "CNY"}, headers=key, status=201)
    assert (made["transfers"], made["amount"]) == (4, "11.00")
    again = await scene.ask("POST", "/api/payouts/batches", json={"currency": "CNY"}, headers=key)
    assert again == made
    await scene.ask("POST", "/api/payouts/batches", json={"currency": "CNY"}, status=409)
    assert await scene.told(first) == [("processing", None)]
    # What is in the bank's hands is not taken back.
    refused = await scene.api.cancel(numbers=[first, gone, "none"])
    assert [type(one) for one in refused] == [TransferUnderWay, type(cancelled), TransferMissing]

    path = f"/api/payouts/batches/{made['batch_id']}"
    content = await scene.ask("GET", f"{path}/file")
    assert await scene.ask("GET", f"{path}/file") == content
    lines = rows(content)
    assert [line["payout_number"] for line in lines] == [first, second, third, formula]
    assert (lines[0]["holder"], lines[0]["number"], lines[0]["amount"]) == (
        HOLDER,
        "6222021234567890123",
        "1.00",
    )
    assert lines[3]["holder"] == "'=1+1"
    lines[0] |= {"status": "paid", "reference": "ICBC-1"}
    lines[1] |= {"status": "失败"}
    result = await scene.ask("POST", f"{path}/result", content=written(lines))
    assert result == {
        "lines": 2, "paid": 1, "failed": 1, "processing": 0, "unchanged": 0, "contradicted": 0
    }  # fmt: skip
    result = await scene.ask("POST", f"{path}/result", files={"file": ("result.csv", written(lines))})
    assert result["unchanged"] == 2
    assert [(await scene.state(one)).status for one in (first, second, third)] == [
        "paid", "failed", "processing"
    ]  # fmt: skip
    # The bank changes its mind: kept for a person, and the end stands.
    lines[1] |= {"status": "paid", "reference": "ICBC-2"}
    result = await scene.ask("POST", f"{path}/result", content=written(lines))
    assert (result["contradicted"], result["unchanged"]) == (1, 1)
    assert (await scene.state(second)).status == "failed"
    assert (await scene.ask("GET", path))["statuses"] == {"failed": 1, "paid": 1, "processing": 2}
    assert (await scene.state(other)).status == "queued"
    before = await scene.told(third)
    for fault in (
        b"nothing",
        written([lines[2] | {"status": "perhaps"}]),
        written([lines[2] | {"status": "paid", "amount": "x"}]),
        written([lines[2] | {"status": "paid", "payout_number": other}]),
    ):
        problem = await scene.ask("POST", f"{path}/result", content=fault, status=422)
        assert (problem["code"], problem["errors"][0]["field"]) == ("payout-file-refused", "file")
    assert await scene.told(third) == before
    assert await scene.findings() == []


async def test_a_number_with_other_content_is_refused_and_sent_nowhere(scene: Scene) -> None:
    asked = scene.order("wechat")
    await scene.api.transfer(requests=[asked])
    changed = [
        scene.order("wechat", payout_number=asked.payout_number, amount_minor=1),
        scene.order("wechat", payout_number=asked.payout_number, number="oWx-openid_000002"),
        scene.order("alipay", payout_number=asked.payout_number),
        asked,
    ]
    answers = await scene.api.transfer(requests=changed)
    assert [type(one) for one in answers[:3]] == [TransferDiffers] * 3
    assert answers[3].status == "queued"
    wrong = [
        scene.order("bank", payout_number="a-b"),
        scene.order("bank", amount_minor=0),
        scene.order("wechat", currency="USD"),
    ]
    refused = [one.code for one in await scene.api.transfer(requests=wrong)]
    assert refused == ["transfer-invalid", "transfer-invalid", "channel-currency"]
    assert await scene.api.transfers(numbers=[one.payout_number for one in wrong]) == []
    await scene.send()
    assert list(scene.played["wechat"].money) == [asked.payout_number]
    assert scene.played["wechat"].money[asked.payout_number].amount_minor == 12_345


async def test_where_it_went_is_forgotten_and_never_shown(scene: Scene) -> None:
    number = await scene.taken("wechat")
    file = await scene.taken("bank")
    await scene.taken("bank")
    made = await scene.ask("POST", "/api/payouts/batches", json={"currency": "CNY"})
    await scene.send()
    scene.played["wechat"].settle(number, "SUCCESS")
    await scene.call_back("wechat", number)
    stored = str(await scene.system.databases["payments"].fetch("select * from transfer"))
    shown = str(await scene.ask("GET", f"/api/payouts/{number}"))
    for secret in (HOLDER, scene.played["wechat"].payee, "6222021234567890123"):
        assert secret not in stored + shown
    (trim,) = [job.work for offer in scene.system.offers for job in offer.jobs if job.name == "payments trim"]
    assert await trim() == 0
    await scene.send(after=30 * HOUR)
    assert await trim() == 1
    path = f"/api/payouts/batches/{made['batch_id']}"
    lines = rows(await scene.ask("GET", f"{path}/file"))
    await scene.ask("POST", f"{path}/result", content=written([lines[0] | {"status": "paid"}]))
    await scene.send(after=30 * HOUR)
    # The bank has not said of all that is in the file: it can still be had.
    assert await trim() == 0
    assert rows(await scene.ask("GET", f"{path}/file")) == lines
    await scene.ask("POST", f"{path}/result", content=written([lines[1] | {"status": "failed"}]))
    await scene.send(after=30 * HOUR)
    assert await trim() == 2
    assert (await scene.ask("GET", f"{path}/file", status=409))["code"] == "batch-forgotten"
    # The same request is known all the same.
    (again,) = await scene.api.transfer(requests=[scene.order("bank", payout_number=file)])
    assert again.status == "paid"


async def test_a_statement_is_compared_line_by_line(scene: Scene) -> None:
    good, lacking, other, late, twice = [await scene.taken("bank", amount_minor=1000) for _ in range(5)]
    made = await scene.ask("POST", "/api/payouts/batches", json={"currency": "CNY"})
    path = f"/api/payouts/batches/{made['batch_id']}"
    lines = rows(await scene.ask("GET", f"{path}/file"))
    paid = [line | {"status": "paid"} for line in lines if line["payout_number"] != late]
    await scene.ask("POST", f"{path}/result", content=written(paid))
    there = {line["payout_number"]: line | {"status": "paid", "reference": "R"} for line in lines}
    statement = [
        there[good],
        there[other] | {"amount": "10.01"},
        there[late],
        there[twice],
        there[twice],
        there[good] | {"payout_number": "f" * 32},
    ]
    ask = {"params": {"channel": "bank", **DAY}, "content": written(statement), "status": 201}
    key = {"headers": {"Idempotency-Key": "march"}}
    found = await scene.ask("POST", "/api/payouts/reconciliations", **ask, **key)
    assert (found["lines"], found["differences"]) == (6, 5)
    assert await scene.ask("POST", "/api/payouts/reconciliations", **ask, **key) == found
    page = f"/api/payouts/reconciliations/{found['reconciliation_id']}/differences"
    listed = (await scene.ask("GET", f"{page}?limit=3"))["items"]
    rest = await scene.ask("GET", f"{page}?limit=3&cursor=WzJd")
    differences = {one["payout_number"]: one for one in [*listed, *rest["items"]]}
    assert {number: one["kind"] for number, one in differences.items()} == {
        other: "amount-differs",
        late: "status-differs",
        twice: "paid-twice",
        "f" * 32: "missing-here",
        lacking: "missing-there",
    }
    assert (differences[other]["here_amount"], differences[other]["there_amount"]) == ("10.00", "10.01")
    assert (differences[late]["here_status"], differences[late]["there_status"]) == ("processing", "paid")
    # It compares and changes nothing; of another span it expects nothing.
    assert (await scene.state(late)).status == "processing"
    before = {"from": "2026-03-14T00:00:00Z", "to": "2026-03-15T00:00:00Z"}
    ask |= {"params": {"channel": "bank", **before}, "content": written([there[good]])}
    assert (await scene.ask("POST", "/api/payouts/reconciliations", **ask))["differences"] == 0
    ask |= {"params": {"channel": "bank", "from": DAY["to"], "to": DAY["from"]}, "status": 422}
    await scene.ask("POST", "/api/payouts/reconciliations", **ask)
    assert len((await scene.ask("GET", "/api/payouts/reconciliations?channel=bank"))["items"]) == 2


@pytest.mark.parametrize("path", ["/api/payouts", "/api/payouts/batches", "/api/payouts/reconciliations"])
async def test_who_may_not_look_is_refused(path: str, scene: Scene) -> None:
    assert (await scene.client.get(path)).status_code == 401
    await scene.ask("GET", "/api/payouts/none", status=404)


async def test_verify_sees_what_is_wrong(scene: Scene, owner: Any) -> None:
    paid, unsent, twice = [await scene.taken("stripe") for _ in range(3)]
    await scene.send()
    queued = await scene.taken("bank")
    assert await scene.findings() == []
    await owner.execute("update payments.transfer set status = 'failed' where payout_number = $1", paid)
    await owner.execute(
        "update payments.transfer set status = 'paid', ended_at = now() where payout_number = $1", queued
    )
    await owner.execute(
        "insert into payments.attempt (transfer_id, at, kind, word, reference) select transfer_id, now(), 'file',"
        " 'paid', 'another' from payments.transfer where payout_number = $1",
        twice,
    )
    found = await scene.findings()
    assert sorted(one.partition(":")[0] for one in found) == [
        "payments.paid_once", "payments.transfers", "payments.transfers"
    ]  # fmt: skip
    assert unsent not in str(found)
