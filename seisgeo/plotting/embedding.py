"""A map of an embedding space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.descriptors import DESCRIPTORS
from seisgeo.errors import ConventionError
from seisgeo.plotting._canvas import DEAD, SEQUENTIAL, colour_bar, colour_map, label_of, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_embedding"]

#: Points drawn at most; t-SNE takes minutes for more than its share.
_MOST = {"pca": 20_000, "tsne": 3_000}
#: Categories that colours can tell apart.
_CATEGORIES = 20


def plot_embedding(
    ds: xr.Dataset,
    by: str | xr.DataArray | np.ndarray | None = None,
    *,
    method: Literal["pca", "tsne"] = "pca",
    cmap: str = SEQUENTIAL,
    ax: Axes | None = None,
) -> Axes:
    """Draw the map of an embedding: a point for each sample, near to what is like it.

    Parameters
    ----------
    ds : xarray.Dataset
        ``embedding (sample, feature)``, as ``transform`` gives it; several of them, one for each
        modality, are put together with ``xarray.concat(..., "sample", coords="different",
        compat="equals")``.
    by : str, xarray.DataArray or numpy.ndarray, optional
        What colours the points: the name of a coordinate along ``sample``, or values, one for each
        sample, for instance ``pairs.descriptor_value.sel(descriptor="mean_velocity")``. Words,
        booleans and a few whole numbers make a legend, other numbers a colour bar, which ends at
        the 1st and 99th percentile; NaN is grey. By default ``family``, where there is one.
    method : {"pca", "tsne"}, default "pca"
        The first two principal components, in which distances mean what they say but most of the
        space is left out (the axes say how much is shown); or t-SNE, which keeps neighbours
        together and says nothing of distances.
    cmap : str, default a perceptually uniform one
        Colour map of numbers.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ConventionError
        If there is no embedding of at least 3 samples, or no such value for each of them.

    Notes
    -----
    Of more than 20 000 samples (t-SNE: 3 000) as many are drawn, evenly spread; the title says so.

    References
    ----------
    van der Maaten and Hinton (2008), Visualizing data using t-SNE, JMLR 9.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset({"embedding": (("sample", "feature"), np.random.rand(30, 8))},
    ...                 coords={"family": ("sample", ["salt", "folded", "land"] * 10)})
    >>> ax = plot_embedding(ds)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['folded', 'land', 'salt']
    """
    if method not in _MOST:
        raise ConventionError(f"method: expected one of {', '.join(_MOST)}, found {method!r}")
    conventions.validate(ds, "embedding")
    points = ds["embedding"].transpose("sample", "feature")
    n = points.sizes["sample"]
    if n < 3:
        raise ConventionError(f"a map needs at least 3 samples, found {n}")
    values = _values(ds, by)
    shown = np.unique(np.linspace(0, n - 1, min(n, _MOST[method])).astype(int))
    place, labels = _project(np.asarray(points[shown].values, dtype=float), method)

    ax = new_axes(ax, 6.4, 4.8)
    size = float(np.clip(6000 / len(shown), 2, 26))
    dots: dict[str, Any] = {"s": size, "linewidths": 0, "alpha": 0.85}
    if values is None:
        ax.scatter(place[:, 0], place[:, 1], color="#1b6ca8", **dots)
    else:
        name, array = values[0], values[1][shown]
        if _is_named(array):
            _scatter_named(ax, place, array, name, dots)
        else:
            _scatter_numbers(ax, place, array.astype(float), name, cmap, dots)
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    if len(shown) < n:
        ax.set_title(f"{len(shown)} of {n} samples", fontsize=10)
    return ax


def _values(ds: xr.Dataset, by: Any) -> tuple[str, np.ndarray] | None:
    """Label and values of what colours the points."""
    n = ds.sizes["sample"]
    if by is None:
        by = "family" if "family" in ds.coords and ds["family"].dims == ("sample",) else None
        if by is None:
            return None
    if isinstance(by, str):
        along = [str(c) for c in ds.variables if ds[c].dims == ("sample",)]
        if by not in along:
            raise ConventionError(
                f"by={by!r}: expected a coordinate along sample ({', '.join(along) or 'none'}), "
                "or the values themselves"
            )
        return label_of(ds, by), ds[by].values
    values = np.asarray(by)
    if values.shape != (n,):
        raise ConventionError(
            f"by: expected one value for each of {n} samples, found shape {values.shape}"
        )
    return (_label(by) if isinstance(by, xr.DataArray) else ""), values


def _label(by: xr.DataArray) -> str:
    descriptor = str(by["descriptor"].item()) if "descriptor" in by.coords else ""
    if descriptor in DESCRIPTORS:
        known = DESCRIPTORS[descriptor]
        return known.long_name + (f" ({known.units})" if known.units != "1" else "")
    return label_of(by, str(by.name)) if by.name is not None else ""


def _is_named(values: np.ndarray) -> bool:
    """Whether values are names of groups, not amounts."""
    return values.dtype.kind not in "iuf" or (
        values.dtype.kind in "iu" and len(np.unique(values)) <= _CATEGORIES
    )


def _project(points: np.ndarray, method: str) -> tuple[np.ndarray, tuple[str, str]]:
    """Places on the map, shape (sample, 2), and what its axes are."""
    if method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(points) - 1) / 3)
        # A start at random would be another map each time.
        space = TSNE(2, perplexity=perplexity, init="pca", metric="cosine", random_state=0)
        return space.fit_transform(points), ("t-SNE 1", "t-SNE 2")
    from sklearn.decomposition import PCA

    components = PCA(2, svd_solver="full")
    place = components.fit_transform(points)
    share = 100 * np.nan_to_num(components.explained_variance_ratio_)
    first, second = (f"principal component {i + 1} ({share[i]:.0f} % of variance)" for i in (0, 1))
    return place, (first, second)


def _scatter_named(
    ax: Axes, place: np.ndarray, values: np.ndarray, name: str, dots: dict[str, Any]
) -> None:
    words = np.array([str(value) for value in values])  # of Zarr's words, too
    kinds, counts = np.unique(words, return_counts=True)
    if values.dtype.kind in "iu":
        kinds = np.unique(values).astype(str)
    more = len(kinds) > _CATEGORIES
    if more:  # the rest share a grey
        kept = set(kinds[np.argsort(-counts, kind="stable")[: _CATEGORIES - 1]])
        kinds = np.array([k for k in kinds if k in kept])
    colours = colour_map("tab10" if len(kinds) <= 10 else "tab20")
    if more:
        rest = ~np.isin(words, kinds)
        ax.scatter(place[rest, 0], place[rest, 1], color=DEAD, label="others", **dots)
    # In random order, so that no group hides another.
    colour = {kind: colours(i) for i, kind in enumerate(kinds)}
    known = np.flatnonzero(np.isin(words, kinds))
    known = np.random.default_rng(0).permutation(known)
    ax.scatter(place[known, 0], place[known, 1], c=[colour[w] for w in words[known]], **dots)
    for kind in kinds:
        ax.scatter([], [], color=colour[kind], label=kind, s=26, linewidths=0)
    ax.legend(
        title=name or None, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False,
        fontsize="small", handletextpad=0.2,
    )  # fmt: skip


def _scatter_numbers(
    ax: Axes, place: np.ndarray, values: np.ndarray, name: str, cmap: str, dots: dict[str, Any]
) -> None:
    known = np.isfinite(values)
    if not known.any():
        raise ConventionError(f"by: no finite value of {name or 'what colours the points'}")
    low, high = np.percentile(values[known], [1, 99])
    colours = colour_map(cmap)
    colours.colorbar_extend = "both"
    ax.scatter(place[~known, 0], place[~known, 1], color=DEAD, **dots)
    x, y = place[known].T
    image = ax.scatter(x, y, c=values[known], cmap=colours, vmin=low, vmax=high, **dots)
    colour_bar(image, name, ax)
