"""PostgreSQL: pools, the unit of work, outbox and inbox, idempotency, runs, locks, migrations."""
