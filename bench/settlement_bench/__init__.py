"""How quickly a settlement releases what has matured, and what the API feels of it. Stands on `bench/orders`."""
