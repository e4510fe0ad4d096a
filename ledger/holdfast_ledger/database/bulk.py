"""Writes many rows with one statement, without SQLAlchemy's work for each of them.

Typing every parameter costs SQLAlchemy several times what the driver needs to send it. The rows are
plain integers, strings and booleans, which every driver takes as they are. So a statement is
compiled once for a dialect, and its rows go straight to the driver's `executemany`, in the order of
the statement's markers.

PostgreSQL takes all rows as one JSON text instead, which saves a message and an execution for each
row, and the driver's conversion of every value. Measured in one run, database included, an order
took 79 us of processor so, and 105 us with one array a column, which was rejected for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Insert, Table, Update, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

STATEMENTS_KEPT = 64

Row = Mapping[str, object]
Given = Row | msgspec.Struct
Values = Callable[[Any], tuple[object, ...]]


async def insert_many(connection: AsyncConnection, table: Table, rows: Sequence[Given]) -> None:
    """Inserts rows, each with a value for every column; for PostgreSQL see `records`."""
    if connection.dialect.name == "postgresql":
        sql = insert_of_records(table, connection.dialect)
        await connection.exec_driver_sql(sql, (records(rows),))
    else:
        await _execute_many(connection, _insert_into(table), rows)


async def update_many(connection: AsyncConnection, table: Table, rows: Sequence[Given]) -> None:
    """Replaces the rows with these primary keys; each row has a value for every column."""
    if connection.dialect.name == "postgresql":
        sql = update_of_records(table, connection.dialect)
        await connection.exec_driver_sql(sql, (records(rows),))
    else:
        await _execute_many(connection, _update_of(table), rows)


async def _execute_many(
    connection: AsyncConnection, statement: Insert | Update, rows: Sequence[Given]
) -> None:
    sql, values_of = _compiled(statement, connection.dialect)
    await connection.exec_driver_sql(sql, [values_of(row) for row in rows])


@lru_cache(STATEMENTS_KEPT)
def _compiled(statement: Insert | Update, dialect: Dialect) -> tuple[str, Values]:
    compiled = statement.compile(dialect=dialect)
    assert compiled.positiontup is not None, "all our drivers count their markers"
    names = [name.removeprefix(_KEY_MARK) for name in compiled.positiontup]
    return str(compiled), itemgetter(*names)


_KEY_MARK = "key_"
"""SQLAlchemy keeps a column's own name for the value that it is set to"""


@lru_cache(STATEMENTS_KEPT)
def _insert_into(table: Table) -> Insert:
    return table.insert()


@lru_cache(STATEMENTS_KEPT)
def _update_of(table: Table) -> Update:
    keys = set(table.primary_key.columns)
    statement = table.update().values({c.name: bindparam(c.name) for c in table.c if c not in keys})
    for key in table.primary_key.columns:
        statement = statement.where(key == bindparam(_KEY_MARK + key.name))
    return statement


def records(rows: Sequence[Given]) -> str:
    """The rows as the two statements below take them, as JSON.

    A column that a row leaves out is NULL, and a list or an object is stored as its JSON.
    """
    return _encode(rows).decode()


_encode = msgspec.json.Encoder().encode


# Nothing in these two comes from a request: table, columns and types are the schema's.


@lru_cache(STATEMENTS_KEPT)
def insert_of_records(table: Table, dialect: Dialect) -> str:
    """PostgreSQL's INSERT of many rows from one JSON text."""
    into = f"{table.name} ({', '.join(table.c.keys())})"
    return f"INSERT INTO {into} SELECT * FROM {_given(table, dialect)}"  # noqa: S608


@lru_cache(STATEMENTS_KEPT)
def update_of_records(table: Table, dialect: Dialect) -> str:
    """The text of an UPDATE of every column by primary key, with rows as JSON."""
    names, keys = table.c.keys(), table.primary_key.columns.keys()
    changes = ", ".join(f"{name} = given.{name}" for name in names if name not in keys)
    match = " AND ".join(f"{table.name}.{key} = given.{key}" for key in keys)
    given = _given(table, dialect)
    return f"UPDATE {table.name} SET {changes} FROM {given} WHERE {match}"  # noqa: S608


def _given(table: Table, dialect: Dialect) -> str:
    """The marker as a row source with the table's columns and types."""
    columns = (f"{column.name} {column.type.compile(dialect=dialect)}" for column in table.columns)
    return f"json_to_recordset($1::json) AS given ({', '.join(columns)})"
