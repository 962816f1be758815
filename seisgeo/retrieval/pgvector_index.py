"""Shared search: a table of a PostgreSQL database, by its extension pgvector."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from seisgeo._version import __version__
from seisgeo.errors import ModelFileError, ParameterError
from seisgeo.retrieval.exact import nearest
from seisgeo.retrieval.pgvector_columns import (
    EMBEDDING,
    NUMBER,
    as_sql,
    checksum_sql,
    column_types,
    column_values,
)
from seisgeo.retrieval.pgvector_server import Server, require_extension, teach_vectors
from seisgeo.retrieval.selection import Selection

if TYPE_CHECKING:
    import pandas as pd
    import psycopg
    from psycopg import sql

__all__ = ["PgvectorIndex"]

#: Tables and selections up to this size are compared row by row. A walk through the graph gives up
#: after as many rows that a filter rejects (hnsw.max_scan_tuples), and costs more.
EXACT_ROWS = 20_000

#: Share of the ten nearest that a walk must find; candidates (hnsw.ef_search) are doubled until it
#: does, measured beside samples of the gallery, up to the most that pgvector allows.
RECALL, LEAST_CANDIDATES, MOST_CANDIDATES = 0.995, 40, 1000

#: Queries asked in one statement.
_BATCH = 1000

_APPROXIMATE = """
SELECT query.number, hit.{number}, hit.score
FROM unnest(%(queries)s::text[]::vector[]) WITH ORDINALITY AS query(vector, number)
CROSS JOIN LATERAL (
    SELECT {number}, -({embedding} <#> query.vector) AS score FROM {table} WHERE {condition}
    ORDER BY {embedding} <#> query.vector LIMIT {k}
) AS hit
ORDER BY query.number, hit.score DESC, hit.{number}
"""

# What is materialized has no graph: every row of it is compared.
_EXACT = """
WITH allowed AS MATERIALIZED (SELECT {number}, {embedding} FROM {table} WHERE {condition})
SELECT query.number, hit.{number}, hit.score
FROM unnest(%(queries)s::text[]::vector[]) WITH ORDINALITY AS query(vector, number)
CROSS JOIN LATERAL (
    SELECT {number}, -({embedding} <#> query.vector) AS score FROM allowed
    ORDER BY {embedding} <#> query.vector, {number} LIMIT {k}
) AS hit
ORDER BY query.number, hit.score DESC, hit.{number}
"""


class PgvectorIndex:
    """A table of a PostgreSQL database that a laboratory shares; :meth:`build` makes it.

    One row for each sample: its number ``gallery_index``, its ``embedding``, and a column for each
    label. Conditions on labels are applied by the database; of any other filter the rows that pass
    are sent. Up to 20 000 samples, all or those that a filter leaves, are compared one by one; more
    are searched by a graph (HNSW) that finds .995 of the nearest.

    Parameters
    ----------
    server : Server
        Where the database is.
    table : (str, str)
        Schema and name.
    columns : dict
        Types of the labels' columns by name.
    samples : int
        Rows of the table.
    checksum : str
        Of its rows, see :func:`seisgeo.retrieval.pgvector_columns.checksum_sql`.
    candidates : int or None
        Candidates that a walk through the graph keeps; None where there is no graph.

    Notes
    -----
    Each call connects anew, so that an index can be sent to other processes and no connection grows
    old. The graph of a million samples is made much faster where it fits into memory: put
    ``options='-c maintenance_work_mem=2GB'`` into the connection string. The table stays when the
    gallery is deleted: ``DROP TABLE`` removes it.

    References
    ----------
    Malkov and Yashunin (2018), Efficient and robust approximate nearest neighbor search using
    hierarchical navigable small world graphs, arXiv:1603.09320; pgvector 0.8,
    https://github.com/pgvector/pgvector.
    """

    def __init__(
        self,
        server: Server,
        table: tuple[str, str],
        columns: dict[str, str],
        samples: int,
        checksum: str = "",
        candidates: int | None = None,
    ) -> None:
        self.server, self.table, self.columns = server, table, columns
        self.samples, self.checksum, self.candidates = samples, checksum, candidates

    @classmethod
    def build(
        cls,
        embedding: np.ndarray,
        labels: pd.DataFrame,
        *,
        location: str = "",
        table: str | None = None,
    ) -> PgvectorIndex:
        """Fill a new table, in one transaction: after an error or a stop there is none.

        Parameters
        ----------
        embedding : numpy.ndarray
            Unit embeddings, shape (sample, feature).
        labels : pandas.DataFrame
            One row for each sample; kept as columns, for filters.
        location : str, optional
            Connection string of PostgreSQL: ``"postgresql://user@host:5432/database"``,
            ``"host=... dbname=... user=..."`` or ``"service=lab"``; by default what ``PGHOST``,
            ``PGDATABASE``, ``PGUSER`` and so on say. Leave the password to ``PGPASSWORD`` or
            ``~/.pgpass``: one that stands here serves this index and is never saved.
        table : str, optional
            Name of the table, or schema.name; by default a new name.

        Raises
        ------
        ParameterError
            If psycopg or pgvector are not installed, there is no connection, the database has no
            pgvector or the user no right to make a table, or the table is there already.
        """
        server = Server.at(location)
        embedding = np.ascontiguousarray(embedding, dtype=np.float32)
        name = _table_name(table)
        types = column_types(labels)
        with server.connection(f"make the table {'.'.join(filter(None, name))}") as connection:
            require_extension(connection, server, create=True)
            teach_vectors(connection)
            place = (name[0] or _schema(connection), name[1])
            index = cls(server, place, types, len(embedding))
            index._fill(connection, embedding, column_values(labels, types))
            if len(embedding) > EXACT_ROWS:
                index._make_graph(connection, embedding)
            index.checksum = index._checksum(connection)[1]
            index._sign(connection)
        return index

    @property
    def name(self) -> str:
        """The table's name with its schema."""
        return ".".join(self.table)

    @property
    def _table(self) -> sql.Identifier:
        from psycopg import sql

        return sql.Identifier(*self.table)

    def _fill(
        self, connection: psycopg.Connection[Any], embedding: np.ndarray, columns: list[list[Any]]
    ) -> None:
        from psycopg import errors, sql

        kinds = {NUMBER: "bigint", EMBEDDING: "vector", **self.columns}
        columns_sql = [
            sql.SQL("{} bigint PRIMARY KEY").format(sql.Identifier(NUMBER)),
            sql.SQL("{} vector({}) NOT NULL").format(
                sql.Identifier(EMBEDDING), sql.Literal(embedding.shape[1])
            ),
            *(_column(name, kind) for name, kind in self.columns.items()),
        ]
        try:
            connection.execute(
                sql.SQL("CREATE TABLE {} ({})").format(self._table, sql.SQL(", ").join(columns_sql))
            )
        except errors.DuplicateTable as error:
            raise ParameterError(
                f"{self.server}: there is a table {self.name} already; choose another name, "
                "table=..., or remove that one by DROP TABLE"
            ) from error
        copy_sql = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            self._table, sql.SQL(", ").join(map(sql.Identifier, kinds))
        )
        with connection.cursor() as cursor, cursor.copy(copy_sql) as copy:
            copy.set_types(list(kinds.values()))
            for row in tqdm(
                zip(range(len(embedding)), embedding, *columns, strict=True),
                total=len(embedding),
                desc=f"filling {self.name}",
                unit=" rows",
                delay=2,
            ):
                copy.write_row(row)
        connection.execute(sql.SQL("ANALYZE {}").format(self._table))

    def _make_graph(self, connection: psycopg.Connection[Any], embedding: np.ndarray) -> None:
        """Make the graph, and choose how many candidates its walks keep."""
        from psycopg import sql

        connection.execute(
            sql.SQL("CREATE INDEX ON {} USING hnsw ({} vector_ip_ops)").format(
                self._table, sql.Identifier(EMBEDDING)
            )
        )
        n, k = len(embedding), min(10, len(embedding))
        chosen = np.random.default_rng(0).choice(n, min(n, 200), replace=False)
        query = embedding[np.sort(chosen)]
        # A sample's neighbours are linked to it and found too easily: ask beside samples, as far
        # off as others' neighbours are from those.
        _, true = nearest(query, embedding, k)
        query = query + np.roll(embedding[true[:, -1]] - query, 1, axis=0)
        query /= np.maximum(np.linalg.norm(query, axis=1, keepdims=True), 1e-12)
        _, true = nearest(query, embedding, k)
        self.candidates = LEAST_CANDIDATES
        while self.candidates < MOST_CANDIDATES:
            _, found, _ = self._ask(connection, query, k, None, exact=False)
            shared = [len(np.intersect1d(a, b)) for a, b in zip(found, true, strict=True)]
            if np.mean(shared) >= RECALL * k:
                break
            self.candidates = min(2 * self.candidates, MOST_CANDIDATES)

    def _checksum(self, connection: psycopg.Connection[Any]) -> tuple[int, str]:
        """Rows that the table has now, and their checksum."""
        from psycopg import sql

        found = connection.execute(
            sql.SQL("SELECT count(*), {} FROM {}").format(checksum_sql(self.columns), self._table)
        ).fetchone()
        assert found is not None
        return found

    def _sign(self, connection: psycopg.Connection[Any]) -> None:
        """Say with the table what it is, for :meth:`load` and whoever finds it."""
        from psycopg import sql

        about = {"seisgeo": __version__, "samples": self.samples, "checksum": self.checksum}
        connection.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(self._table, sql.Literal(json.dumps(about)))
        )

    def __len__(self) -> int:
        return self.samples

    def search(
        self, query: np.ndarray, k: int, only: Selection | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nearest samples of each query, best first; `only` among a selection.

        Parameters
        ----------
        query : numpy.ndarray
            Unit embeddings, shape (query, feature).
        k : int
            Neighbours of each; not more than there are.
        only : Selection, optional
            Rows that may be found.

        Returns
        -------
        score, index : numpy.ndarray
            Shape (query, k); equal scores in the gallery's order.

        Raises
        ------
        ParameterError
            If there is no connection, or the table was changed since the gallery was made.
        """
        query = np.ascontiguousarray(query, dtype=np.float32)
        exact = self.candidates is None or (only is not None and len(only.rows) <= EXACT_ROWS)
        score = np.empty((len(query), k), dtype=np.float32)
        index = np.empty((len(query), k), dtype=np.int64)
        with self.server.connection(f"search the table {self.name}") as connection:
            for start in range(0, len(query), _BATCH):
                part = slice(start, start + _BATCH)
                score[part], index[part] = self._all(connection, query[part], k, only, exact)
        return score, index

    def _all(
        self,
        connection: psycopg.Connection[Any],
        query: np.ndarray,
        k: int,
        only: Selection | None,
        exact: bool,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores and rows (query, k); those that no walk finds are looked for row by row."""
        score, index, found = self._ask(connection, query, k, only, exact)
        short = np.flatnonzero(found < k)
        if len(short) and not exact:
            score[short], index[short], found[short] = self._ask(
                connection, query[short], k, only, exact=True
            )
        if (found < k).any():
            raise ParameterError(
                f"{self.server}: the table {self.name} gave {found.min()} rows where the gallery's "
                f"labels promise {k}: it was changed since the gallery was made; make it again"
            )
        return score, index

    def _ask(
        self,
        connection: psycopg.Connection[Any],
        query: np.ndarray,
        k: int,
        only: Selection | None,
        exact: bool,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scores and rows (query, k), and how many of them were found for each query."""
        from psycopg import sql

        condition, values = self._condition(only)
        if not exact:
            connection.execute(
                "SELECT set_config('hnsw.ef_search', %s, true), "
                "set_config('hnsw.iterative_scan', 'relaxed_order', true)",
                [str(self.candidates)],
            )
        rows = connection.execute(
            sql.SQL(_EXACT if exact else _APPROXIMATE).format(
                number=sql.Identifier(NUMBER),
                embedding=sql.Identifier(EMBEDDING),
                table=self._table,
                condition=condition,
                k=sql.Literal(k),
            ),
            {"queries": [str(vector) for vector in query.tolist()], **values},
        ).fetchall()
        score = np.full((len(query), k), np.nan, dtype=np.float32)
        index = np.full((len(query), k), -1, dtype=np.int64)
        asked = np.array([row[0] - 1 for row in rows], dtype=np.int64)
        found = np.bincount(asked, minlength=len(query))
        rank = np.arange(len(rows)) - np.repeat(np.cumsum(found) - found, found)
        index[asked, rank] = [row[1] for row in rows]
        score[asked, rank] = [row[2] for row in rows]
        return score, index, found

    def _condition(self, only: Selection | None) -> tuple[sql.Composable, dict[str, Any]]:
        """A selection as SQL: its conditions where they say the same there, or its rows."""
        from psycopg import sql

        if only is None:
            return sql.SQL("true"), {}
        translated = None if only.conditions is None else as_sql(self.columns, only.conditions)
        if translated is not None:
            return translated
        condition = sql.SQL("{} = ANY(%(rows)s::bigint[])").format(sql.Identifier(NUMBER))
        return condition, {"rows": only.rows.tolist()}

    def save(self, folder: Path) -> dict[str, Any]:
        """Nothing to write: the rows are in the database. Returns where, without secrets."""
        return {
            "location": self.server.address,
            "table": list(self.table),
            "columns": self.columns,
            "samples": self.samples,
            "checksum": self.checksum,
            "candidates": self.candidates,
        }

    @classmethod
    def load(cls, folder: Path, settings: dict[str, Any]) -> PgvectorIndex:
        """Connect to the table again, and read through it once to see that it is the same.

        Raises
        ------
        ModelFileError
            If the table is missing, another gallery's, or was changed.
        ParameterError
            If there is no connection.
        """
        index = cls(
            Server.at(settings["location"]),
            tuple(settings["table"]),
            settings["columns"],
            settings["samples"],
            settings["checksum"],
            settings["candidates"],
        )
        where = f"{folder}: its table {index.name}, {index.server},"
        with index.server.connection(f"open the table {index.name}") as connection:
            named = index._table.as_string(connection)
            found = connection.execute(
                "SELECT to_regclass(%(name)s) IS NOT NULL, "
                "obj_description(to_regclass(%(name)s), 'pg_class')",
                {"name": named},
            ).fetchone()
            assert found is not None
            there, about = found
            if not there:
                raise ModelFileError(f"{where} is not there; make the gallery again")
            if _signed(about) != index.checksum:
                raise ModelFileError(
                    f"{where} is not the one that this gallery was saved with but another's of the "
                    "same name; make the gallery again under another name"
                )
            require_extension(connection, index.server)
            rows, checksum = index._checksum(connection)
        if rows != index.samples:
            raise ModelFileError(
                f"{where} holds {rows} embeddings of {index.samples} samples: it was changed since "
                "the gallery was made; make it again"
            )
        if checksum != index.checksum:
            raise ModelFileError(
                f"{where} holds other embeddings or labels than when the gallery was made (its "
                "checksum differs); make it again"
            )
        return index


def _column(name: str, kind: Any) -> sql.Composable:
    from psycopg import sql

    return sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))


def _table_name(table: str | None) -> tuple[str, str]:
    """Schema, which may be empty, and name."""
    if table is None:
        return "", f"seisgeo_{uuid.uuid4().hex[:12]}"
    found = re.fullmatch(r"(?:(\w{1,63})\.)?(\w{1,63})", table, re.ASCII)
    if found is None:
        raise ParameterError(
            "table must be a name of letters, digits and _ (63 at most), with its schema before a "
            f"dot where it needs one, found {table!r}"
        )
    return found[1] or "", found[2]


def _schema(connection: psycopg.Connection[Any]) -> str:
    """Schema in which a table without one is made."""
    found = connection.execute("SELECT current_schema()").fetchone()
    return (found and found[0]) or "public"


def _signed(about: str | None) -> str | None:
    """Checksum in a table's comment, where that is of a gallery."""
    try:
        return json.loads(about or "")["checksum"]
    except (ValueError, KeyError, TypeError):
        return None
