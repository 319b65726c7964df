"""commission: rewards of teams: which team somebody led, where its members' sales count."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    # A column without a default is a word in the catalogue, however many rows there are.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    op.execute("""alter table commission.reward_standing add column if not exists team_id bigint;""")
