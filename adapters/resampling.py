"""Another sample interval in time or depth, without aliases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import xarray as xr

from seisgeo.adapters.derived import Derived, pieces
from seisgeo.adapters.selection import without_survey
from seisgeo.errors import ParameterError

__all__ = ["resample"]

_VERTICALS = ("time", "depth")
#: Attenuation beyond the transition band, and ripple before it (dB).
_ATTENUATION = 60.0
#: Width of the transition band, as a share of the coarser Nyquist frequency.
_WIDTH = 0.2
#: Whole numbers up to this make the ratio of the intervals.
_LARGEST = 1000
#: How far off its place the last sample may be (samples).
_LEAST_DRIFT = 0.01
#: Bytes of the source that are resampled at a time.
_PIECE_BYTES = 4 * 2**20


def resample(ds: xr.Dataset, interval: float | str | Mapping[str, float]) -> xr.Dataset:
    """Bring a cube to another sample interval in time or depth, lazily.

    Parameters
    ----------
    ds : xarray.Dataset
        Any cube with a regular ``time`` or ``depth`` axis.
    interval : float, str or mapping
        New interval in s (or m for depth). Where the cube has both axes, ``"time=0.002"`` or
        ``{"time": 0.002}``.

    Returns
    -------
    xarray.Dataset
        The cube with an axis that starts where it did and ends not later. Variables without the
        axis stay as they are. Missing traces stay NaN throughout; of gaps within a trace, samples
        next to them are NaN.

    Raises
    ------
    ParameterError
        If the interval is not positive, the axis is irregular, or the ratio of the intervals is
        none of whole numbers up to 1000.

    Notes
    -----
    Polyphase filtering with a linear-phase FIR filter, so that nothing is shifted
    (:func:`scipy.signal.resample_poly`; Crochiere and Rabiner, Multirate Digital Signal Processing,
    1983, section 2.4). The filter is a Kaiser window design (Kaiser, Nonrecursive digital filter
    design using the I0-sinh window function, IEEE ISCAS, 1974): flat within .1 % up to 80 % of the
    new Nyquist frequency and 60 dB down above it; where the interval becomes shorter, flat up to
    90 % of the old Nyquist frequency. Beyond its ends a trace is taken to go on along the line
    through them.

    Examples
    --------
    >>> t = np.arange(500) * 0.002
    >>> cube = xr.Dataset({"amplitude": (("cdp", "time"), np.sin(40 * t)[None])}, {"time": t})
    >>> coarse = resample(cube, 0.004)
    >>> coarse.sizes["time"], float(abs(coarse.amplitude - np.sin(40 * coarse.time)).max()) < 0.02
    (250, True)
    """
    for dim, new in _wanted(ds, interval).items():
        ds = _resample_along(ds, str(dim), float(new))
    return ds


def _wanted(ds: xr.Dataset, interval: float | str | Mapping[str, float]) -> dict[str, float]:
    if isinstance(interval, Mapping):
        return dict(interval)
    if not isinstance(interval, str):
        return _only_axis(ds, interval)
    dim, _, value = interval.rpartition("=")
    try:
        new = float(value)
    except ValueError:
        raise ParameterError(
            f"resample: {interval!r} is no interval; expected seconds (metres for depth) such as "
            "0.004, or time=0.004"
        ) from None
    return {dim.strip(): new} if dim else _only_axis(ds, new)


def _only_axis(ds: xr.Dataset, interval: float) -> dict[str, float]:
    found = [v for v in _VERTICALS if v in ds.dims]
    if len(found) == 1:
        return {found[0]: interval}
    if not found:
        raise ParameterError("resample: this cube has neither time nor depth samples")
    raise ParameterError(
        f"resample: this cube has samples in time and in depth; say which, time={interval:g} or "
        f"depth={interval:g}"
    )


def _resample_along(ds: xr.Dataset, dim: str, new: float) -> xr.Dataset:
    if dim not in _VERTICALS or dim not in ds.dims:
        there = [v for v in _VERTICALS if v in ds.dims]
        raise ParameterError(
            f"resample: no sample axis {dim!r}; this cube has {', '.join(there) or 'none'}"
        )
    if not (math.isfinite(new) and new > 0):
        raise ParameterError(f"resample: an interval must be positive, found {new:g}")
    old = _interval(ds, dim)
    up, down = _ratio(old, new, ds.sizes[dim])
    if up == down:
        return ds
    n = ((ds.sizes[dim] - 1) * up) // down + 1
    start = float(ds[dim].values[0])
    # In millionths, as files count: sample 3 of 4 ms is .012, not .012000000000001.
    axis = (round(start * 1e6, 6) + round(new * 1e6, 6) * np.arange(n)) / 1e6
    nearest = np.minimum(np.rint(np.arange(n) * down / up).astype(int), ds.sizes[dim] - 1)
    part = ds.drop_vars([v for v in ds.data_vars if dim in ds[v].dims]).isel({dim: nearest})
    part = part.assign_coords({dim: (dim, axis, ds[dim].attrs)})
    for name, data in ds.data_vars.items():
        if dim in data.dims:
            part[name] = Resampled(data.variable, dim, up, down, n).variable()
    return without_survey(part[list(ds.data_vars)])


def _interval(ds: xr.Dataset, dim: str) -> float:
    if dim not in ds.coords or ds.sizes[dim] < 2:
        raise ParameterError(f"resample: {dim} needs the {dim}s of at least two samples")
    axis = np.asarray(ds[dim].values, float)
    steps = np.diff(axis)
    old = float(axis[-1] - axis[0]) / (len(axis) - 1)
    if not (old > 0 and np.abs(steps - old).max() <= 1e-4 * old):
        raise ParameterError(
            f"resample: {dim} is irregular, its steps reach from {steps.min():g} to "
            f"{steps.max():g}; bring it to a regular axis first (ds.interp)"
        )
    return old


def _ratio(old: float, new: float, n: int) -> tuple[int, int]:
    ratio = Fraction(old / new).limit_denominator(_LARGEST)
    drift = abs(old / new - ratio) * n
    if ratio.numerator == 0 or ratio.numerator > _LARGEST or drift > _LEAST_DRIFT:
        raise ParameterError(
            f"resample: intervals of {old:g} and {new:g} are in no ratio of whole numbers up to "
            f"{_LARGEST}; expected one such as {old / 2:g}, {old * 2:g} or {old * 1.5:g}"
        )
    return ratio.numerator, ratio.denominator


class Resampled(Derived):
    """A variable at ``up / down`` times as many samples along a dimension.

    Parameters
    ----------
    source : xarray.Variable
        The samples.
    dim : str
        Dimension to resample.
    up, down : int
        Ratio of the sampling rates.
    n : int
        Samples of the result.
    """

    def __init__(self, source: xr.Variable, dim: str, up: int, down: int, n: int) -> None:
        self.axis = source.dims.index(dim)
        self.up, self.down = up, down
        single = source.dtype.kind == "f" and source.dtype.itemsize <= 4
        dtype = np.dtype(np.float32 if single else np.float64)
        shape = (*source.shape[: self.axis], n, *source.shape[self.axis + 1 :])
        super().__init__(source, shape, dtype)

    def read(self, positions: tuple[np.ndarray, ...]) -> np.ndarray:
        """Values at the crossings of positions along each dimension."""
        axis, chosen = self.axis, positions[self.axis]
        out = np.empty([len(p) for p in positions], self.dtype)
        whole = list(positions)
        whole[axis] = np.arange(self.source.shape[axis])
        if not out.size:
            return out
        others = [i for i in range(out.ndim) if i != axis]
        cut = max(others, key=lambda i: len(positions[i]), default=axis)
        size = self.dtype.itemsize * math.prod(len(p) for p in whole)
        parts = pieces(tuple(whole), cut, size, _PIECE_BYTES) if others else [slice(None)]
        for part in parts:
            if others:
                whole[cut] = positions[cut][part]
            traces = np.moveaxis(self.from_source(tuple(whole)), axis, -1)
            values = self._traces(traces.astype(self.dtype, copy=False))[..., chosen]
            at: list[slice] = [slice(None)] * out.ndim
            if others:
                at[cut] = part
            out[tuple(at)] = np.moveaxis(values, -1, axis)
        return out

    def _traces(self, traces: np.ndarray) -> np.ndarray:
        from scipy.signal import resample_poly

        n = self.shape[self.axis]
        gaps = np.isnan(traces)
        some = gaps.any()
        if some:
            traces = np.where(gaps, traces.dtype.type(0), traces)
        values = resample_poly(
            traces, self.up, self.down, axis=-1, window=_filter(self.up, self.down), padtype="line"
        )[..., :n]
        if some:
            at = np.arange(n) * self.down
            for neighbour in (at // self.up, -(-at // self.up)):
                near = np.take(gaps, np.minimum(neighbour, gaps.shape[-1] - 1), axis=-1)
                values[near] = np.nan
        return values


def _filter(up: int, down: int) -> np.ndarray:
    """Coefficients of the anti-alias filter at ``up`` times the old rate."""
    from scipy.signal import firwin, kaiserord

    rate = max(up, down)
    taps, beta = kaiserord(_ATTENUATION, _WIDTH / rate)
    middle = 1 - _WIDTH / 2 if down > up else 1.0
    return firwin(taps | 1, middle / rate, window=("kaiser", beta))
