"""How a call of new members is arranged."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fenxiao.kernel.errors import Refusal
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.path import split
from fenxiao.network.api import NewMember
from fenxiao.network.domain.joining import Place, arrange

JOINED = datetime(2010, 1, 1, tzinfo=UTC)
IDS = [DistributorId(number) for number in range(100, 200)]


def member(name: str, sponsor: str | None = None, *, earns: bool = True) -> NewMember:
    return NewMember(
        external_id=name, display_name=name, joined_at=JOINED, sponsor_external_id=sponsor, earns=earns
    )


def test_paths_lead_from_the_root_down() -> None:
    known = {"old": Place(DistributorId(7), b"\0\0\0\x07", earns=True)}
    answers, joining = arrange([member("a", "old"), member("b", "a"), member("old", "b")], known, IDS)
    assert answers == [100, 101, 7]
    assert [split(one.place.path) for one in joining] == [(7, 100), (7, 100, 101)]
    assert [one.sponsor_id for one in joining] == [7, 100]


def test_a_refused_sponsor_takes_those_below_along() -> None:
    answers, joining = arrange([member("a", "nobody"), member("b", "a"), member("c")], {}, IDS)
    assert [getattr(answer, "code", None) for answer in answers] == [
        "sponsor-missing",
        "sponsor-missing",
        None,
    ]
    assert [one.member.external_id for one in joining] == ["c"]


names = st.sampled_from("abcdefgh")


@given(st.lists(st.tuples(names, st.none() | names), max_size=30))
def test_whatever_is_asked_a_tree_comes_out(pairs: list[tuple[str, str | None]]) -> None:
    answers, joining = arrange([member(name, sponsor) for name, sponsor in pairs], {}, IDS)
    assert len(answers) == len(pairs)
    places = {one.place.distributor_id: one for one in joining}
    assert len(places) == len(joining) == len({one.member.external_id for one in joining})
    for one in joining:
        steps = split(one.place.path)
        assert steps[-1] == one.place.distributor_id
        assert len(set(steps)) == len(steps)
        above = steps[-2] if len(steps) > 1 else None
        assert one.sponsor_id == above
        if above is not None:
            assert places[above].place.path == one.place.path[:-4]
    by_name = {one.member.external_id: one.place.distributor_id for one in joining}
    for (name, _), answer in zip(pairs, answers, strict=True):
        assert isinstance(answer, Refusal) or by_name[name] == answer
