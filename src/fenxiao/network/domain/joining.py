"""How a call of new members joins the tree: who is known, who is new, whose sponsor is missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fenxiao.kernel.errors import Conflict, FieldError, Invalid, Refusal
from fenxiao.kernel.ids import DistributorId
from fenxiao.kernel.path import join
from fenxiao.network.api import NewMember, SponsorMissing
from fenxiao.network.domain.contacts import name_faults
from fenxiao.network.domain.tree import MAX_DEPTH, too_deep

EXTERNAL_ID_CHARACTERS = 200


class CannotSponsor(Conflict):
    """Distributor {sponsor} stands for direct sales and sponsors nobody."""

    code = "cannot-sponsor"


class TreeTooDeep(Conflict):
    """The tree would become more than {most} levels deep here; choose a sponsor further up."""

    code = "tree-too-deep"


def external_id_faults(external_id: str | None) -> tuple[FieldError, ...]:
    """What is wrong with an id that another system gave; none at all is fine."""
    if external_id is None or (external_id.isprintable() and 1 <= len(external_id) <= EXTERNAL_ID_CHARACTERS):
        return ()
    message = "An external id has 1 to {most} visible characters."
    return (FieldError("external_id", message, {"most": EXTERNAL_ID_CHARACTERS}),)


@dataclass(frozen=True, slots=True)
class Place:
    """Where someone stands in the tree."""

    distributor_id: DistributorId
    path: bytes
    earns: bool


@dataclass(frozen=True, slots=True)
class Joining:
    """A member that is new, and its place."""

    member: NewMember
    place: Place
    sponsor_id: DistributorId | None


def arrange(
    members: Sequence[NewMember], known: Mapping[str, Place], ids: Sequence[DistributorId]
) -> tuple[list[DistributorId | Refusal], list[Joining]]:
    """What each member is answered, and those that are new, in order.

    `known` holds the places of all external ids of the call that exist already; `ids` are unused ids, at least one
    for each member. A sponsor counts as known when it stands earlier in the call. Members who are known are
    answered as they are, whatever the call says about them.
    """
    places = dict(known)
    unused = iter(ids)
    answers: list[DistributorId | Refusal] = []
    joining: list[Joining] = []
    for member in members:
        if member.external_id not in places:
            answer = _join(member, places, unused)
            if isinstance(answer, Refusal):
                answers.append(answer)
                continue
            places[member.external_id] = answer.place
            joining.append(answer)
        answers.append(places[member.external_id].distributor_id)
    return answers, joining


def _join(
    member: NewMember, places: Mapping[str, Place], unused: Iterator[DistributorId]
) -> Joining | Refusal:
    faults = _faults(member)
    if faults:
        return Invalid(errors=faults)
    above = member.sponsor_external_id
    sponsor = None if above is None else places.get(above)
    if above is not None and sponsor is None:
        # Its own sponsor, too: it is not known before it is registered.
        return SponsorMissing(sponsor=above)
    if sponsor is not None and not sponsor.earns:
        return CannotSponsor(sponsor=sponsor.distributor_id)
    if sponsor is not None and too_deep(sponsor.path, 0):
        return TreeTooDeep(most=MAX_DEPTH)
    distributor_id = next(unused)
    path = join(b"" if sponsor is None else sponsor.path, distributor_id)
    place = Place(distributor_id, path, member.earns)
    return Joining(member, place, None if sponsor is None else sponsor.distributor_id)


def _faults(member: NewMember) -> tuple[FieldError, ...]:
    faults = (*name_faults(member.display_name), *external_id_faults(member.external_id))
    if not member.earns and member.sponsor_external_id is not None:
        faults = (
            *faults,
            FieldError("sponsor_external_id", "Whoever stands for direct sales has no sponsor."),
        )
    return faults
