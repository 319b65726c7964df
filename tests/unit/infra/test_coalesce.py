"""Requests that arrive while a batch is in flight form the next one."""

import asyncio

import pytest

from fenxiao.infra.coalesce import Coalescer


async def test_each_asker_gets_its_own_answer_and_batches_form_under_load() -> None:
    batches: list[list[int]] = []

    async def work(questions: list[int]) -> list[int]:
        batches.append(questions)
        await asyncio.sleep(0.01)
        return [question * 2 for question in questions]

    ask: Coalescer[int, int] = Coalescer(work, most=4)
    assert await asyncio.gather(*(ask(n) for n in range(10))) == [n * 2 for n in range(10)]
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert await ask(50) == 100


async def test_an_idle_coalescer_starts_at_once_and_later_ones_wait_for_it() -> None:
    batches: list[list[int]] = []

    async def work(questions: list[int]) -> list[int]:
        batches.append(questions)
        await asyncio.sleep(0.02)
        return questions

    ask: Coalescer[int, int] = Coalescer(work)
    first = asyncio.create_task(ask(1))
    await asyncio.sleep(0.005)
    await asyncio.gather(first, ask(2), ask(3))
    assert batches == [[1], [2, 3]]


async def test_a_poisoned_question_fails_alone() -> None:
    async def work(questions: list[int]) -> list[int | Exception]:
        return [ValueError("bad") if question == 2 else question for question in questions]

    ask: Coalescer[int, int] = Coalescer(work)
    answers = await asyncio.gather(*(ask(n) for n in (1, 2, 3)), return_exceptions=True)
    assert (answers[0], answers[2]) == (1, 3)
    assert isinstance(answers[1], ValueError)


async def test_a_failing_batch_fails_all_its_askers_and_the_next_one_works() -> None:
    broken = True

    async def work(questions: list[int]) -> list[int]:
        if broken:
            raise RuntimeError("no database")
        return questions

    ask: Coalescer[int, int] = Coalescer(work)
    answers = await asyncio.gather(ask(1), ask(2), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError, RuntimeError]
    broken = False
    assert await ask(3) == 3


async def test_an_asker_that_goes_away_disturbs_nobody() -> None:
    async def work(questions: list[int]) -> list[int]:
        await asyncio.sleep(0.02)
        return questions

    ask: Coalescer[int, int] = Coalescer(work)
    leaving, staying = asyncio.create_task(ask(1)), asyncio.create_task(ask(2))
    await asyncio.sleep(0.005)
    leaving.cancel()
    assert await staying == 2
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_two_flights_share_what_there_is_and_none_leaves_nearly_empty() -> None:
    batches: list[list[int]] = []
    gates = [asyncio.Event() for _ in range(10)]

    async def work(questions: list[int]) -> list[int]:
        batches.append(questions)
        await gates[len(batches) - 1].wait()
        return questions

    ask: Coalescer[int, int] = Coalescer(work, most=64, flights=2)
    askers = [asyncio.create_task(ask(n)) for n in range(8)]
    await asyncio.sleep(0.01)
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7]]
    gates[0].set()
    askers += [asyncio.create_task(ask(n)) for n in (8, 9)]
    await asyncio.sleep(0.01)
    assert len(batches) == 2, "two beside four wait for company"
    askers += [asyncio.create_task(ask(10))]
    await asyncio.sleep(0.01)
    assert batches[2:] == [[8, 9, 10]]
    askers += [asyncio.create_task(ask(11))]
    gates[1].set()
    gates[2].set()
    await asyncio.sleep(0.01)
    assert batches[3:] == [[11]], "nothing is under way, so nobody waits"
    gates[3].set()
    assert await asyncio.gather(*askers) == list(range(12))
