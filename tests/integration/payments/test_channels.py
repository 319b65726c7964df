"""Every channel, played on a socket: what drops, delays, forges, answers twice; and nothing is ever paid twice."""

from datetime import timedelta

import httpx
import pytest
from tests.integration.payments.conftest import HOLDER, Scene

from fenxiao.payments.service.hearing import Hearing

ONLINE = ["wechat", "alipay", "stripe", "paypal"]
SIGNED = ["wechat", "alipay"]
FAILING = ["wechat", "alipay", "paypal"]
"""Channels that may fail a transfer which they have taken."""
MINUTE, HOUR = timedelta(minutes=2), timedelta(hours=2)


def settle(scene: Scene, numbers: dict[str, str]) -> None:
    """The channels pay what they have accepted, if they have not yet."""
    for channel, number in numbers.items():
        one = scene.played[channel]
        if one.money[number].state != one.done:
            one.settle(number, one.done)


async def statuses(scene: Scene, numbers: dict[str, str]) -> list[str]:
    return [(await scene.state(number)).status for number in numbers.values()]


def assert_paid_once(scene: Scene, numbers: dict[str, str]) -> None:
    for channel, number in numbers.items():
        assert scene.played[channel].paid == {number: 1}, channel
        assert list(scene.played[channel].money) == [number], channel


async def test_transfers_are_sent_once_and_paid(scene: Scene) -> None:
    asked = [scene.order(channel) for channel in ONLINE]
    numbers = {one.channel: one.payout_number for one in asked}
    first = await scene.api.transfer(requests=asked)
    assert {(one.status, one.version) for one in first} == {("queued", 1)}
    assert await scene.api.transfer(requests=[*asked, *asked]) == [*first, *first]
    await scene.send()
    settle(scene, numbers)
    await scene.send(after=MINUTE)
    assert_paid_once(scene, numbers)
    ended = [await scene.state(number) for number in numbers.values()]
    assert {one.status for one in ended} == {"paid"}
    assert all(one.reference for one in ended)
    for channel, number in numbers.items():
        played = scene.played[channel]
        money = played.money[number]
        assert (money.amount_minor, money.currency) == (12_345, "CNY")
        assert money.payee in {f"{HOLDER} {played.payee}", played.payee}
        told = [status for status, _ in await scene.told(number)]
        assert told in (["paid"], ["processing", "paid"])
    # Nobody sends them again, whoever asks for it and however often.
    calls = [len(scene.played[channel].requests) for channel in ONLINE]
    assert await scene.api.transfer(requests=asked) == ended
    await scene.send(after=HOUR)
    assert [len(scene.played[channel].requests) for channel in ONLINE] == calls
    assert await scene.findings() == []


@pytest.mark.parametrize("fares", ["drop", "late", "lost"])
async def test_without_an_answer_it_is_unknown_and_asked_about(fares: str, scene: Scene) -> None:
    numbers = {channel: await scene.taken(channel, fares) for channel in ONLINE}
    await scene.send()
    assert await statuses(scene, numbers) == ["unknown"] * 4
    for number in numbers.values():
        assert await scene.told(number) == [("unknown", None)]
    # Not even the question is answered: it stays unknown, and nothing is sent.
    sent = {channel: len(scene.played[channel].requests) for channel in ONLINE}
    scene.played["paypal"].plan.append("lost")
    for channel in ONLINE:
        scene.played[channel].asks.append("drop")
    await scene.send(after=MINUTE)
    assert await statuses(scene, numbers) == ["unknown"] * 4
    assert {channel: len(scene.played[channel].requests) - 1 for channel in ONLINE} == sent
    scene.played["paypal"].asks.clear()
    # Asked again, the channel speaks; where it never had the number, that very number is sent once more.
    await scene.send(after=HOUR)
    await scene.send(after=HOUR)
    settle(scene, numbers)
    await scene.send(after=HOUR)
    assert await statuses(scene, numbers) == ["paid"] * 4
    assert_paid_once(scene, numbers)
    for channel, number in numbers.items():
        words = await scene.words(number)
        assert words[:2] == ["submit:unknown", "ask:unknown"]
        assert ("ask:absent" in words) is (fares == "lost" and channel != "paypal")
    assert await scene.findings() == []


