"""Everybody who had joined by a moment, as he stood then."""

from datetime import datetime

from fenxiao.infra.db.sql import Reader
from fenxiao.network.api import Member, MemberAt

# As in `sellers`: the stretch of history that ends next counts, and before the first one the first.
_ROSTER = """
select d.distributor_id, d.joined_at, d.earns, s.status, s.grade, g.rank, above.distributor_id as sponsor_id
  from (select * from distributor where distributor_id > $2 and joined_at < $1 order by distributor_id limit $3) d
  cross join lateral (
    select h.status, h.grade from standing h where h.distributor_id = d.distributor_id and h.valid_to > $1
     order by h.valid_to, h.from_version limit 1) s
  cross join lateral (
    select h.sponsor_id from sponsor_link h where h.distributor_id = d.distributor_id and h.valid_to > $1
     order by h.valid_to, h.from_version limit 1) l
  left join grade g on g.grade = s.grade
  left join distributor above on above.distributor_id = l.sponsor_id and above.joined_at < $1
 order by d.distributor_id
"""


async def roster(reader: Reader, *, at: datetime, cursor: int, limit: int) -> list[MemberAt]:
    """The next of them by id."""
    rows = await reader.fetch(_ROSTER, at, cursor, limit)
    return [
        MemberAt(
            member=Member(
                distributor_id=row["distributor_id"],
                status=row["status"],
                grade=row["grade"],
                rank=row["rank"],
                earns=row["earns"],
            ),
            sponsor_id=row["sponsor_id"],
            joined_at=row["joined_at"],
        )
        for row in rows
    ]
