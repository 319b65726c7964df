"""The trees of a period (周期内的树): its members beneath each other, walked from the leaves up without recursion."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from fenxiao.engine.periods import Member


class Trees:
    """The members by id, and both trees in an order in which everyone comes before the one above him.

    ValueError for somebody twice, for one above who is no member, and for a loop.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members: Mapping[int, Member] = {
            one.distributor_id: one for one in sorted(members, key=lambda one: one.distributor_id)
        }
        if len(self.members) != len(members):
            message = "somebody is a member twice"
            raise ValueError(message)

    @cached_property
    def by_sponsor(self) -> tuple[Member, ...]:
        """Everyone before his sponsor."""
        return self._upward({number: one.sponsor_id for number, one in self.members.items()})

    @cached_property
    def by_placement(self) -> tuple[Member, ...]:
        """Everyone before the one he is placed under."""
        places = [
            (one.placement_parent_id, one.position)
            for one in self.members.values()
            if one.placement_parent_id is not None
        ]
        if len(set(places)) < len(places) or any(position is None for _, position in places):
            message = "two members are placed on one position, or one on none"
            raise ValueError(message)
        return self._upward({number: one.placement_parent_id for number, one in self.members.items()})

    def _upward(self, above: Mapping[int, int | None]) -> tuple[Member, ...]:
        waiting = dict.fromkeys(above, 0)
        for number, parent in above.items():
            if parent is not None:
                if parent not in waiting:
                    message = f"distributor {number} stands under {parent}, who is no member"
                    raise ValueError(message)
                waiting[parent] += 1
        found = [number for number, below in waiting.items() if not below]
        for number in found:
            parent = above[number]
            if parent is not None:
                waiting[parent] -= 1
                if not waiting[parent]:
                    found.append(parent)
        if len(found) < len(above):
            message = "the members stand under each other in a loop"
            raise ValueError(message)
        return tuple(self.members[number] for number in found)
