"""The schema that all tables of this context stand in."""

from fenxiao.infra.db import tables

METADATA = tables.schema("commission")
