"""Rows of views: some of them, and which are held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seisgeo.estimators.views import Views

__all__ = ["Rows", "hold_out"]


class Rows(Views):
    """Some rows of other views.

    Parameters
    ----------
    views : Views
        All of them.
    rows : numpy.ndarray
        Which.
    """

    def __init__(self, views: Views, rows: np.ndarray) -> None:
        super().__init__(views.arrays)
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, name: str, rows: Sequence[int]) -> np.ndarray:
        """Rows of one modality, in increasing order of the views' own numbers."""
        return super().read(name, self.rows[np.asarray(rows)])


def hold_out(
    n: int, fraction: float, groups: np.ndarray | None, random: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Rows held out for validation, and rows kept for training, both shuffled.

    Parameters
    ----------
    n : int
        Rows there are.
    fraction : float
        Share of them to hold out. None is, where either part would have fewer than 2 rows.
    groups : numpy.ndarray or None
        File of each row. Samples of one file are related, so files are held out whole where there
        are several.
    random : numpy.random.RandomState
        Draws them.
    """
    labels = (
        np.arange(n)
        if groups is None or len(set(groups)) < 2
        else np.unique(groups, return_inverse=True)[1]
    )
    order = random.permutation(labels.max() + 1)
    count = round(fraction * len(order))
    if fraction > 0 and labels.max() + 1 < n:
        count = max(1, count)
    held = np.isin(labels, order[:count])
    if held.sum() < 2 or n - held.sum() < 2:
        held[:] = False
    return random.permutation(np.flatnonzero(held)), random.permutation(np.flatnonzero(~held))
