"""commission: what makes a settlement quick."""

from alembic import op

revision = "0011"
down_revision = "0010"

# A release is one posting for all that goes one way in a balance, and names an entry only where it is the only one.
_CHECKS = {
    "commission_id": "case when event = 'release' then commission_id is null or reward_id is null"
    " else (event = 'accrual' or (event = 'clawback' and reward_id is null)) = (commission_id is not null) end",
    "reward_id": "case event when 'clawback' then num_nonnulls(commission_id, reward_id) = 1"
    " when 'release' then num_nonnulls(commission_id, reward_id) <= 1"
    " else (event = 'reward') = (reward_id is not null) end",
}


def upgrade() -> None:
    # For as long as this connection lasts; who was begun before is waited for.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    with op.get_context().autocommit_block():
        for name, condition in _CHECKS.items():
            # In one statement, so that there is no moment without; first for new rows alone.
            op.execute(
                f"alter table commission.posting drop constraint if exists ck_posting_{name},"
                f" add constraint ck_posting_{name} check ({condition}) not valid;"
            )
            op.execute(f"alter table commission.posting validate constraint ck_posting_{name};")
        _maturing()


def _maturing() -> None:
    """Who is due is found by his balance, and what has matured by an index that a release leaves as it is.

    Room on the pages lets the new version of a released row lie beside the old one; pages that are full already are
    left as they are, their rows go elsewhere as before.
    """
    op.execute("alter table commission.commission set (fillfactor = 85);")
    op.execute("alter table commission.balance add column if not exists matures_at timestamptz;")
    # Before the index that it is read by is dropped.
    op.execute(
        """
        update commission.balance b set matures_at = p.at
        from (
          select distributor_id, currency, min(release_at) as at
          from commission.commission where status = 'pending' group by 1, 2
        ) p
        where b.distributor_id = p.distributor_id and b.currency = p.currency and b.matures_at is distinct from p.at;
        """
    )
    # A build that was killed leaves one that is never used.
    op.execute("drop index concurrently if exists commission.ix_commission_release_at;")
    op.execute(
        """
        create index concurrently if not exists ix_commission_release_at
          on commission.commission (distributor_id, currency, release_at);
        """
    )
    op.execute("drop index concurrently if exists commission.ix_commission_maturing;")
