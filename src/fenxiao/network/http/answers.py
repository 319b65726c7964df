"""The shapes of the network's answers."""

from datetime import datetime

from fenxiao.infra.http.auth import Principal
from fenxiao.infra.http.fields import Answer
from fenxiao.network.queries.profiles import Profile
from fenxiao.network.service import Network
from fenxiao.network.service.views import Viewer

READ = "distributors:read"
WRITE = "distributors:write"


class DistributorAnswer(Answer):
    """分销商: a distributor as itself and administrators see it; contacts are masked."""

    distributor_id: int
    external_id: str | None
    display_name: str
    phone: str | None
    email: str | None
    sponsor_id: int | None
    status: str
    grade: str | None
    invite_code: str
    joined_at: datetime


class DownlineAnswer(Answer):
    """A distributor as those above see it: no contacts, no invite code."""

    distributor_id: int
    display_name: str
    sponsor_id: int | None
    status: str
    grade: str | None
    joined_at: datetime


def viewer(who: Principal) -> Viewer:
    """On whose behalf the caller looks."""
    return Viewer(everything=who.sees_all() and who.may(READ), distributor_id=who.distributor_id)


def shaped(network: Network, profile: Profile, who: Principal) -> DistributorAnswer | DownlineAnswer:
    """As much of a distributor as the caller may see."""
    if who.owns(profile.distributor_id) or viewer(who).everything:
        return whole(network, profile)
    return DownlineAnswer(
        distributor_id=profile.distributor_id,
        display_name=profile.display_name,
        sponsor_id=profile.sponsor_id,
        status=profile.status,
        grade=profile.grade,
        joined_at=profile.joined_at,
    )


def whole(network: Network, profile: Profile) -> DistributorAnswer:
    """A distributor with masked contacts."""
    contacts = network.profiles.contacts(profile)
    return DistributorAnswer(
        distributor_id=profile.distributor_id,
        external_id=profile.external_id,
        display_name=profile.display_name,
        phone=contacts.phone,
        email=contacts.email,
        sponsor_id=profile.sponsor_id,
        status=profile.status,
        grade=profile.grade,
        invite_code=profile.invite_code,
        joined_at=profile.joined_at,
    )
