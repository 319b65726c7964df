"""A program of its own: the first sheet of the workbook on standard input, as JSON on standard output.

The reader of workbooks is fast and trusts what it reads: a number in a broken file makes it ask for more memory than
there is, and that ends the process. So it is run by itself, with bounds, and what ends is not the server.
"""

import io
import json
import resource
import sys

import python_calamine

MEMORY = 2 * 1024**3
SECONDS = 60


def _rows(content: bytes) -> list[list[object]]:
    sheet = python_calamine.load_workbook(io.BytesIO(content)).get_sheet_by_index(0)
    above, before = sheet.start or (0, 0)
    # What is read begins where something stands; the rows keep the numbers that people see.
    rows: list[list[object]] = [[] for _ in range(above)]
    rows.extend([""] * before + list(row) for row in sheet.iter_rows())
    return rows


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Days as ISO texts; numbers as they stand there.
    json.dump(_rows(sys.stdin.buffer.read()), sys.stdout, default=str)
