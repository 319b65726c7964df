"""Pure words shared by every part of the system: money, ids, time, errors, events, paging, tree paths.

Owns the vocabulary that has no home in a single context. Never performs I/O, never reads a clock,
an environment variable or a setting; everything here is a value or a function of values.
"""
