"""Random moments at which something is killed.

The seed is printed; `FENXIAO_KILL_SEED=n` repeats a run's moments, `FENXIAO_KILLS=n` draws another number of them.
"""

import os
import random

KILLS = int(os.environ.get("FENXIAO_KILLS", "10"))
"""Moments for each of the two tests: twenty in all."""


def drawn() -> random.Random:
    """Where the moments come from; the seed is printed so that a failure can be repeated."""
    seed = int(os.environ.get("FENXIAO_KILL_SEED", str(random.randrange(10**6))))
    print(f"FENXIAO_KILL_SEED={seed}")
    return random.Random(seed)


def victims(moments: random.Random) -> tuple[bool, bool]:
    """Whether to kill the process, and whether to kill PostgreSQL."""
    return moments.choice([(True, False), (False, True), (True, True)])
