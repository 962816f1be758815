"""What SeisBind is compared with: ways to rank velocity models for a gather without learning to."""

from __future__ import annotations

import numpy as np
import xarray as xr


def _features(ds: xr.Dataset) -> np.ndarray:
    """Gathers thinned in time, each of unit length, shape (sample, feature)."""
    gathers = ds["amplitude"].transpose("sample", "source", "time", "receiver")
    rows = []
    for start in range(0, gathers.sizes["sample"], 64):
        block = gathers.isel(sample=slice(start, start + 64)).values
        # Means of 8 ms are below the Nyquist frequency of what a 15 Hz wavelet holds.
        n = block.shape[2] // 8 * 8
        thin = block[:, :, :n].reshape(*block.shape[:2], n // 8, 8, -1).mean(axis=3)
        rows.append(np.sign(thin) * np.log1p(np.abs(thin)))
    flat = np.concatenate(rows).reshape(gathers.sizes["sample"], -1)
    return (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)


def _models(ds: xr.Dataset) -> np.ndarray:
    """Models as rows, in km/s about the middle of the range."""
    v = ds["velocity"].transpose("sample", "depth", "x").values
    return (v.reshape(len(v), -1) / 1000 - 3).astype(np.float32)


def ranks_by_distance(guess: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Rank of row i of the gallery among the models nearest (L2) to guess i; ties count against."""
    ranks = np.empty(len(guess), dtype=np.int64)
    length = (gallery**2).sum(axis=1)
    for i, one in enumerate(guess):
        distance = length - 2 * gallery @ one
        ranks[i] = (distance <= distance[i] + 1e-6).sum()
    return ranks


class NearestGather:
    """The model of the training gather that looks most like the query's."""

    def __init__(self, train: xr.Dataset) -> None:
        self.gathers, self.models = _features(train), _models(train)

    def guess(self, queries: xr.Dataset) -> np.ndarray:
        return self.models[(_features(queries) @ self.gathers.T).argmax(axis=1)]


class PrincipalComponents:
    """Ridge regression from the principal components of gathers to those of models."""

    def __init__(self, train: xr.Dataset, components: int = 100) -> None:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline

        gathers, models = _features(train), _models(train)
        n = min(components, len(gathers) - 1)
        self.of_models = PCA(n, random_state=0).fit(models)
        self.regression = make_pipeline(
            PCA(n, whiten=True, random_state=0), RidgeCV(np.logspace(-2, 4, 7))
        ).fit(gathers, self.of_models.transform(models))

    def guess(self, queries: xr.Dataset) -> np.ndarray:
        components = self.regression.predict(_features(queries))
        return self.of_models.inverse_transform(components).astype(np.float32)


def rank(baseline: NearestGather | PrincipalComponents, queries: xr.Dataset, models: xr.Dataset):
    """Ranks of the queries' own models, the first rows of `models`."""
    return ranks_by_distance(baseline.guess(queries), _models(models))
