"""Distributed search: a collection of a Qdrant database."""

from __future__ import annotations

import functools
import math
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.errors import ModelFileError, ParameterError
from seisgeo.retrieval.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["QdrantIndex"]

#: Points sent in one request.
_BATCH = 1000


class QdrantIndex:
    """A collection of a Qdrant database.

    Conditions on labels (words and numbers) travel with the query and are applied by the database;
    any other filter is applied here, and its rows are sent.

    Parameters
    ----------
    client : qdrant_client.QdrantClient
        Connected.
    location, collection : str
        Where the client is connected to, and the collection's name.

    Notes
    -----
    Tested with ``":memory:"``, the client's own stand-in, which takes the same calls and compares
    a query with every point. The server is published as a container and as binaries, neither on
    PyPI nor in Debian, and has not been tested against. The client's folders are not supported:
    they hold pickles, which run code when they are read.
    """

    def __init__(self, client: Any, location: str, collection: str) -> None:
        self.client, self.location, self.collection = client, location, collection

    @classmethod
    def build(
        cls,
        embedding: np.ndarray,
        labels: pd.DataFrame,
        *,
        location: str,
        collection: str | None = None,
    ) -> QdrantIndex:
        """Fill a new collection.

        Parameters
        ----------
        embedding : numpy.ndarray
            Unit embeddings, shape (sample, feature).
        labels : pandas.DataFrame
            One row for each sample; kept with the points, for filters.
        location : str
            Address of a server (``"http://localhost:6333"``), or ``":memory:"`` for a trial within
            this process. The key of a server that asks for one is read from the environment
            variable ``QDRANT_API_KEY``.
        collection : str, optional
            Name of the collection; by default a new one.

        Raises
        ------
        ParameterError
            If the client is not installed, the database cannot be reached, or the collection is
            there already.
        """
        models = _models()
        client = _connect(location)
        name = collection or f"seisgeo-{uuid.uuid4().hex[:12]}"
        if client.collection_exists(name):
            raise ParameterError(
                f"{location}: there is a collection {name!r} already; choose another name"
            )
        client.create_collection(
            name,
            models.VectorParams(size=embedding.shape[1], distance=models.Distance.COSINE),
        )
        columns = {str(c): labels[c].tolist() for c in labels}
        for start in range(0, len(embedding), _BATCH):
            rows = range(start, min(start + _BATCH, len(embedding)))
            client.upsert(
                name,
                models.Batch(
                    ids=list(rows),
                    vectors=embedding[start : start + _BATCH].tolist(),
                    payloads=[
                        {c: v[i] for c, v in columns.items() if _is_plain(v[i])} for i in rows
                    ],
                ),
                wait=True,
            )
        return cls(client, location, name)

    def __len__(self) -> int:
        return int(self.client.count(self.collection, exact=True).count)

    def search(
        self, query: np.ndarray, k: int, only: Selection | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nearest samples of each query, best first; `only` among a selection."""
        models = _models()
        condition = None if only is None else _filter(only)
        score = np.empty((len(query), k), dtype=np.float32)
        index = np.empty((len(query), k), dtype=np.int64)
        for start in range(0, len(query), _BATCH):
            answers = self.client.query_batch_points(
                self.collection,
                [
                    models.QueryRequest(query=vector, limit=k, filter=condition)
                    for vector in query[start : start + _BATCH].tolist()
                ],
            )
            for row, answer in enumerate(answers, start):
                if len(answer.points) != k:
                    raise ParameterError(
                        f"collection {self.collection!r} at {self.location} gave "
                        f"{len(answer.points)} points where the gallery's labels promise {k}: it "
                        "was changed since the gallery was made; make it again"
                    )
                score[row] = [point.score for point in answer.points]
                index[row] = [point.id for point in answer.points]
        return score, index

    def save(self, folder: Path) -> dict[str, Any]:
        """Nothing to write: the points are in the database. Returns where."""
        return {"location": self.location, "collection": self.collection}

    @classmethod
    def load(cls, folder: Path, settings: dict[str, Any]) -> QdrantIndex:
        """Connect to the collection again."""
        location, collection = settings["location"], settings["collection"]
        client = _connect(location)
        if not client.collection_exists(collection):
            raise ModelFileError(
                f"{folder}: its collection {collection!r} is not at {location}: make the gallery "
                "again"
            )
        return cls(client, location, collection)


def _filter(only: Selection) -> Any:
    """A selection in the database's terms."""
    models = _models()
    parts = [_condition(name, c) for name, c in (only.conditions or {}).items()]
    if not parts or None in parts:
        parts = [models.HasIdCondition(has_id=only.rows.tolist())]
    return models.Filter(must=parts)


def _condition(name: str, condition: Any) -> Any:
    """One condition in the database's terms, or None where it has none for it."""
    models = _models()
    if isinstance(condition, slice):
        ends = [None if c is None else _plain(c) for c in (condition.start, condition.stop)]
        if not all(c is None or isinstance(c, int | float) for c in ends):
            return None
        return models.FieldCondition(key=name, range=models.Range(gte=ends[0], lte=ends[1]))
    several = isinstance(condition, list | tuple | set | np.ndarray)
    values = [_plain(v) for v in (condition if several else [condition])]
    if all(isinstance(v, str) for v in values):
        return models.FieldCondition(key=name, match=models.MatchAny(any=values))
    if all(isinstance(v, int | float) and _is_plain(v) for v in values):
        ranges = [models.Range(gte=v, lte=v) for v in values]
        return models.Filter(should=[models.FieldCondition(key=name, range=r) for r in ranges])
    return None


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it: words, and numbers that are finite."""
    return isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value))


@functools.cache
def _memory() -> Any:
    from qdrant_client import QdrantClient

    return QdrantClient(":memory:")


def _connect(location: str) -> Any:
    _models()
    from qdrant_client import QdrantClient

    if location == ":memory:":
        return _memory()
    if "://" not in location:
        raise ParameterError(
            f"location must be the address of a Qdrant server (http://host:6333) or ':memory:', "
            f"found {location!r}"
        )
    client = QdrantClient(
        url=location, api_key=os.environ.get("QDRANT_API_KEY"), check_compatibility=False
    )
    try:
        client.get_collections()
    except Exception as error:  # whatever its HTTP library raises
        raise ParameterError(
            f"no Qdrant database answers at {location} ({error}): start one, or try ':memory:'"
        ) from error
    return client


def _models() -> Any:
    try:
        from qdrant_client import models
    except ImportError as error:
        raise ParameterError(
            "index='qdrant' needs the package qdrant-client: pip install 'seisgeo[index]'"
        ) from error
    return models
