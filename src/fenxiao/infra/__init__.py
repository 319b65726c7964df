"""The wires: database, bus, HTTP, jobs, crypto, settings. Knows no context.

Everything here serves at least two users; what only one context needs belongs into that context.
"""
