"""Many rows with one statement, without SQLAlchemy's work on each of them.

Compiling and typing every parameter costs several times what the driver needs to send it. Our rows
are plain integers, strings and booleans, which every driver takes as they are; so a statement is
compiled once for a dialect, and its rows go straight to the driver's `executemany`, in the order of
the statement's markers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from sqlalchemy import Insert, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

STATEMENTS_KEPT = 64

Row = Mapping[str, object]


async def execute_many(
    connection: AsyncConnection, statement: Insert | Update, rows: Sequence[Row]
) -> None:
    """Execute the statement for each row; every row has a value for each of its markers."""
    sql, values_of = _compiled(statement, connection.dialect)
    await connection.exec_driver_sql(sql, [values_of(row) for row in rows])


@lru_cache(STATEMENTS_KEPT)
def _compiled(
    statement: Insert | Update, dialect: Dialect
) -> tuple[str, Callable[[Row], tuple[object, ...]]]:
    compiled = statement.compile(dialect=dialect)
    assert compiled.positiontup is not None, "all our drivers count their markers"
    return str(compiled), itemgetter(*compiled.positiontup)
