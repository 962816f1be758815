"""What SeisBind is compared with: ways to rank velocity models for a gather without learning to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from seisbind_unet import Inversion


#: Pairs that the baselines without a network learn from, at most (their memory).
MOST = 20_000


def thin(ds: xr.Dataset, samples: int) -> Iterator[np.ndarray]:
    """Gathers thinned in time, with their large amplitudes reduced, in blocks of samples."""
    gathers = ds["amplitude"].transpose("sample", "source", "time", "receiver")
    for start in range(0, gathers.sizes["sample"], 64):
        block = gathers.isel(sample=slice(start, start + 64)).values
        # Means of up to 8 ms hold what a 15 Hz wavelet does.
        each = block.shape[2] // samples
        block = block[:, :, : samples * each]
        means = block.reshape(*block.shape[:2], samples, each, -1).mean(axis=3)
        yield np.sign(means) * np.log1p(np.abs(means))


def features(ds: xr.Dataset) -> np.ndarray:
    """Gathers thinned to 8 ms, each of unit length, shape (sample, feature)."""
    rows = np.concatenate(list(thin(ds, 125)))
    flat = rows.reshape(len(rows), -1)
    return (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)


def model_rows(ds: xr.Dataset) -> np.ndarray:
    """Models as rows, in km/s about the middle of the range."""
    return as_rows(ds["velocity"].transpose("sample", "depth", "x").values)


def as_rows(velocity: np.ndarray) -> np.ndarray:
    return (velocity.reshape(len(velocity), -1) / 1000 - 3).astype(np.float32)


def ranks_by_distance(guess: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Rank of row i of the gallery among the models nearest (L2) to guess i; ties count against."""
    ranks = np.empty(len(guess), dtype=np.int64)
    length = (gallery**2).sum(axis=1)
    for start in range(0, len(guess), 100):
        rows = np.arange(start, min(start + 100, len(guess)))
        distance = length - 2 * guess[rows] @ gallery.T
        own = distance[np.arange(len(rows)), rows]
        ranks[rows] = (distance <= own[:, None] + 1e-6).sum(axis=1)
    return ranks


class NearestGather:
    """The model of the training gather that looks most like the query's."""

    def __init__(self, train: xr.Dataset) -> None:
        train = train.isel(sample=slice(MOST))
        self.gathers, self.models = features(train), model_rows(train)

    def guess(self, queries: xr.Dataset) -> np.ndarray:
        return self.models[(features(queries) @ self.gathers.T).argmax(axis=1)]


class PrincipalComponents:
    """Ridge regression from the principal components of gathers to those of models."""

    def __init__(self, train: xr.Dataset, components: int = 100) -> None:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline

        train = train.isel(sample=slice(MOST))
        gathers, models = features(train), model_rows(train)
        n = min(components, len(gathers) - 1)
        self.of_models = PCA(n, random_state=0).fit(models)
        self.regression = make_pipeline(
            PCA(n, whiten=True, random_state=0), RidgeCV(np.logspace(-2, 4, 7))
        ).fit(gathers, self.of_models.transform(models))

    def guess(self, queries: xr.Dataset) -> np.ndarray:
        components = self.regression.predict(features(queries))
        return self.of_models.inverse_transform(components).astype(np.float32)


def rank(
    baseline: NearestGather | PrincipalComponents | Inversion,
    queries: xr.Dataset,
    velocity: np.ndarray,
) -> np.ndarray:
    """Ranks of the queries' own models, the first rows of `velocity`, by L2 to what is guessed."""
    return ranks_by_distance(baseline.guess(queries), as_rows(velocity))
