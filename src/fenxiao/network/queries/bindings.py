"""The policy that bindings are made under, and what it means for those that stand."""

from dataclasses import dataclass
from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.kernel.ids import DistributorId


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingPolicy:
    """绑定政策: one version, for the bindings made from `since` on; None: no protection, no end of the binding."""

    policy_id: int
    since: datetime | None
    protection_days: int | None
    lifetime_days: int | None


NONE = BindingPolicy(policy_id=0, since=None, protection_days=None, lifetime_days=None)
"""Of a new installation, and of bindings that are older than every version."""

_DUE = """
with version as (
  select since, lead(since, 1, 'infinity'::timestamptz) over (order by since, policy_id) as until, lifetime_days from binding_policy
)
select h.distributor_id, v.lifetime_days
  from version v join sponsor_link h on h.valid_from >= v.since and h.valid_from < v.until
   and h.valid_from <= $1::timestamptz - v.lifetime_days * interval '1 day'
 where v.lifetime_days is not null and h.to_version is null and h.sponsor_id is not null
"""


async def newest(reader: Reader) -> BindingPolicy:
    """The version that bindings made now are under."""
    row = await reader.fetchrow(
        "select policy_id, since, protection_days, lifetime_days from binding_policy order by policy_id desc limit 1"
    )
    return NONE if row is None else BindingPolicy(**row)


async def protected_until(reader: Reader, distributor_id: DistributorId) -> datetime | None:
    """The end of the protection time of someone's present binding, if it has one."""
    until: datetime | None = await reader.fetchval(
        "select h.valid_from + p.protection_days * interval '1 day' from sponsor_link h cross join lateral ("
        " select protection_days from binding_policy where since <= h.valid_from"
        " order by since desc, policy_id desc limit 1) p"
        " where h.distributor_id = $1 and h.to_version is null and h.sponsor_id is not null",
        distributor_id,
    )
    return until


async def due(reader: Reader, at: datetime, limit: int) -> list[tuple[DistributorId, int]]:
    """Some whose binding has outlived its lifetime of so many days, the oldest first."""
    rows = await reader.fetch(f"{_DUE} order by h.valid_from, h.distributor_id limit $2", at, limit)
    return [(row["distributor_id"], row["lifetime_days"]) for row in rows]


async def is_due(reader: Reader, at: datetime, distributor_id: DistributorId) -> bool:
    """Whether someone's binding has outlived its lifetime."""
    found: bool = await reader.fetchval(
        f"select exists({_DUE} and h.distributor_id = $2)", at, distributor_id
    )
    return found
