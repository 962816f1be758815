"""Labels of a gallery as columns of a table, and filters on them as SQL.

A filter in SQL must let through what the same filter of a table in memory does
(:func:`seisgeo.retrieval.select_rows`). What SQL compares differently is not translated; the rows
that pass are named instead.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, LiteralString

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from psycopg import sql

__all__ = ["EMBEDDING", "NUMBER", "as_sql", "checksum_sql", "column_types", "column_values"]

#: Columns that every table has: the sample's number in the gallery, and its embedding.
NUMBER, EMBEDDING = "gallery_index", "embedding"

#: PostgreSQL's own columns, in every table.
_SYSTEM = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}

#: Longer names are cut off, and columns are no more (NAMEDATALEN, MaxHeapAttributeNumber).
_NAME_BYTES, _COLUMNS = 63, 1600

#: Whole numbers up to this are the same as floating-point ones.
_EXACT_WHOLE = 2**53

#: The bytes of each type, the same on every server.
_SEND: dict[str, LiteralString] = {
    "boolean": "boolsend",
    "bigint": "int8send",
    "double precision": "float8send",
    "text": "textsend",
    "timestamp": "timestamp_send",
}


def column_types(labels: pd.DataFrame) -> dict[str, str]:
    """Types of PostgreSQL for those labels that a column can hold without loss.

    Parameters
    ----------
    labels : pandas.DataFrame
        From :func:`seisgeo.retrieval.label_table`.

    Returns
    -------
    dict
        Type by the label's name.

    Examples
    --------
    >>> import pandas as pd
    >>> column_types(pd.DataFrame({"family": ["salt"], "water_depth": [80.0], "well": [3]}))
    {'family': 'text', 'water_depth': 'double precision', 'well': 'bigint'}
    """
    types: dict[str, str] = {}
    for name in labels:
        kind = _type_of(labels[name]) if _is_column_name(str(name)) else None
        if kind is not None and len(types) < _COLUMNS - 2:
            types[str(name)] = kind
    return types


def column_values(labels: pd.DataFrame, types: Mapping[str, str]) -> list[list[Any]]:
    """What goes into each column, in Python's types; NaN and the like are None, SQL's unknown."""
    import pandas as pd

    columns = []
    for name in types:
        column = labels[name]
        read = pd.Timestamp.to_pydatetime if types[name] == "timestamp" else _itself
        # Not by pandas, which makes NaT of the None among timestamps again.
        columns.append(
            [read(v) if known else None for v, known in zip(column, column.notna(), strict=True)]
        )
    return columns


def _itself(value: Any) -> Any:
    return value


def as_sql(
    types: Mapping[str, str], conditions: Mapping[str, Any]
) -> tuple[sql.Composable, dict[str, Any]] | None:
    """Conditions that must all hold, as SQL.

    Parameters
    ----------
    types : mapping
        From :func:`column_types`.
    conditions : mapping
        As for :func:`seisgeo.retrieval.select_rows`.

    Returns
    -------
    (psycopg.sql.Composable, dict) or None
        An expression and its parameters; None where SQL would not say the same.
    """
    from psycopg import sql

    parts: list[sql.Composable] = []
    values: dict[str, Any] = {}

    def compare(name: str, operator: LiteralString, value: Any) -> None:
        key = f"value_{len(values)}"
        values[key] = value
        parts.append(
            sql.SQL(operator).format(column=sql.Identifier(name), value=sql.Placeholder(key))
        )

    for name, condition in conditions.items():
        kind = types.get(name)
        if isinstance(condition, slice):
            for end, operator in (
                (condition.start, "{column} >= {value}"),
                (condition.stop, "{column} <= {value}"),
            ):
                if end is None:
                    continue
                value = _value(end, kind)
                # Words are ordered by a database's own rules.
                if value is None or kind in {"text", "boolean"}:
                    return None
                compare(name, operator, value)
            continue
        several = isinstance(condition, list | tuple | set | np.ndarray)
        found = [_value(c, kind) for c in (condition if several else [condition])]
        if None in found:
            return None
        if any(isinstance(v, float) for v in found):
            found = [float(v) for v in found]
        compare(name, "{column} = ANY({value})", found)
    return (sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")), values


def checksum_sql(types: Mapping[str, str]) -> sql.Composable:
    """An expression that adds up the rows' checksums, whatever their order.

    Of each row: SHA-256 of its number, its embedding and its labels, each after its length; the
    first 64 bits are added.
    """
    from psycopg import sql

    field = sql.SQL(r"coalesce(int4send(octet_length({0})) || {0}, '\xffffffff')")
    sends = [
        sql.SQL("int8send({})").format(sql.Identifier(NUMBER)),
        sql.SQL("vector_send({})").format(sql.Identifier(EMBEDDING)),
        *(
            sql.SQL("{}({})").format(sql.SQL(_SEND[kind]), sql.Identifier(name))
            for name, kind in types.items()
        ),
    ]
    row = sql.SQL(" || ").join(field.format(send) for send in sends)
    return sql.SQL(
        "coalesce(sum(('x' || left(encode(sha256({}), 'hex'), 16))::bit(64)::bigint), 0)::text"
    ).format(row)


def _is_column_name(name: str) -> bool:
    # A percent sign starts a parameter, also within a quoted name.
    return (
        0 < len(name.encode()) <= _NAME_BYTES
        and not set("%\0") & set(name)
        and name not in {NUMBER, EMBEDDING, *_SYSTEM}
    )


def _type_of(column: pd.Series) -> str | None:
    import pandas as pd

    kind = getattr(column.dtype, "kind", "O")
    if kind == "b":
        return "boolean"
    if kind == "i" or (kind == "u" and column.max() < 2**63):
        return "bigint"
    if kind == "f":
        return "double precision"
    if kind == "M" and getattr(column.dtype, "tz", None) is None:
        return "timestamp" if (column.dropna().dt.nanosecond == 0).all() else None
    if pd.api.types.infer_dtype(column, skipna=True) == "string":
        return None if any("\0" in word for word in column.dropna()) else "text"
    return None


def _value(value: Any, kind: str | None) -> Any:
    """A value as a parameter for a column of a type; None where SQL compares it differently."""
    import pandas as pd

    if kind == "timestamp" and isinstance(value, datetime.datetime | np.datetime64):
        time = pd.Timestamp(value)
        known = not pd.isna(time) and time.tz is None and time.nanosecond == 0
        return time.to_pydatetime() if known else None
    if isinstance(value, np.generic):
        value = value.item()
    if kind == "text":
        return value if isinstance(value, str) and "\0" not in value else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if kind in {"bigint", "double precision"} and not isinstance(value, bool):
        if isinstance(value, float):
            return None if math.isnan(value) else value
        if isinstance(value, int) and abs(value) <= _EXACT_WHOLE:
            return float(value) if kind == "double precision" else value
    return None
