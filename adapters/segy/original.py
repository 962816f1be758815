"""What a SEG-Y file holds beside its cube: file header, trace headers, and what follows the traces.

With it a cube becomes the same file again, byte for byte. A cube may be a part of the file's, or in
another order: its cells are found again by their labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from seisgeo.adapters.segy.exact import inexact
from seisgeo.adapters.segy.fields import ELEVATIONS, Order
from seisgeo.adapters.segy.original_part import part_of
from seisgeo.adapters.segy.samples import SampleFormat

if TYPE_CHECKING:
    from seisgeo.adapters.segy.cube import Cube
    from seisgeo.adapters.segy.file import SegyFile

__all__ = ["Original", "fit", "of_file"]

#: Bytes of samples or headers looked at together.
BLOCK_BYTES = 16 << 20

_VERTICALS = ("time", "depth")
# Coordinates that stand in trace headers.
_IN_HEADERS = {
    *("field_record", "source_point", "channel", "cdp", "cdp_trace", "inline", "crossline"),
    *("source_x", "source_y", "receiver_x", "receiver_y", "cdp_x", "cdp_y", "offset", "live"),
    *("source_depth", "receiver_depth", "x"),
    *ELEVATIONS,
}

#: Rows of a table by their numbers (ascending): uint8, shape (row, byte).
Rows = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Original:
    """A SEG-Y file without the samples that its cube holds.

    Attributes
    ----------
    variable : str
        Variable of the cube that its samples are.
    dims : tuple of str
        Dimensions of the cube's traces.
    labels : xarray.Dataset
        Coordinates of the cube.
    lookup : numpy.ndarray of int
        Trace of each cell, -1 where there is none, shape of `dims`.
    order : {">", "<"}
        Byte order.
    format : SampleFormat
        How samples are stored.
    scale : float
        Samples of the cube are those of the file times this.
    n_traces, n_samples, header_bytes : int
        Traces, samples of each (of the longest, where they differ), and bytes of each trace's
        headers.
    head, tail : bytes
        What stands before the first and after the last whole trace.
    headers : callable
        Trace numbers -> their headers.
    kept : numpy.ndarray of int
        Numbers of the traces whose samples the cube does not give back: those that are in no cell,
        and those that would be encoded otherwise than they were.
    kept_samples : callable
        Places in `kept` -> the bytes of their samples; 0 beyond the end of a shorter trace.
    counts : numpy.ndarray of int, or None
        Samples of each trace, where they differ.
    in_pairs : bool
        Whether the bytes of each pair are swapped in the file; all that stands here is in order.
    changed : tuple of str
        Coordinates that are not what the file gave any more.
    """

    variable: str
    dims: tuple[str, ...]
    labels: xr.Dataset
    lookup: np.ndarray
    order: Order
    format: SampleFormat
    scale: float
    n_traces: int
    n_samples: int
    header_bytes: int
    head: bytes
    tail: bytes
    headers: Rows
    kept: np.ndarray
    kept_samples: Rows
    counts: np.ndarray | None = None
    in_pairs: bool = False
    changed: tuple[str, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether the file has no file headers: Seismic Unix."""
        return not self.head

    def places(self, fmt: SampleFormat) -> Callable[[np.ndarray], np.ndarray]:
        """What gives the first byte of traces by their numbers, with samples in a format.

        Behind the last trace stands what would be the next one.
        """
        first = len(self.head)
        if self.counts is None:
            length = self.header_bytes + self.n_samples * fmt.itemsize
            return lambda numbers: first + numbers * length
        starts = np.full(self.n_traces + 1, first, np.int64)
        starts[1:] += np.cumsum(self.header_bytes + self.counts.astype(np.int64) * fmt.itemsize)
        return lambda numbers: starts[numbers]


