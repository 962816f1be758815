"""Indexes by name: ours, and those that other packages add."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from seisgeo.errors import ParameterError
from seisgeo.retrieval.selection import Selection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GROUP", "Index", "index_class"]

#: Entry-point group of the indexes: name = "module:class", the class as :class:`Index` says.
GROUP = "seisgeo.indexes"


class Index(Protocol):
    """What searches among embeddings; any class with these methods can be registered."""

    @classmethod
    def build(cls, embedding: np.ndarray, labels: pd.DataFrame, **options: Any) -> Self:
        """Index unit embeddings (sample, feature), whose rows `labels` describe."""

    @classmethod
    def load(cls, folder: Path, settings: dict[str, Any]) -> Self:
        """Read or connect to what :meth:`save` kept."""

    def save(self, folder: Path) -> dict[str, Any]:
        """Write files into a folder, and return settings (JSON) to find the index again."""

    def __len__(self) -> int:
        """Samples in it."""

    def search(
        self, query: np.ndarray, k: int, only: Selection | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores and row numbers (query, k), best first; `k` never exceeds what there is."""


def index_class(name: str) -> Any:
    """Class of an index by its name.

    Parameters
    ----------
    name : str
        ``"exact"``, ``"faiss"``, ``"pgvector"``, or what another package registered under
        :data:`GROUP`.

    Raises
    ------
    ParameterError
        If there is none of this name; the message lists those there are.

    Examples
    --------
    >>> index_class("exact").__name__
    'ExactIndex'
    """
    if name == "exact":  # also in a checkout that is not installed
        from seisgeo.retrieval.exact import ExactIndex

        return ExactIndex
    found = entry_points(group=GROUP)
    if name not in found.names:
        raise ParameterError(
            f"index must be one of {', '.join(sorted({'exact', *found.names}))}; found {name!r}"
        )
    return found[name].load()
