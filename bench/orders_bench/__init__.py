"""How many orders a second, beside what this machine's PostgreSQL could write at most: `bench/orders`."""
