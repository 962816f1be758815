"""Surveys: where the sources and receivers are, what they emit, and how the record is sampled."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError, SurveyMismatchError

__all__ = ["Survey", "inline_offset"]

#: Cells for each wavelength of the peak frequency at the lowest velocity; with the fourth-order
#: stencil this keeps the error of the phase velocity under 2 % up to 1.6 times the peak frequency.
CELLS_PER_WAVELENGTH = 8.0
#: Cells between the outermost source or receiver and the model's edge.
MARGIN_CELLS = 10


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Acquisition geometry, wavelet and sampling of a simulated experiment, and its model grid.

    Positions are measured in the model: x from the left edge, depth down from the surface.

    Parameters
    ----------
    source_x, source_depth : sequence of float
        Source positions (m), one for each source.
    receiver_x, receiver_depth : sequence of sequence of float
        Receiver positions (m), shape (source, receiver): each source has its own spread.
    dt : float
        Sampling interval of the record (s).
    nt : int
        Samples of a trace.
    peak_frequency : float
        Peak frequency of the Ricker wavelet (Hz).
    peak_time : float, default 0
        Time of the wavelet's peak on the record's axis (s); zero is a zero-phase shot at time zero.
    grid_spacing : float
        Cell size of the velocity model (m), the same along x and depth.
    model_shape : (int, int)
        Cells of the velocity model: (depth, x).
    free_surface : bool, default False
        Whether the surface reflects (with it come the ghosts) or absorbs.

    Raises
    ------
    ConventionError
        If a number is not finite or not positive, a shape disagrees, or a position lies outside
        the model.

    Examples
    --------
    >>> survey = Survey.openfwi()
    >>> survey.n_sources, survey.n_receivers, survey.nt
    (5, 70, 1000)
    >>> Survey.from_json(survey.to_json()) == survey
    True
    """

    source_x: tuple[float, ...]
    source_depth: tuple[float, ...]
    receiver_x: tuple[tuple[float, ...], ...]
    receiver_depth: tuple[tuple[float, ...], ...]
    dt: float
    nt: int
    peak_frequency: float
    grid_spacing: float
    model_shape: tuple[int, int]
    peak_time: float = 0.0
    free_surface: bool = False

    def __post_init__(self) -> None:
        for name in ("source_x", "source_depth"):
            object.__setattr__(self, name, _row(name, getattr(self, name)))
        for name in ("receiver_x", "receiver_depth"):
            rows = tuple(_row(name, row) for row in getattr(self, name))
            object.__setattr__(self, name, rows)
        object.__setattr__(self, "model_shape", tuple(int(n) for n in self.model_shape))
        for name in ("dt", "nt", "peak_frequency", "grid_spacing"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConventionError(f"survey: {name} must be positive, found {value}")
        sizes = {len(self.source_x), len(self.source_depth)}
        sizes |= {len(self.receiver_x), len(self.receiver_depth)}
        widths = {len(row) for row in (*self.receiver_x, *self.receiver_depth)}
        if len(sizes) != 1 or 0 in sizes or len(widths) != 1 or 0 in widths:
            raise ConventionError(
                f"survey: source_x {len(self.source_x)}, source_depth {len(self.source_depth)}, "
                f"receiver_x {[len(r) for r in self.receiver_x]}, receiver_depth "
                f"{[len(r) for r in self.receiver_depth]}: every source needs a position and "
                "the same number of receivers"
            )
        self._check_inside()
        if self.free_surface and min(*self.source_depth, *map(min, self.receiver_depth)) <= 0:
            raise ConventionError(
                "survey: on a free surface the pressure is zero: sources and receivers need depths "
                "above 0 m, or free_surface=False"
            )

    def _check_inside(self) -> None:
        nz, nx = self.model_shape
        width, depth = (nx - 1) * self.grid_spacing, (nz - 1) * self.grid_spacing
        slack = 1e-6 * self.grid_spacing
        for what, xs, zs in (
            ("source", np.array(self.source_x), np.array(self.source_depth)),
            ("receiver", np.array(self.receiver_x), np.array(self.receiver_depth)),
        ):
            for axis, values, high in (("x", xs, width), ("depth", zs, depth)):
                outside = (values < -slack) | (values > high + slack)
                if outside.any():
                    raise ConventionError(
                        f"survey: {int(outside.sum())} {what}(s) outside the model: {what} {axis} "
                        f"{values[outside][0]:g} m, model {axis} 0 to {high:g} m"
                    )

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return len(self.source_x)

    @property
    def n_receivers(self) -> int:
        """Number of receivers of each source."""
        return len(self.receiver_x[0])

    @property
    def time(self) -> np.ndarray:
        """Time axis of the record (s), shape (nt,)."""
        return np.arange(self.nt) * self.dt

    @property
    def offset(self) -> np.ndarray:
        """Signed offsets, receiver minus source (m), shape (source, receiver)."""
        return np.array(self.receiver_x) - np.array(self.source_x)[:, None]

    def coords(self) -> dict[str, Any]:
        """Coordinates of gathers and models of this survey, ready for :class:`xarray.Dataset`."""
        nz, nx = self.model_shape
        values: dict[str, tuple[Any, np.ndarray]] = {
            "time": ("time", self.time),
            "depth": ("depth", np.arange(nz) * self.grid_spacing),
            "x": ("x", np.arange(nx) * self.grid_spacing),
            "source_x": ("source", np.array(self.source_x)),
            "source_depth": ("source", np.array(self.source_depth)),
            "offset": (("source", "receiver"), self.offset),
        }
        for name in ("receiver_x", "receiver_depth"):
            rows = np.array(getattr(self, name))
            shared = bool((rows == rows[0]).all())
            values[name] = ("receiver", rows[0]) if shared else (("source", "receiver"), rows)
        return {k: (dims, v, conventions.ATTRS[k]) for k, (dims, v) in values.items()}

    def to_json(self) -> str:
        """Write the survey as JSON (kept in ``attrs["survey"]`` of the cubes made with it)."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Survey:
        """Read a survey that :meth:`to_json` wrote."""
        return cls(**json.loads(text))

    @classmethod
    def from_attrs(cls, ds: xr.Dataset) -> Survey:
        """Survey that a training set was made with.

        Raises
        ------
        ConventionError
            If the dataset does not carry one.
        """
        if "survey" not in ds.attrs:
            raise ConventionError(
                "this dataset has no attrs['survey']: was it made by seisgeo.synth.generate? "
                "For field gathers use Survey.from_gathers"
            )
        return cls.from_json(ds.attrs["survey"])

    @classmethod
    def openfwi(cls) -> Survey:
        """OpenFWI's survey: 5 sources and 70 receivers on a 70 x 70 grid of 10 m, Ricker 15 Hz.

        Sources at cells 0, 17, 34, 52 and 69, receivers at every cell, all at 10 m depth; 1000
        samples of 1 ms; every edge absorbs. The peak stands at 72 ms: the released data hold the
        field *after* the source of a step was added, so the wavelet, whose peak has index 73,
        appears one sample early on the record's axis.

        References
        ----------
        Deng et al. (2022), OpenFWI, arXiv:2111.02926.
        """
        n, dx = 70, 10.0
        cells = np.around(np.linspace(0, n - 1, 5))
        return cls(
            source_x=tuple(cells * dx),
            source_depth=(dx,) * 5,
            receiver_x=(tuple(np.arange(n) * dx),) * 5,
            receiver_depth=((dx,) * n,) * 5,
            dt=0.001,
            nt=1000,
            peak_frequency=15.0,
            peak_time=0.072,
            grid_spacing=dx,
            model_shape=(n, n),
        )

    @classmethod
    def from_gathers(
        cls,
        gathers: xr.Dataset,
        *,
        peak_frequency: float | None = None,
        grid_spacing: float | None = None,
        dt: float | None = None,
        record_length: float | None = None,
        depth: float | None = None,
        free_surface: bool | None = None,
        min_velocity: float = 1500.0,
        max_velocity: float = 4500.0,
    ) -> Survey:
        """Survey of one shot of field gathers: the spread, the sampling, and a matching wavelet.

        Shots of a moving spread share one layout of signed offsets; the survey has that layout,
        regularised, with one source, and a model grid around it. Positions come from the
        coordinates (projected onto the line that they follow), else from ``offset``.

        Parameters
        ----------
        gathers : xarray.Dataset
            Field gathers, ``amplitude (shot, receiver, time)``. At most five shots are loaded, for
            the spectrum.
        peak_frequency : float, optional
            Of the Ricker wavelet (Hz). By default 1.2 times the lowest frequency within 10 dB of
            the strongest: low frequencies carry the background velocity, and the cost of a
            simulation grows with the cube of the frequency.
        grid_spacing : float, optional
            Cell size (m); by default a round number that gives 8 cells for the wavelength of
            `min_velocity` at the peak frequency.
        dt : float, optional
            Sampling interval (s); by default the largest multiple of the gathers' that keeps the
            Nyquist frequency at five times the peak frequency or more.
        record_length : float, optional
            Time of the last sample (s); by default the gathers'.
        depth : float, optional
            Depth of the model (m); by default what a wave of 2500 m/s reaches and returns from
            within the record, at most the largest offset.
        free_surface : bool, optional
            By default True where sources and receivers lie below the surface (marine).
        min_velocity, max_velocity : float
            Velocities (m/s) that the models may hold; `min_velocity` sets the grid.

        Returns
        -------
        Survey

        Raises
        ------
        SurveyMismatchError
            If the shots have no common offsets, no positions at all, or a geometry that no wave
            crosses within the record.
        """
        conventions.validate(gathers, "gathers")
        if "shot" not in gathers.dims:
            raise SurveyMismatchError(
                "expected field gathers (shot, receiver, time), found dimensions "
                f"{gathers['amplitude'].dims}: a training set carries its survey, see "
                "Survey.from_attrs"
            )
        field_dt = _interval(gathers)
        time = gathers["time"].values
        length = float(time[-1]) if record_length is None else record_length
        offset = _common_offsets(gathers)
        reach = length * max_velocity
        if np.abs(offset).min() > reach:
            raise SurveyMismatchError(
                f"the nearest receiver is {np.abs(offset).min():g} m from the source, but a wave "
                f"of {max_velocity:g} m/s travels only {reach:g} m in a record of {length:g} s: "
                "are the coordinates in another unit? Open the file with coordinate_scale=..."
            )
        peak = peak_frequency or _peak_frequency(gathers)
        dx = grid_spacing or _round_down(min_velocity / (CELLS_PER_WAVELENGTH * peak))
        step = dt or field_dt * max(1, math.floor(1 / (2 * 5 * peak) / field_dt + 1e-9))
        margin = MARGIN_CELLS * dx
        left = min(0.0, float(offset.min()))
        right = max(0.0, float(offset.max()))
        if depth is None:
            depth = min(2500.0 * length / 2, max(np.abs(offset).max(), 40 * dx))
        marine = all(_median(gathers, k) > 0 for k in ("source_depth", "receiver_depth"))
        surface = marine if free_surface is None else free_surface
        # On land nothing lies deeper than the surface itself; one cell down keeps clear of the
        # absorbing layer, as OpenFWI does.
        depths = [_median(gathers, k) or dx for k in ("source_depth", "receiver_depth")]
        n = offset.size
        return cls(
            source_x=(margin - left,),
            source_depth=(depths[0],),
            receiver_x=(tuple(offset - left + margin),),
            receiver_depth=((depths[1],) * n,),
            dt=step,
            nt=math.floor(length / step + 1e-6) + 1,
            peak_frequency=peak,
            grid_spacing=dx,
            model_shape=(
                math.ceil(depth / dx) + 1,
                math.ceil((right - left + 2 * margin) / dx) + 1,
            ),
            free_surface=surface,
        )

    def differences(self, other: Survey) -> list[str]:
        """Say how another survey differs where an encoder would notice.

        Parameters
        ----------
        other : Survey
            The survey to compare with.

        Returns
        -------
        list of str
            One line for each difference; empty when gathers of the one can stand in for gathers of
            the other (positions within half a cell, the same sampling and wavelet).
        """
        found = []
        for name, unit in (
            ("n_sources", ""),
            ("n_receivers", ""),
            ("nt", " samples"),
            ("dt", " s"),
            ("peak_frequency", " Hz"),
            ("peak_time", " s"),
            ("free_surface", ""),
        ):
            mine, theirs = getattr(self, name), getattr(other, name)
            if not math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-9):
                found.append(f"{name}: {mine}{unit} against {theirs}{unit}")
        for name, mine, theirs in (
            ("offsets", self.offset, other.offset),
            ("source depths", np.array(self.source_depth), np.array(other.source_depth)),
            ("receiver depths", np.array(self.receiver_depth), np.array(other.receiver_depth)),
        ):
            if mine.shape == theirs.shape:
                apart = float(np.abs(mine - theirs).max())
                if apart > 0.5 * self.grid_spacing:
                    found.append(
                        f"{name}: {_span(mine)} against {_span(theirs)}, up to {apart:g} m apart"
                    )
        return found

    def require_coords(self, ds: xr.Dataset, what: str) -> None:
        """Raise :class:`SurveyMismatchError` where a cube's own coordinates are not this survey's.

        Parameters
        ----------
        ds : xarray.Dataset
            Gathers or models; only coordinates that it has are compared.
        what : str
            What to call it in the message.
        """
        found = []
        for name, (dims, mine, attrs) in self.coords().items():
            if name not in ds.coords:
                continue
            theirs = ds[name]
            if theirs.ndim != np.ndim(mine):
                theirs = theirs.broadcast_like(xr.DataArray(mine, dims=dims))
            values = theirs.transpose(*np.atleast_1d(dims)).values
            if values.shape != mine.shape:
                found.append(f"{name}: {values.shape} values, the model's survey has {mine.shape}")
                continue
            slack = 0.01 * self.dt if name == "time" else 0.5 * self.grid_spacing
            apart = np.abs(values - mine).max()
            if apart > slack:
                unit = attrs.get("units", "")
                found.append(
                    f"{name}: {values.min():g} to {values.max():g} {unit}, the model's survey has "
                    f"{mine.min():g} to {mine.max():g} {unit}, up to {apart:g} {unit} apart"
                )
        if found:
            raise SurveyMismatchError(
                f"the coordinates of {what} are not those that the model was trained with:\n  "
                + "\n  ".join(found)
            )

    def require_same(self, other: Survey, what: str) -> None:
        """Raise :class:`SurveyMismatchError` naming each difference from `other`, if any."""
        found = self.differences(other)
        if found:
            raise SurveyMismatchError(
                f"the survey of {what} differs from the model's:\n  " + "\n  ".join(found)
            )


def inline_offset(gathers: xr.Dataset) -> np.ndarray:
    """Signed offsets of field gathers along their line.

    Parameters
    ----------
    gathers : xarray.Dataset
        Field gathers with positions or ``offset``.

    Returns
    -------
    numpy.ndarray
        Distance from source to receiver (m), shape (shot, receiver), positive where the receiver
        lies towards larger x along the direction that the spread follows (larger y on a north-south
        line). NaN for missing traces. Where positions are missing, all the same, or contradict
        ``offset``, it is ``offset`` that counts: a reader has weighed the two.

    Raises
    ------
    SurveyMismatchError
        If there are neither positions nor offsets, or the receivers spread over an area.
    """
    shape = (gathers.sizes["shot"], gathers.sizes["receiver"])

    def on_traces(name: str) -> np.ndarray | None:
        if name not in gathers.coords:
            return None
        values = gathers[name].broadcast_like(_template(gathers)).transpose("shot", "receiver")
        return np.asarray(values.values, dtype=float)

    def relative(axis: str) -> np.ndarray:
        receiver, source = on_traces(f"receiver_{axis}"), on_traces(f"source_{axis}")
        return np.zeros(shape) if receiver is None or source is None else receiver - source

    live = _live(gathers)
    if not live.any():
        raise SurveyMismatchError("every trace is dead: the survey cannot be known")
    vectors = np.stack([relative("x"), relative("y")], axis=-1)
    known = live & np.isfinite(vectors).all(axis=-1)
    stated = on_traces("offset")
    if stated is not None and not np.ptp(stated[live]) > 0:
        stated = None
    signed = None
    if known.any() and np.ptp(vectors[known], axis=0).max() > 0:
        signed = _along_line(vectors, known)
    if signed is None:
        if stated is None:
            raise SurveyMismatchError(
                "these gathers have neither source and receiver positions nor offsets that vary: "
                "the survey cannot be known"
            )
        signed = stated
    elif stated is not None:
        apart = np.abs(np.abs(signed) - np.abs(stated))[known]
        if np.median(apart) > 0.05 * np.median(np.abs(stated[known])):
            signed = np.where(signed < 0, -1.0, 1.0) * np.abs(stated)
    return np.where(live, signed, np.nan)


def _along_line(vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Distances with a sign from vectors (shot, receiver, 2) that point from source to receiver."""
    centred = vectors[known] - vectors[known].mean(axis=0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    if len(spread) > 1 and spread[1] > 0.2 * spread[0]:
        raise SurveyMismatchError(
            "the receivers spread over an area, not along a line (their spread across is "
            f"{spread[1] / spread[0]:.0%} of that along it): select the receivers of one line, for "
            "instance gathers.isel(receiver=...)"
        )
    direction = axes[0] * np.sign(axes[0][np.argmax(np.abs(axes[0]))])
    return np.where(vectors @ direction < 0, -1.0, 1.0) * np.hypot(vectors[..., 0], vectors[..., 1])


def _template(gathers: xr.Dataset) -> xr.DataArray:
    shape = (gathers.sizes["shot"], gathers.sizes["receiver"])
    return xr.DataArray(np.zeros(shape), dims=("shot", "receiver"))


def _live(gathers: xr.Dataset) -> np.ndarray:
    if "live" in gathers.coords:
        return np.asarray(gathers["live"].broadcast_like(_template(gathers)).values, dtype=bool)
    return np.ones((gathers.sizes["shot"], gathers.sizes["receiver"]), dtype=bool)


def _common_offsets(gathers: xr.Dataset) -> np.ndarray:
    offset = inline_offset(gathers)
    offset = offset[np.isfinite(offset).any(axis=1)]  # a dead shot says nothing
    low = float(np.nanmin(offset, axis=1).max())
    high = float(np.nanmax(offset, axis=1).min())
    gaps = np.diff(np.sort(offset, axis=1), axis=1)
    gaps = gaps[np.isfinite(gaps) & (gaps > 0)]
    spacing = float(np.median(gaps)) if gaps.size else 0.0
    if spacing == 0 or high - low < 3 * spacing:
        ranges = [f"{np.nanmin(row):g} to {np.nanmax(row):g}" for row in offset[:3]]
        raise SurveyMismatchError(
            f"the shots share no range of offsets (the first have {'; '.join(ranges)} m): select "
            "shots of one layout, for instance gathers.isel(shot=[0]), and make a survey for each"
        )
    return low + spacing * np.arange(round((high - low) / spacing) + 1)


def _peak_frequency(gathers: xr.Dataset) -> float:
    shots = np.unique(np.linspace(0, gathers.sizes["shot"] - 1, 5).round().astype(int))
    data = gathers["amplitude"].isel(shot=shots).transpose(..., "time").values
    data = np.nan_to_num(data.reshape(-1, data.shape[-1]).astype(float))
    energy = (data**2).sum(axis=1)
    if not (energy > 0).any():
        raise SurveyMismatchError("every trace is zero: no wavelet can be estimated")
    data = data[energy > 0] / np.sqrt(energy[energy > 0])[:, None]
    frequency = np.fft.rfftfreq(data.shape[1], _interval(gathers))
    power = (np.abs(np.fft.rfft(data - data.mean(axis=1, keepdims=True), axis=1)) ** 2).mean(axis=0)
    lowest = float(frequency[np.argmax(power > 0.1 * power.max())])
    # A record shorter than a few periods cannot resolve its own low end.
    floor = 4.0 / (data.shape[1] * _interval(gathers))
    return round(max(1.2 * lowest, floor), 1)


def _interval(gathers: xr.Dataset) -> float:
    time = gathers["time"].values
    if time.size < 2:
        raise SurveyMismatchError("these gathers have a single time sample")
    # Nanoseconds: what a record's clock resolves, and short decimals in files.
    return round(float(time[-1] - time[0]) / (time.size - 1), 9)


def _median(gathers: xr.Dataset, name: str) -> float:
    if name not in gathers.coords:
        return 0.0
    return float(np.nanmedian(gathers[name].values))


def _round_down(value: float) -> float:
    """Largest round step (1, 1.25, 1.5, 2, ... times a power of ten) not above `value`."""
    power = 10.0 ** math.floor(math.log10(value) + 1e-12)
    return power * max(s for s in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5) if s * power <= value)


def _row(name: str, values: Sequence[float] | Mapping[str, Any]) -> tuple[float, ...]:
    row = tuple(float(v) for v in values)
    if not all(math.isfinite(v) for v in row):
        raise ConventionError(f"survey: {name} holds values that are not finite")
    return row


def _span(values: np.ndarray) -> str:
    return f"{values.min():g} to {values.max():g} m"