async def test_an_answer_that_is_not_signed_by_the_channel_is_nobodys_word(scene: Scene) -> None:
    numbers = {channel: await scene.taken(channel, "forge") for channel in SIGNED}
    await scene.send()
    assert await statuses(scene, numbers) == ["unknown"] * 2
    settle(scene, numbers)
    # Nor does the refusal of a question say anything of the transfer.
    for channel in SIGNED:
        scene.played[channel].asks += ["forge", "refuse"]
    for _ in range(2):
        await scene.send(after=HOUR)
        assert await statuses(scene, numbers) == ["unknown"] * 2
    await scene.send(after=HOUR)
    assert await statuses(scene, numbers) == ["paid"] * 2
    assert_paid_once(scene, numbers)


async def test_callbacks_converge_and_forged_ones_change_nothing(scene: Scene) -> None:
    numbers = {channel: await scene.taken(channel, "drop") for channel in ONLINE}
    await scene.send()
    settle(scene, numbers)
    kept = {}
    for channel, number in numbers.items():
        before = await refusals(scene.client, channel)
        forged = await scene.call_back(channel, number, forged=True)
        assert (forged.status_code, forged.json()["code"]) == (401, "callback-forged")
        assert (await scene.state(number)).status == "unknown"
        assert await refusals(scene.client, channel) == before + 1
        for _ in range(2):
            answer = await scene.call_back(channel, number)
            assert answer.status_code == 200, answer.text
        assert (await scene.state(number)).status == "paid"
        assert await scene.told(number) == [("unknown", None), ("paid", None)]
        kept[channel] = scene.played[channel].callback(number)
    assert (await scene.client.post("/api/payments/callbacks/bank", content=b"{}")).status_code == 400
    assert (await scene.client.post("/api/payments/callbacks/none", content=b"{}")).status_code == 400
    # The same callbacks, kept by somebody: sent again much later, or changed a little.
    await scene.send(after=HOUR)
    for channel, (headers, body) in kept.items():
        path = f"/api/payments/callbacks/{channel}"
        late = await scene.client.post(path, headers=headers, content=body)
        assert late.status_code == (401 if channel in {"wechat", "stripe"} else 200)
        changed = await scene.client.post(path, headers=headers, content=body.replace(b"12", b"21"))
        assert changed.status_code in {400, 401}
        assert (await scene.state(numbers[channel])).version == 3
    assert_paid_once(scene, numbers)
    assert await scene.findings() == []


async def refusals(client: httpx.AsyncClient, channel: str) -> float:
    name = f'fenxiao_payout_callbacks_refused_total{{channel="{channel}",reason="callback-forged"}}'
    lines = (await client.get("/metrics")).text.splitlines()
    return sum(float(line.split(" ")[1]) for line in lines if line.startswith(name))


async def test_a_late_word_against_the_end_is_kept_for_a_person(scene: Scene) -> None:
    numbers = {channel: await scene.taken(channel, "fail") for channel in FAILING}
    taken_back = await scene.taken("stripe")
    await scene.send()
    await scene.send(after=MINUTE)
    assert await statuses(scene, numbers) == ["failed"] * 3
    settle(scene, numbers)
    scene.played["stripe"].money[taken_back].state = "reversed"
    for channel, number in [*numbers.items(), ("stripe", taken_back)] * 2:
        assert (await scene.call_back(channel, number)).status_code == 200
    assert await statuses(scene, numbers) == ["failed"] * 3
    assert (await scene.state(taken_back)).status == "paid"
    for number in numbers.values():
        assert (await scene.state(number)).reason is not None
        assert [one for one in await scene.told(number) if one[1]] == [("paid", "paid-after-failed")]
    assert (await scene.told(taken_back))[-1] == ("failed", "failed-after-paid")
    listed = await scene.ask("GET", "/api/payouts?contradicted=true")
    assert {one["payout_number"] for one in listed["items"]} == {*numbers.values(), taken_back}
    detail = await scene.ask("GET", f"/api/payouts/{taken_back}")
    assert [one["contradiction"] for one in detail["attempts"] if one["contradiction"]] == [
        "failed-after-paid"
    ]


