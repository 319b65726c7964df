"""Benchmarks that anyone can run from a clone, each by one command: `bench/orders`.

`rig` holds what they share: PostgreSQL, the server, the load generators, rounds in turns, figures, the table.
"""
