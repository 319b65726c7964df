"""The commission engine (佣金引擎): exact evaluation of plans on the facts of an order, as a library.

Owns what a plan means: parsing, evaluation, explanation, worst case, legal check. Never performs I/O,
never reads a clock or a setting, and knows no context; equal facts give equal awards, always.
`ENGINE_VERSION` changes whenever any published plan would be evaluated differently.
"""

ENGINE_VERSION = "1"
"""Named by every result; raised when the same plan and facts would give another amount."""
