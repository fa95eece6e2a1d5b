"""Many whole numbers in one parameter, so that asking for 500 keys costs as much to prepare as asking for one.

SQLite reads the list as JSON, PostgreSQL as an array.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_Insert = TypeVar("_Insert", sqlite.Insert, postgresql.Insert)


class _Numbers(sa.types.TypeDecorator[Sequence[int]]):
    """A list of whole numbers up to 63 bits as one parameter."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        there = postgresql.ARRAY(sa.BigInteger()) if dialect.name == "postgresql" else sa.Text()
        return dialect.type_descriptor(there)

    def process_bind_param(self, value: Sequence[int] | None, dialect: sa.Dialect) -> Any:
        listed = list(value or ())
        return listed if dialect.name == "postgresql" else json.dumps(listed)


class _Listed(FunctionElement[Any]):
    """The rows of such a parameter."""

    name = "listed"
    inherit_cache = True


@compiles(_Listed, "sqlite")
def _listed_sqlite(element: _Listed, compiler: SQLCompiler, **options: Any) -> str:
    parameter = compiler.process(element.clauses, **options)
    return f"(SELECT value FROM json_each({parameter}))"  # noqa: S608 - the name of a bound parameter


@compiles(_Listed, "postgresql")
def _listed_postgres(element: _Listed, compiler: SQLCompiler, **options: Any) -> str:
    return "(SELECT unnest(" + compiler.process(element.clauses, **options) + "))"


def among(column: sa.Column[Any], parameter: str = "keys") -> sa.ColumnElement[bool]:
    """Whether a column's value is in the list that the query is given as this parameter, a sequence of integers."""
    listed: sa.ColumnElement[Any] = _Listed(sa.bindparam(parameter, type_=_Numbers()))
    return column.bool_op("IN")(listed)


def put_pairs(
    connection: sa.Connection, table: sa.Table, pairs: Iterable[tuple[int, int]], grows: str | None = None
) -> None:
    """Insert rows of two whole numbers into a table of two columns, in one statement.

    Args:
        connection: a writing one.
        table: of two columns of integers.
        pairs: their values, in the order of the columns.
        grows: a column that grows by the new value in a row whose key is there; None: such rows are left alone.
    """
    # In one order everywhere, or two PostgreSQL workers that insert the same rows can wait for each other for ever.
    rows = sorted(pairs)
    if not rows:
        return
    dialect = connection.dialect
    if dialect.name == "sqlite":
        # Plain tuples: with parameters by name SQLAlchemy takes longer to pass the rows on than SQLite to store them.
        connection.exec_driver_sql(_insert_text(dialect, table, grows), rows)
    else:
        ones, others = zip(*rows, strict=True)
        connection.execute(_insert_listed(table, grows), {"ones": ones, "others": others})


@lru_cache
def _insert_text(dialect: sa.Dialect, table: sa.Table, grows: str | None) -> str:
    return str(_where_there(sqlite.insert(table), table, grows).compile(dialect=dialect))


@lru_cache
def _insert_listed(table: sa.Table, grows: str | None) -> postgresql.Insert:
    lists = [sa.bindparam(name, type_=_Numbers()) for name in ("ones", "others")]
    both = sa.func.unnest(*lists).table_valued("one", "other").render_derived()
    columns = [column.name for column in table.columns]
    rows = postgresql.insert(table).from_select(columns, sa.select(both.c.one, both.c.other))
    return _where_there(rows, table, grows)


def _where_there(insert: _Insert, table: sa.Table, grows: str | None) -> _Insert:
    if grows is None:
        return insert.on_conflict_do_nothing()
    grown = table.c[grows] + insert.excluded[grows]
    return insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_={grows: grown})
