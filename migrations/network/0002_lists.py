"""network: indexes for every filter of the list of distributors, and the search by name.

The tables may hold millions of rows and be in use: their indexes are built beside those who write, so outside a
transaction. Each is dropped first, because a build that was killed leaves one that is never used.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # For as long as this connection lasts: an index on millions of rows takes minutes; who was begun before is waited for.
    op.execute("""set lock_timeout = '1min';""")
    op.execute("""set statement_timeout = '1h';""")
    # No extension: a name is found by the pairs of neighbouring characters in it. Bodies that PostgreSQL parses here and
    # now do not depend on a search path later, not even in a restore.
    op.execute(
        """
        create or replace function network.folded(text text) returns text
          language sql immutable strict parallel safe
          return lower(normalize($1, NFKC));
        """
    )
    op.execute(
        """
        create or replace function network.grams(text text) returns text[]
          language sql immutable strict parallel safe cost 1000
          return array(
            select distinct substr($1, place, width)
            from generate_series(1, length($1)) as place, generate_series(1, 2) as width
            where place + width <= length($1) + 1);
        """
    )
    with op.get_context().autocommit_block():
        op.execute("""drop index concurrently if exists network.ix_distributor_sponsor_id_distributor_id;""")
        op.execute(
            """
            create index concurrently if not exists ix_distributor_sponsor_id_distributor_id on network.distributor (sponsor_id, distributor_id);
            """
        )
        op.execute("""drop index concurrently if exists network.ix_distributor_grade_distributor_id;""")
        op.execute(
            """
            create index concurrently if not exists ix_distributor_grade_distributor_id on network.distributor (grade, distributor_id);
            """
        )
        op.execute("""drop index concurrently if exists network.ix_distributor_status_distributor_id;""")
        op.execute(
            """
            create index concurrently if not exists ix_distributor_status_distributor_id on network.distributor (status, distributor_id);
            """
        )
        op.execute("""drop index concurrently if exists network.ix_distributor_grams;""")
        op.execute(
            """
            create index concurrently if not exists ix_distributor_grams on network.distributor using gin (network.grams(network.folded(display_name)));
            """
        )
        op.execute("""drop index concurrently if exists network.ix_distributor_sponsor_id;""")
        op.execute("""drop index concurrently if exists network.ix_distributor_grade;""")
