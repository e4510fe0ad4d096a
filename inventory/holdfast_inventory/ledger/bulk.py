"""Many rows with one statement, without SQLAlchemy's work on each of them.

Compiling and typing every parameter costs several times what the driver needs to send it. Our rows
are plain integers, strings and booleans, which every driver takes as they are; so a statement is
compiled once for a dialect, and its rows go straight to the driver's `executemany`, in the order of
the statement's markers. PostgreSQL takes inserts as one array a column, which spares it a message
and an execution a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from sqlalchemy import Insert, Table, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

STATEMENTS_KEPT = 64

Row = Mapping[str, object]
Values = Callable[[Row], tuple[object, ...]]


async def insert_many(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, each with a value for every column."""
    if connection.dialect.name == "postgresql":
        sql, values_of = _insert_of_arrays(table, connection.dialect)
        columns = zip(*(values_of(row) for row in rows), strict=True)
        await connection.exec_driver_sql(sql, tuple(map(list, columns)))
    else:
        await execute_many(connection, _insert_into(table), rows)


async def execute_many(
    connection: AsyncConnection, statement: Insert | Update, rows: Sequence[Row]
) -> None:
    """Execute the statement for each row; every row has a value for each of its markers."""
    sql, values_of = _compiled(statement, connection.dialect)
    await connection.exec_driver_sql(sql, [values_of(row) for row in rows])


@lru_cache(STATEMENTS_KEPT)
def _compiled(statement: Insert | Update, dialect: Dialect) -> tuple[str, Values]:
    compiled = statement.compile(dialect=dialect)
    assert compiled.positiontup is not None, "all our drivers count their markers"
    return str(compiled), itemgetter(*compiled.positiontup)


@lru_cache(STATEMENTS_KEPT)
def _insert_into(table: Table) -> Insert:
    return table.insert()


@lru_cache(STATEMENTS_KEPT)
def _insert_of_arrays(table: Table, dialect: Dialect) -> tuple[str, Values]:
    names = [column.name for column in table.columns]
    arrays = [
        f"${place}::{column.type.compile(dialect=dialect)}[]"
        for place, column in enumerate(table.columns, start=1)
    ]
    # Nothing in it is anybody's input: table, columns and types are the schema's.
    into, values = f"{table.name} ({', '.join(names)})", ", ".join(arrays)
    sql = f"INSERT INTO {into} SELECT * FROM unnest({values})"  # noqa: S608
    return sql, itemgetter(*names)
