"""Which rows a step of training sees: a function of seed, epoch and step alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from seisgeo.estimators.views import Views

__all__ = ["Batches", "in_order", "loader"]


class Batches:
    """Shuffled batches of one size; the rows left over are passed over in that epoch.

    A run that goes on after a stop sees the same batches as one that was never stopped, because
    nothing but the seed and the number of the epoch decides them.

    Parameters
    ----------
    rows, batch_size, seed : int
        Rows to draw from, rows of a batch, seed of the order.
    families : numpy.ndarray, optional
        Family of each row. Each batch is then filled from a few families only, so that its
        negatives are hard ones.
    families_per_batch : int, optional
        How many.
    least : int, default 1
        Batches of an epoch, where a pass over the rows gives fewer: rows then come again.

    Examples
    --------
    >>> batches = Batches(10, 4, seed=0)
    >>> [len(rows) for rows in batches.epoch(0)]
    [4, 4]
    >>> import numpy as np
    >>> families = np.repeat(["flat", "curved", "style"], 8)
    >>> batches = Batches(24, 4, seed=0, families=families, families_per_batch=1)
    >>> [len(set(families[rows])) for rows in batches.epoch(0)]
    [1, 1, 1, 1, 1, 1]
    """

    def __init__(
        self,
        rows: int,
        batch_size: int,
        seed: int,
        families: np.ndarray | None = None,
        families_per_batch: int | None = None,
        least: int = 1,
    ) -> None:
        self.least = least
        self.rows, self.batch_size, self.seed = rows, min(batch_size, rows), seed
        self.members: list[np.ndarray] = []
        if families is not None and families_per_batch is not None:
            labels = np.unique(families, return_inverse=True)[1]
            self.members = [np.flatnonzero(labels == n) for n in range(labels.max() + 1)]
        self.families_per_batch = min(families_per_batch or 1, max(1, len(self.members)))

    def __len__(self) -> int:
        """Batches of an epoch."""
        return max(self.least, self._per_pass)

    @property
    def _per_pass(self) -> int:
        return self.rows // self.batch_size

    def epoch(self, number: int, done: int = 0) -> list[np.ndarray]:
        """Rows of each batch of an epoch, without the first `done`."""
        random = np.random.default_rng([self.seed, number])
        found: list[np.ndarray] = []
        while len(found) < len(self):
            order = self._by_family(random) if self.members else random.permutation(self.rows)
            found += [
                order[i * self.batch_size : (i + 1) * self.batch_size].astype(np.int64)
                for i in range(self._per_pass)
            ]
        return found[done : len(self)]

    def _by_family(self, random: np.random.Generator) -> np.ndarray:
        """Rows in an order whose batches hold few families; every row once."""
        queues = [random.permutation(rows).tolist() for rows in self.members]
        order: list[int] = []
        for _ in range(self._per_pass):
            wanted = self.batch_size
            left = np.array([len(queue) for queue in queues])
            count = min(self.families_per_batch, int((left > 0).sum()))
            # Families run dry together when they are drawn by what is left of them.
            drawn = random.choice(len(queues), count, replace=False, p=left / left.sum())
            shares = np.full(count, wanted // count)
            shares[: wanted % count] += 1
            for family, share in zip(drawn, shares, strict=True):
                taken, queues[family] = queues[family][:share], queues[family][share:]
                order += taken
                wanted -= len(taken)
            # What a family could not give comes from the one with most rows left.
            while wanted:
                largest = max(range(len(queues)), key=lambda n: len(queues[n]))
                taken, queues[largest] = queues[largest][:wanted], queues[largest][wanted:]
                order += taken
                wanted -= len(taken)
        return np.array(order)


def in_order(rows: int, batch_size: int, processes: int = 1) -> list[np.ndarray]:
    """Rows of each batch, in order; the last joins its neighbour where it would be too small.

    Parameters
    ----------
    rows, batch_size : int
        Rows there are, and rows of a batch.
    processes : int, default 1
        Processes that share a batch evenly: up to that many rows less one are left out.

    Examples
    --------
    >>> [len(part) for part in in_order(9, 4)]
    [4, 5]
    """
    rows -= rows % processes
    edges = list(range(0, rows, batch_size - batch_size % processes))
    if len(edges) > 1 and rows - edges[-1] < 2 * processes:
        edges.pop()
    return [np.arange(a, b) for a, b in zip(edges, [*edges[1:], rows], strict=True)]


def loader(views: Views, batches: Iterable[np.ndarray], rank: int = 0, processes: int = 1) -> Any:
    """Loader of batches of rows, of which this process reads its share, one ahead of their use.

    Parameters
    ----------
    views : Views
        The rows.
    batches : iterable of numpy.ndarray
        Rows of each batch; asked anew in each epoch.
    rank, processes : int, default 0 and 1
        Number of this process, and of all of them.

    Returns
    -------
    torch.utils.data.DataLoader
        Gives a dict of tensors for each batch.
    """
    # Each "sample" of the loader is a whole batch, so that lazy data are read in one go.
    return DataLoader(
        _Reading(views, batches, rank, processes),
        batch_size=None,
        generator=torch.Generator().manual_seed(0),  # else it would draw from the global one
    )


class _Reading(IterableDataset):
    def __init__(
        self, views: Views, batches: Iterable[np.ndarray], rank: int, processes: int
    ) -> None:
        self.views, self.batches, self.rank, self.processes = views, batches, rank, processes

    def __iter__(self) -> Iterator[dict[str, torch.Tensor]]:
        """Batches; while one is learned from, the next is read."""
        batches = iter(self.batches)
        with ThreadPoolExecutor(1, "next-batch") as reader:
            coming = reader.submit(self._read, batches)
            while (batch := coming.result()) is not None:
                coming = reader.submit(self._read, batches)
                yield batch

    def _read(self, batches: Iterator[np.ndarray]) -> dict[str, torch.Tensor] | None:
        rows = next(batches, None)
        if rows is None:
            return None
        mine = self.views[rows[self.rank :: self.processes].tolist()]
        return {name: torch.from_numpy(array) for name, array in mine.items()}
