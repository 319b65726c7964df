"""Who orders, and when requests leave."""

import random
from statistics import median

from bench.orders_bench.population import DEEPEST, sponsors
from bench.rig.open_loop import moments, whole


def test_the_tree_looks_like_one_that_grew() -> None:
    chosen = sponsors(20_000, random.Random(1))
    depths: list[int] = []
    for number, sponsor in enumerate(chosen):
        assert sponsor is None or sponsor < number
        depths.append(1 if sponsor is None else depths[sponsor] + 1)
    assert max(depths) <= DEEPEST
    assert 4 <= median(depths) <= 7
    roots = sum(sponsor is None for sponsor in chosen)
    assert 200 < roots < 1_000
    assert sponsors(500, random.Random(3)) == sponsors(500, random.Random(3))


def test_requests_leave_at_random_moments_of_the_asked_rate() -> None:
    found = moments(1_500, 10, 1)
    assert found == sorted(found)
    assert found[0] > 0
    assert found[-1] < 10
    assert 14_000 < len(found) < 16_000
    assert found == moments(1_500, 10, 1)
    assert found != moments(1_500, 10, 2)


def test_an_answer_is_whole_when_its_body_has_come() -> None:
    head = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nContent-Length: 5\r\n"
    assert not whole(head)
    assert not whole(head + b"\r\n{..}")
    assert whole(head + b"\r\n{...}")
