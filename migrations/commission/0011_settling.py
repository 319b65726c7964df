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
    op.execute("set lock_timeout = '1min';")
    op.execute("set statement_timeout = '1h';")
    with op.get_context().autocommit_block():
        for name, condition in _CHECKS.items():
            # In one statement, so that there is no moment without; first for new rows alone.
            op.execute(
                f"alter table commission.posting drop constraint if exists ck_posting_{name},"
                f" add constraint ck_posting_{name} check ({condition}) not valid;"
            )
            op.execute(f"alter table commission.posting validate constraint ck_posting_{name};")