def of_file(cube: Cube, *, scan: bool = True) -> Original | None:
    """What a file that is open holds beside its cube.

    Parameters
    ----------
    cube : Cube
        The file and its cube.
    scan : bool, default True
        Read all samples to know which the cube does not give back. Without, every trace is taken
        for such a one: for those who read the samples anyway, and look at them then.

    Returns
    -------
    Original or None
        None where the file is not there any more.
    """
    file = cube.file
    if isinstance(file.path, Path) and not _is_same(file.path, file.size):
        return None
    head = file.source[: file.data_start].tobytes()
    tail = file.source[file.traces_end :].tobytes()
    scale = cube.content.scale
    lost = np.ones(file.n_traces, bool)
    if scan:
        lost[cube.geometry.lookup[cube.geometry.lookup >= 0]] = False
    block = max(1, BLOCK_BYTES // file.trace_bytes)
    for a in range(0, file.n_traces if scan else 0, block):
        b = a + block
        traces = _traces(file, np.arange(a, min(b, file.n_traces)))
        lost[a:b] |= inexact(traces[:, file.header_bytes :], file.format, file.order, scale)
        if file.sample_counts is not None:
            file.release()
    kept = np.flatnonzero(lost)
    return Original(
        variable=cube.content.quantity,
        dims=cube.geometry.dims if cube.along is None else ("x",),
        labels=_labels(cube.dataset()),
        lookup=cube.geometry.lookup,
        order=file.order,
        format=file.format,
        scale=scale,
        n_traces=file.n_traces,
        n_samples=file.n_samples,
        header_bytes=file.header_bytes,
        head=head,
        tail=tail,
        headers=file.headers.words.rows,
        kept=kept,
        kept_samples=lambda places: _traces(file, kept[places])[:, file.header_bytes :],
        counts=file.sample_counts,
        in_pairs=file.pairs_swapped,
    )


def _is_same(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _traces(file: SegyFile, numbers: np.ndarray) -> np.ndarray:
    """Whole traces by ascending numbers, shape (trace, byte); shorter ones end in 0."""
    start, length = file.data_start, file.trace_bytes
    if not len(numbers):
        return np.empty((0, length), np.uint8)
    if file.sample_counts is not None:
        rows = file.source.rows(file.starts(numbers), length)
        ends = file.header_bytes + file.sample_counts[numbers] * np.int64(file.format.itemsize)
        rows[np.arange(length) >= ends[:, None]] = 0
        return rows
    if not isinstance(file.path, Path) or file.pairs_swapped:
        return file.source.rows(start + numbers * length, length)
    a, b = int(numbers[0]), int(numbers[-1]) + 1
    # Mapped only as long as the result lives: so memory stays bounded.
    part = np.memmap(
        file.path, np.uint8, mode="r", offset=start + a * length, shape=(b - a, length)
    )
    traces = np.asarray(part)
    return traces if len(traces) == len(numbers) else traces[numbers - a]


def fit(original: Original, ds: xr.Dataset) -> tuple[Original | None, str]:
    """The original of a cube that is a whole file's, a part of it, or it in another order.

    Parameters
    ----------
    original : Original
        That of the whole file.
    ds : xarray.Dataset
        The cube. Its cells are found by their labels (field record and channel, inline, CDP, time,
        …); samples are not looked at.

    Returns
    -------
    original : Original or None
        With the traces of the cube only, in the order of the file, with their headers; sample
        counts and delays are those of the cube. None where the headers would not be true of it.
    reason : str
        Why there is none.
    """
    if original.variable not in ds.data_vars:
        return None, f"there is no variable {original.variable!r}"
    data = ds[original.variable]
    vertical = next((v for v in _VERTICALS if v in data.dims), "")
    if original.changed:
        return None, f"changed: {', '.join(original.changed)}"
    if set(data.dims) != {*original.dims, vertical}:
        return None, f"dimensions are {', '.join(map(str, data.dims))}"
    places = {}
    for dim in (*original.dims, vertical):
        found = _find(original.labels, ds, dim)
        if found is None:
            return None, f"the labels along {dim} are not those of the file, each once"
        places[dim] = found
    if changed := _changed(original.labels.isel(places), ds, {*original.dims, vertical}):
        return None, f"changed: {', '.join(changed)}"
    return part_of(original, places, vertical)


def _labels(ds: xr.Dataset) -> xr.Dataset:
    return ds.drop_vars(list(ds.data_vars))


def _find(labels: xr.Dataset, ds: xr.Dataset, dim: str) -> np.ndarray | None:
    """Place of each of the cube's labels among those of the file; None where one is not there."""
    import pandas as pd

    names = [n for n, v in labels.variables.items() if v.dims == (dim,)]
    names = [n for n in names if n in ds.variables and ds[n].dims == (dim,)]
    n, known = ds.sizes[dim], labels.sizes[dim]
    if n == known and all(_same(labels[name], ds[name]) for name in names):
        return np.arange(n)
    if not names:
        return None
    # A name that is enough by itself leaves the others free to have changed, which is said then.
    for name in (dim, "field_record", "channel"):
        if name in names and pd.Index(labels[name].values).is_unique:
            names = [name]
    whole, part = (
        pd.MultiIndex.from_arrays([d[name].values for name in names]) for d in (labels, ds)
    )
    if not whole.is_unique or not part.is_unique:
        return None
    found = whole.get_indexer(part)
    return found if (found >= 0).all() else None


def _changed(labels: xr.Dataset, ds: xr.Dataset, dims: set[str]) -> list[str]:
    """Coordinates that differ from those of the file, or that its headers do not know."""
    changed = []
    for name, variable in ds.variables.items():
        if not variable.dims or not set(variable.dims) <= dims:
            continue
        if name in labels.variables:
            reference = labels[name]
            if set(reference.dims) != set(variable.dims) or not _same(
                reference, ds[name].transpose(*reference.dims)
            ):
                changed.append(str(name))
        elif name in _IN_HEADERS:
            changed.append(str(name))
    return changed


def _same(a: xr.DataArray, b: xr.DataArray) -> bool:
    x, y = np.asarray(a.values), np.asarray(b.values)
    return x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")
