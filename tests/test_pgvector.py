"""Galleries in a PostgreSQL database: a real server with pgvector, started for these tests."""

import datetime
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seisgeo.errors import ModelFileError, ParameterError
from seisgeo.retrieval import Gallery, pgvector_index, select_rows
from seisgeo.retrieval.exact import nearest
from seisgeo.retrieval.pgvector_columns import column_types
from seisgeo.retrieval.pgvector_index import PgvectorIndex

psycopg = pytest.importorskip("psycopg", reason="no client of PostgreSQL: pip install psycopg")

# So few rows are read one after the other; these settings of a connection lead to the graph.
BY_GRAPH = "options='-c enable_seqscan=off -c enable_sort=off -c enable_bitmapscan=off{}'"


def unit(z):
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def embedding():
    rng = np.random.default_rng(0)
    return unit(np.repeat(rng.normal(size=(30, 12)), 20, axis=0) + 0.2 * rng.normal(size=(600, 12)))


@pytest.fixture(scope="module")
def labels():
    n = 600
    return pd.DataFrame({"family": ["salt", "marine"] * (n // 2), "well": np.arange(n) % 100})


@pytest.fixture
def samples(labels):
    return xr.Dataset(
        {"descriptor_value": (("sample", "descriptor"), np.linspace(0, 1, 600)[:, None])},
        coords={name: ("sample", labels[name].to_numpy()) for name in labels}
        | {"descriptor": ["dip"], "units": ("descriptor", ["1"])},
    )


@pytest.fixture
def database(postgres):
    """Ask the server something, as its administrator."""

    def ask(statement, place=postgres):
        with psycopg.connect(place, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return ask


def by_graph(postgres, more=""):
    return psycopg.conninfo.make_conninfo(postgres, **_options(BY_GRAPH.format(more)))


def _options(text):
    return psycopg.conninfo.conninfo_to_dict(text)


def tables(database):
    return {name for (name,) in database("SELECT tablename FROM pg_tables")}


# -------------------------------------------------------------------------------- search


def test_the_graph_is_walked_and_finds_the_nearest(
    embedding, labels, postgres, database, monkeypatch
):
    monkeypatch.setattr(pgvector_index, "EXACT_ROWS", 0)
    index = PgvectorIndex.build(embedding, labels, location=by_graph(postgres), table="walked")
    walks = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname LIKE 'walked_embedding%'"
    (before,) = database(walks)
    query = unit(embedding[::10] + 0.05)
    score, found = index.search(query, 8)
    (after,) = database(walks)
    assert after[0] - before[0] == len(query)
    expected = nearest(query, embedding, 8)
    shared = [len(np.intersect1d(a, b)) for a, b in zip(found, expected[1], strict=True)]
    assert np.mean(shared) > 0.99 * 8
    np.testing.assert_allclose(score, np.einsum("qf,qkf->qk", query, embedding[found]), atol=1e-6)
    assert (np.diff(score, axis=1) <= 0).all()


def test_candidates_are_doubled_until_enough_is_found(labels, postgres, monkeypatch):
    monkeypatch.setattr(pgvector_index, "EXACT_ROWS", 0)
    monkeypatch.setattr(pgvector_index, "LEAST_CANDIDATES", 1)
    rng = np.random.default_rng(0)
    # Without clusters, where a walk that keeps one candidate loses its way.
    spread = unit(rng.normal(size=(2500, 64)))
    many = pd.DataFrame({"well": np.arange(2500)})
    location = by_graph(postgres)
    chosen = PgvectorIndex.build(spread, many, location=location)
    monkeypatch.setattr(pgvector_index, "RECALL", 0.0)
    least = PgvectorIndex.build(spread, many, location=location)
    query = unit(rng.normal(size=(100, 64)))
    true = nearest(query, spread, 10)[1]
    right = {
        index.candidates: np.mean(
            [np.isin(a, b).mean() for a, b in zip(index.search(query, 10)[1], true, strict=True)]
        )
        for index in (least, chosen)
    }
    assert least.candidates == 1 < chosen.candidates < 1000
    assert right[1] < 0.8
    assert right[chosen.candidates] > 0.95


def test_filters_far_from_a_query_still_give_as_many_hits(embedding, labels, postgres, monkeypatch):
    monkeypatch.setattr(pgvector_index, "EXACT_ROWS", 0)
    # A walk that gives up at once finds none of them.
    impatient = by_graph(postgres, " -c hnsw.max_scan_tuples=1")
    index = PgvectorIndex.build(embedding, labels, location=impatient)
    order = np.argsort(embedding @ embedding[0])
    far = np.sort(order[:50])
    only = select_rows(labels, lambda t: t.index.isin(far))
    _, found = index.search(embedding[:1], 20, only)
    np.testing.assert_array_equal(found[0], order[:50][::-1][:20])


def test_equal_scores_come_in_the_gallerys_order(postgres, labels):
    embedding = np.tile(np.eye(3, dtype=np.float32), (200, 1))
    index = PgvectorIndex.build(embedding, labels, location=postgres)
    query = np.eye(3, dtype=np.float32)[[1, 0]]
    for only in (None, select_rows(labels, {"well": slice(0, 49)})):
        score, found = index.search(query, 5, only)
        assert found.tolist() == [[1, 4, 7, 10, 13], [0, 3, 6, 9, 12]]
        assert (score == 1).all()


def test_many_queries_are_asked_in_parts(embedding, labels, postgres, monkeypatch):
    index = PgvectorIndex.build(embedding, labels, location=postgres)
    whole = index.search(embedding[:23], 3)
    monkeypatch.setattr(pgvector_index, "_BATCH", 5)
    for a, b in zip(index.search(embedding[:23], 3), whole, strict=True):
        np.testing.assert_array_equal(a, b)


# ------------------------------------------------------------------------------- filters

TIMES = ["2020-01-01", "2021-06-01T12:00:00.000001", None, *["1999-12-31"] * 3]
ODD = {
    "family": ["salt", "marine", None, "o'connor; DROP TABLE odd", 'say "no"', "Öl"],
    "depth": [0.5, 1e300, np.nan, np.inf, -np.inf, -3.0],
    "count": [2**60, -1, 0, 1, 2, 3],
    "land": [True, False, True, True, False, False],
    "time": pd.to_datetime(TIMES, format="ISO8601"),
    "nano": pd.to_datetime([5, 6, 7, 8, 9, 10]),  # a timestamp of PostgreSQL cannot hold them
    "porosity_%": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "embedding": [1, 2, 3, 4, 5, 6],
    "xmin": [1, 2, 3, 4, 5, 6],
    "bytes": ["a\0", "b", "c", "d", "e", "f"],
    "mixed": pd.Series(["a", 1, 2.5, None, True, "b"], dtype=object),
    "n" * 64: [1, 2, 3, 4, 5, 6],
    'quoted "name"': [1, 2, 3, 4, 5, 6],
}
NUMBERS = st.one_of(
    st.sampled_from([0, 1, 2.0, 0.5, 2**60, 2**70, np.inf, -np.inf, np.nan, 1e300]),
    st.integers(-4, 4),
    st.floats(-4, 4),
    st.sampled_from([np.int8(3), np.float32(0.5), True]),
)


@pytest.fixture(scope="module")
def odd(postgres):
    table = pd.DataFrame(ODD)
    index = PgvectorIndex.build(np.eye(6, dtype=np.float32), table, location=postgres)
    assert index.columns == column_types(table) == {
        "family": "text",
        "depth": "double precision",
        "count": "bigint",
        "land": "boolean",
        "time": "timestamp",
        'quoted "name"': "bigint",
    }  # fmt: skip
    return index, table


def passing(index, selection):
    """Rows that the database lets through."""
    _, found = index.search(np.ones((1, 6), np.float32), len(selection.rows), selection)
    return sorted(found[0].tolist())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_filters_in_sql_are_those_of_the_table(odd, data):
    index, table = odd
    name = data.draw(st.sampled_from(list(table)))
    column = st.sampled_from(table[name].tolist())
    values = st.one_of(column, NUMBERS) if table[name].dtype.kind in "iuf" else column
    ends = st.one_of(st.none(), values)
    condition = data.draw(st.one_of(values, st.lists(values), st.builds(slice, ends, ends)))
    try:
        selection = select_rows(table, {name: condition})
    except ParameterError:  # nothing passes, or it cannot be compared
        return
    assert passing(index, selection) == selection.rows.tolist()


@pytest.mark.parametrize(
    ("conditions", "in_sql"),
    [
        ({"family": "o'connor; DROP TABLE odd"}, True),
        ({"family": ['say "no"', "Öl"], "land": False}, True),
        ({"depth": slice(-5, None), "count": [0, 1, 2**60 - 1, 2, 3.0]}, False),
        ({"depth": slice(None, 0.5), "count": [2, 3.0]}, True),
        ({"time": slice(datetime.datetime(2020, 1, 1), None)}, True),
        ({"time": slice(datetime.datetime(1999, 12, 31), None)}, True),  # not the unknown one
        ({"time": slice("2020-01-01", None)}, False),
        ({"family": slice("a", "p")}, False),
        ({"porosity_%": slice(2, 3)}, False),
        ({'quoted "name"': 3}, True),
        ({"nano": pd.Timestamp(7)}, False),
    ],
)
def test_what_is_said_in_sql_and_what_by_rows(odd, conditions, in_sql):
    index, table = odd
    # Words and None have no order.
    selection = select_rows(table.assign(family=table["family"].fillna("")), conditions)
    _, values = index._condition(selection)
    assert ("rows" not in values) == in_sql
    assert passing(index, selection) == selection.rows.tolist()


# ------------------------------------------------------------------------- whole, or nothing


def test_an_error_halfway_leaves_no_table(embedding, labels, postgres, database):
    bad = embedding.copy()
    bad[400, 3] = np.nan
    with pytest.raises(ParameterError, match="could not make the table halfway: NaN not allowed"):
        PgvectorIndex.build(bad, labels, location=postgres, table="halfway")
    assert "halfway" not in tables(database)


def test_a_stop_halfway_leaves_no_table(embedding, labels, postgres, database, monkeypatch):
    def stopped(rows, **_):
        for number, row in enumerate(rows):
            if number == 400:
                raise KeyboardInterrupt("at row 400")
            yield row

    monkeypatch.setattr(pgvector_index, "tqdm", stopped)
    with pytest.raises(KeyboardInterrupt, match="row 400"):
        PgvectorIndex.build(embedding, labels, location=postgres, table="stopped")
    assert "stopped" not in tables(database)
    assert not database("SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in%'")


def test_a_table_is_never_overwritten(embedding, labels, postgres):
    PgvectorIndex.build(embedding, labels, location=postgres, table="twice")
    with pytest.raises(ParameterError, match=r"a table public\.twice already; choose another name"):
        PgvectorIndex.build(embedding, labels, location=postgres, table="twice")


@pytest.mark.parametrize("name", ["a.b.c", "drop table x;", "with%", "x" * 64, ""])
def test_names_that_are_none(embedding, labels, postgres, name):
    with pytest.raises(ParameterError, match="table must be a name of letters"):
        PgvectorIndex.build(embedding, labels, location=postgres, table=name)


# ------------------------------------------------------------------------------- on disk


@pytest.fixture
def saved(embedding, samples, postgres, database, tmp_path):
    database("CREATE SCHEMA IF NOT EXISTS lab")
    database("DROP TABLE IF EXISTS lab.line")
    options = {"location": postgres, "table": "lab.line"}
    gallery = Gallery.build(embedding, samples, "f" * 64, kind="pgvector", **options)
    gallery.save(tmp_path / "g")
    return tmp_path / "g"


def test_a_whole_table_is_opened(saved, embedding):
    gallery = Gallery.load(saved)
    assert len(gallery) == 600
    assert (gallery.search(embedding[:3], 1)[1][:, 0] == [0, 1, 2]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DELETE FROM lab.line WHERE gallery_index = 3", "holds 599 embeddings of 600 samples"),
        ("UPDATE lab.line SET family = 'salt' WHERE gallery_index = 3", "its checksum differs"),
        ("UPDATE lab.line SET embedding = -embedding WHERE well = 5", "its checksum differs"),
        ("UPDATE lab.line SET well = NULL WHERE gallery_index = 0", "its checksum differs"),
        ("DROP TABLE lab.line", "is not there; make the gallery again"),
        ("COMMENT ON TABLE lab.line IS 'mine'", "another's of the same name"),
    ],
)
def test_a_changed_table_is_named(saved, database, change, message):
    database(change.replace("-embedding", f"'{[1.0, *[0.0] * 11]}'"))
    with pytest.raises(ModelFileError, match=rf"its table lab\.line, PostgreSQL at .*{message}"):
        Gallery.load(saved)


def test_another_gallerys_table_of_the_same_name(saved, embedding, labels, postgres, database):
    database("DROP TABLE lab.line")
    PgvectorIndex.build(-embedding, labels, location=postgres, table="lab.line")
    with pytest.raises(ModelFileError, match=r"lab\.line.* another's of the same name"):
        Gallery.load(saved)


def test_a_table_changed_under_an_open_gallery(saved, embedding, database):
    gallery = Gallery.load(saved)
    database("DELETE FROM lab.line WHERE gallery_index = 3")
    with pytest.raises(ParameterError, match=r"lab\.line gave 599 rows .* promise 600"):
        gallery.search(embedding[:1], 600)
    database("DROP TABLE lab.line")
    with pytest.raises(ParameterError, match=r"could not search the table lab\.line: relation"):
        gallery.search(embedding[:1], 3)


# -------------------------------------------------------------------------- who may do what


@pytest.fixture
def guest(postgres, database):
    """A user with a password, who may connect and no more; the server asks for it."""
    (file,) = (Path(path) for (path,) in database("SHOW hba_file"))
    before = file.read_text()
    file.write_text("local all guest scram-sha-256\n" + before)
    database("CREATE ROLE guest LOGIN PASSWORD 'gneiss-42'")
    database("SELECT pg_reload_conf()")
    location = psycopg.conninfo.make_conninfo(postgres, user="guest", password="")
    yield location.replace("password=''", "").strip()
    file.write_text(before)
    database("DROP OWNED BY guest")
    database("DROP ROLE guest")
    database("SELECT pg_reload_conf()")


def test_the_password_is_never_saved(guest, embedding, samples, database, tmp_path, monkeypatch):
    database("CREATE EXTENSION IF NOT EXISTS vector")
    database("CREATE SCHEMA guests AUTHORIZATION guest")
    location, path = guest + " password=gneiss-42", tmp_path / "g"
    options = {"location": location, "table": "guests.secret"}
    gallery = Gallery.build(embedding, samples, "f" * 64, kind="pgvector", **options)
    gallery.save(path)
    assert gallery.search(embedding[:1], 1)[1] == [[0]]
    kept = b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
    assert b"gneiss" not in kept
    assert b"guests" in kept
    assert "gneiss" not in repr(vars(gallery.index))

    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    with pytest.raises(ParameterError, match=r"no connection to .*guest.* PGPASSWORD or ~/.pgpass"):
        Gallery.load(path)
    monkeypatch.setenv("PGPASSWORD", "gneiss-42")
    assert Gallery.load(path).search(embedding[:1], 1)[1] == [[0]]
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / "pgpass").write_text("*:*:*:guest:gneiss-42\n")
    (tmp_path / "pgpass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    assert Gallery.load(path).search(embedding[:1], 1)[1] == [[0]]


def test_no_right_to_make_a_table(guest, embedding, labels, database):
    database("CREATE EXTENSION IF NOT EXISTS vector")
    location = guest + " password=gneiss-42"
    with pytest.raises(ParameterError, match=r"'guest' may not make the table t \(permission den"):
        PgvectorIndex.build(embedding, labels, location=location, table="t")


@pytest.fixture
def bare(postgres, database):
    """A database without pgvector."""
    database("CREATE DATABASE bare")
    yield psycopg.conninfo.make_conninfo(postgres, dbname="bare")
    database("DROP DATABASE bare WITH (FORCE)")


def test_pgvector_is_taken_in_where_the_user_may(bare, guest, embedding, labels, database):
    theirs = psycopg.conninfo.make_conninfo(guest, dbname="bare", password="gneiss-42")
    with pytest.raises(ParameterError, match="'bare' has not taken in pgvector, and user 'guest'"):
        PgvectorIndex.build(embedding, labels, location=theirs)
    index = PgvectorIndex.build(embedding, labels, location=bare)
    assert index.search(embedding[:1], 1)[1] == [[0]]
    database("DROP EXTENSION vector CASCADE", bare)
    with pytest.raises(ParameterError, match="the database 'bare' has no pgvector; its adminis"):
        PgvectorIndex.load(Path(), index.save(Path()))


def test_a_server_without_pgvector(bare, embedding, labels, database):
    database("ALTER DATABASE bare SET extension_control_path = '/nowhere'")
    with pytest.raises(ParameterError, match="the server has no pgvector; install it there"):
        PgvectorIndex.build(embedding, labels, location=bare)


def test_a_pgvector_that_is_too_old(bare, embedding, labels, database):
    database("CREATE EXTENSION vector", bare)
    database("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'", bare)
    with pytest.raises(ParameterError, match=r"'bare' has pgvector 0\.7\.4, and 0\.8 is the least"):
        PgvectorIndex.build(embedding, labels, location=bare)


def test_no_server(embedding, labels):
    location = "postgresql://me:gneiss-42@localhost:1/lab"
    with pytest.raises(ParameterError, match=r"no connection .*port=1.* Is the server run") as told:
        PgvectorIndex.build(embedding, labels, location=location)
    assert "gneiss" not in str(told.value)


@pytest.mark.parametrize(
    "location", ["gneiss-42", "http://me:gneiss-42@host", "host=a gneiss-42=1"]
)
def test_a_location_that_is_none_is_not_repeated(embedding, labels, location):
    with pytest.raises(ParameterError, match="location must be a connection string") as told:
        PgvectorIndex.build(embedding, labels, location=location)
    assert "gneiss" not in str(told.value)
    assert told.value.__suppress_context__


def test_the_environment_says_where(postgres, embedding, labels, monkeypatch):
    for name, value in psycopg.conninfo.conninfo_to_dict(postgres).items():
        monkeypatch.setenv({"dbname": "PGDATABASE"}.get(name, f"PG{name.upper()}"), str(value))
    index = PgvectorIndex.build(embedding, labels)
    assert index.save(Path())["location"] == ""
    index = PgvectorIndex.load(Path(), json.loads(json.dumps(index.save(Path()))))
    assert index.search(embedding[:1], 1)[1] == [[0]]


def test_the_second_package_is_named_too(embedding, labels, postgres, monkeypatch):
    monkeypatch.setitem(sys.modules, "pgvector.psycopg", None)
    with pytest.raises(ParameterError, match="needs the packages psycopg and pgvector: pip"):
        PgvectorIndex.build(embedding, labels, location=postgres)