async def test_the_payee_is_asked_and_comes_or_does_not(scene: Scene) -> None:
    expired = await scene.taken("wechat", "wait")
    claimed = await scene.taken("paypal", "wait", currency="USD")
    await scene.send()
    await scene.send(after=MINUTE)
    for number in (expired, claimed):
        assert (await scene.state(number)).status == "awaiting_user"
    detail = await scene.ask("GET", f"/api/payouts/{expired}")
    assert detail["confirmation"] == f"package-of-{expired}"
    assert await scene.told(expired) == [("awaiting_user", None)]
    scene.played["wechat"].settle(expired, "FAIL")
    scene.played["paypal"].settle(claimed, "SUCCESS")
    await scene.send(after=HOUR)
    state = await scene.state(expired)
    assert (state.status, state.reason) == ("failed", "expired")
    assert (await scene.ask("GET", f"/api/payouts/{expired}"))["confirmation"] is None
    assert scene.played["wechat"].paid == {}
    assert (await scene.state(claimed)).status == "paid"


async def test_without_money_the_same_number_waits(scene: Scene) -> None:
    numbers = {channel: await scene.taken(channel, "poor", "poor") for channel in FAILING}
    await scene.send()
    for number in numbers.values():
        state = await scene.state(number)
        assert (state.status, state.reason) == ("queued", "insufficient-funds")
    await scene.send(after=HOUR)
    await scene.send(after=HOUR)
    settle(scene, numbers)
    await scene.send(after=HOUR)
    assert await statuses(scene, numbers) == ["paid"] * 3
    assert_paid_once(scene, numbers)


async def test_a_worker_that_dies_after_the_call_leaves_transfers_that_are_asked_about(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = {channel: await scene.taken(channel) for channel in ONLINE}
    with monkeypatch.context() as patch:
        patch.setattr(Hearing, "hear", _dies)
        with pytest.raises(ExceptionGroup) as died:
            await scene.send()
    assert len(died.value.exceptions) == 4
    assert await statuses(scene, numbers) == ["queued"] * 4
    # They are in hand until the lease ends, and then asked about.
    calls = [len(scene.played[channel].requests) for channel in ONLINE]
    await scene.send()
    assert [len(scene.played[channel].requests) for channel in ONLINE] == calls
    settle(scene, numbers)
    await scene.send(after=HOUR)
    await scene.send(after=HOUR)
    assert await statuses(scene, numbers) == ["paid"] * 4
    assert_paid_once(scene, numbers)
    for number in numbers.values():
        assert (await scene.words(number))[0].startswith("ask:")


async def _dies(*_: object) -> None:
    raise RuntimeError


async def test_what_a_channel_may_have_forgotten_is_not_sent_again(scene: Scene) -> None:
    numbers = {channel: await scene.taken(channel, "lost") for channel in ONLINE}
    other = await scene.taken("wechat")
    await scene.send()
    for _ in range(2):
        await scene.send(after=timedelta(days=40))
    assert await statuses(scene, numbers) == ["unknown"] * 4
    for channel, number in numbers.items():
        assert number not in scene.played[channel].money
    # An amount that is not ours ends nothing either.
    one = scene.played["wechat"].money[other]
    one.amount_minor += 1
    scene.played["wechat"].settle(other, "SUCCESS")
    assert (await scene.call_back("wechat", other)).status_code == 200
    assert (await scene.state(other)).status == "processing"
    assert (await scene.told(other))[-1] == ("processing", "amount-differs")
