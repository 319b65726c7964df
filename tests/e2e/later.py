"""`./run` with a clock that is off by `STORM_CLOCK_OFFSET` seconds: `python -m tests.e2e.later COMMAND …`.

Everything else is the program as it is. What takes weeks, such as hold times, months and the leases of the killed,
comes to pass in a test by starting the next process later.
"""

import os
from datetime import UTC, datetime, timedelta
from functools import partial

from fenxiao.entrypoints import cli, ground

OFFSET = "STORM_CLOCK_OFFSET"


def main() -> None:
    """The command line, on another day."""
    off = timedelta(seconds=float(os.environ[OFFSET]))
    ground.Place = partial(ground.Place, clock=lambda: datetime.now(UTC) + off)  # type: ignore[misc,assignment]
    cli.main()


if __name__ == "__main__":
    main()
