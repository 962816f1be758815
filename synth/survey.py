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
from seisgeo.synth.spreads import StandardSpreads
from seisgeo.synth.wavelets import preroll, source_signature

__all__ = ["Survey"]


@dataclass(frozen=True, kw_only=True)
class Survey(StandardSpreads):
    """Acquisition geometry, wavelet and sampling of a simulated experiment, and its model grid.

    Positions are measured in the model: x from the left edge, depth down from the surface, and in
    three dimensions y from the front edge. Usual surveys have constructors of their own:
    :meth:`openfwi`, :meth:`land`, :meth:`streamer`, :meth:`ocean_bottom`, :meth:`crosswell`,
    :meth:`vsp`, :meth:`areal`; :meth:`from_gathers` takes the survey of field data.

    Parameters
    ----------
    source_x, source_depth : sequence of float
        Source positions (m), one for each source; anywhere, not only on cells.
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
    model_shape : (int, int) or (int, int, int)
        Cells of the velocity model: (depth, x), or (depth, y, x).
    free_surface : bool, default False
        Whether the surface reflects (with it come the ghosts) or absorbs.
    source_y : sequence of float, optional
        In three dimensions, the sources' positions across (m).
    receiver_y : sequence of sequence of float, optional
        In three dimensions, the receivers' positions across (m).
    wavelet : sequence of float, optional
        What the source emits instead of a Ricker wavelet, in samples of `dt`. `peak_frequency`
        still says what band it is made for.
    wavelet_start : float, default 0
        Time of the first sample of `wavelet` on the record's axis (s), a multiple of `dt`.

    Raises
    ------
    ConventionError
        If a number is not finite or not positive, a shape disagrees, a position lies outside the
        model, or a wavelet is silent.

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
    model_shape: tuple[int, ...]
    peak_time: float = 0.0
    free_surface: bool = False
    source_y: tuple[float, ...] | None = None
    receiver_y: tuple[tuple[float, ...], ...] | None = None
    wavelet: tuple[float, ...] | None = None
    wavelet_start: float = 0.0

    def __post_init__(self) -> None:
        for name in ("source_x", "source_y", "source_depth", "wavelet"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _row(name, getattr(self, name)))
        for name in ("receiver_x", "receiver_y", "receiver_depth"):
            if getattr(self, name) is not None:
                rows = tuple(_row(name, row) for row in getattr(self, name))
                object.__setattr__(self, name, rows)
        object.__setattr__(self, "model_shape", tuple(int(n) for n in self.model_shape))
        for name in ("dt", "nt", "peak_frequency", "grid_spacing"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConventionError(f"survey: {name} must be positive, found {value}")
        self._check_dimensions()
        self._check_inside()
        self._check_wavelet()
        if self.free_surface and min(*self.source_depth, *map(min, self.receiver_depth)) <= 0:
            raise ConventionError(
                "survey: on a free surface the pressure is zero: sources and receivers need depths "
                "above 0 m, or free_surface=False"
            )

    def _check_dimensions(self) -> None:
        across = [name for name in ("source_y", "receiver_y") if getattr(self, name) is not None]
        expected = 3 if across else 2
        if len(self.model_shape) != expected or len(across) == 1:
            raise ConventionError(
                f"survey: model_shape={self.model_shape} and "
                f"{' and '.join(across) or 'no source_y, no receiver_y'}: a model (depth, x) goes "
                "without them, a model (depth, y, x) needs both"
            )
        rows = {n: getattr(self, n) for n in ("source_x", "source_depth", "source_y")}
        spreads = {n: getattr(self, n) for n in ("receiver_x", "receiver_depth", "receiver_y")}
        found: dict[str, Any] = {n: len(v) for n, v in rows.items() if v is not None}
        found |= {n: [len(r) for r in v] for n, v in spreads.items() if v is not None}
        n = found["source_x"]
        width = len(self.receiver_x[0]) if self.receiver_x else 0
        fits = all(v == (n if isinstance(v, int) else [width] * n) for v in found.values())
        if not (fits and n and width):
            raise ConventionError(
                f"survey: {', '.join(f'{k} {v}' for k, v in found.items())}: every source needs a "
                "position and the same number of receivers"
            )

    def _check_inside(self) -> None:
        slack = 1e-6 * self.grid_spacing
        for what, positions in (
            ("source", self.source_positions),
            ("receiver", self.receiver_positions),
        ):
            for i, (axis, n) in enumerate(zip(self.axes, self.model_shape, strict=True)):
                values, high = positions[..., i], (n - 1) * self.grid_spacing
                outside = (values < -slack) | (values > high + slack)
                if outside.any():
                    raise ConventionError(
                        f"survey: {int(outside.sum())} {what}(s) outside the model: {what} {axis} "
                        f"{values[outside][0]:g} m, model {axis} 0 to {high:g} m; beyond it lies "
                        "the absorbing layer: give model_shape more cells, or shift the positions"
                    )

    def _check_wavelet(self) -> None:
        if self.wavelet is None:
            return
        if not any(self.wavelet):
            raise ConventionError("survey: the wavelet is zero throughout")
        start = self.wavelet_start / self.dt
        if not abs(start - round(start)) < 1e-3:
            raise ConventionError(
                f"survey: wavelet_start={self.wavelet_start} s is no multiple of dt={self.dt} s"
            )

    @property
    def axes(self) -> tuple[str, ...]:
        """Dimensions of the model: (depth, x), or (depth, y, x)."""
        return ("depth", "x") if self.source_y is None else ("depth", "y", "x")

    @property
    def source_positions(self) -> np.ndarray:
        """Positions of the sources along :attr:`axes` (m), shape (source, axis)."""
        return np.stack([np.array(getattr(self, f"source_{a}")) for a in self.axes], axis=-1)

    @property
    def receiver_positions(self) -> np.ndarray:
        """Positions of the receivers along :attr:`axes` (m), shape (source, receiver, axis)."""
        return np.stack([np.array(getattr(self, f"receiver_{a}")) for a in self.axes], axis=-1)

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return len(self.source_x)

    @property
    def n_receivers(self) -> int:
        """Number of receivers of each source."""
        return len(self.receiver_x[0])

    @property
    def usual_water_depth(self) -> tuple[float, float] | None:
        """Range of water depths (m) for models: 4 to 20 % of the model's under a free surface."""
        bottom = (self.model_shape[0] - 1) * self.grid_spacing
        return (0.04 * bottom, 0.2 * bottom) if self.free_surface else None

    @property
    def time(self) -> np.ndarray:
        """Time axis of the record (s), shape (nt,)."""
        return np.arange(self.nt) * self.dt

    @property
    def offset(self) -> np.ndarray:
        """Offsets (m), shape (source, receiver).

        Receiver minus source, with its sign, along a line; distances in three dimensions.
        """
        along = np.array(self.receiver_x) - np.array(self.source_x)[:, None]
        if self.receiver_y is None or self.source_y is None:
            return along
        return np.hypot(along, np.array(self.receiver_y) - np.array(self.source_y)[:, None])

    def coords(self) -> dict[str, Any]:
        """Coordinates of gathers and models of this survey, ready for :class:`xarray.Dataset`."""
        values: dict[str, tuple[Any, np.ndarray]] = {"time": ("time", self.time)}
        for axis, n in zip(self.axes, self.model_shape, strict=True):
            values[axis] = (axis, np.arange(n) * self.grid_spacing)
            values[f"source_{axis}"] = ("source", np.array(getattr(self, f"source_{axis}")))
            rows = np.array(getattr(self, f"receiver_{axis}"))
            shared = bool((rows == rows[0]).all())
            values[f"receiver_{axis}"] = (
                ("receiver", rows[0]) if shared else (("source", "receiver"), rows)
            )
        values["offset"] = (("source", "receiver"), self.offset)
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
        wavelet: str | float = "ricker",
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
            Frequency that the simulation is made for: the peak of the Ricker wavelet (Hz). By
            default 1.2 times the lowest frequency within 10 dB of the strongest: low frequencies
            carry the background velocity, and the cost of a simulation grows with the cube of the
            frequency.
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
        wavelet : {"ricker", "minimum-phase", "zero-phase"} or float, default "ricker"
            What the source emits: a Ricker wavelet, or one whose amplitude spectrum is estimated
            from the gathers, with this phase; a number is a constant phase (degrees). The ghosts
            and the half-integration of a 2-D simulation are taken out of it, since the simulation
            puts them in (:func:`seisgeo.synth.wavelets.estimate_signature`).
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
        ParameterError
            If `wavelet` is unknown.

        Examples
        --------
        >>> import xarray as xr
        >>> shots = xr.open_dataset("viking_small.segy")                      # doctest: +SKIP
        >>> survey = Survey.from_gathers(shots, wavelet="minimum-phase")      # doctest: +SKIP
        """
        from seisgeo.synth.survey_of_gathers import survey_of_gathers

        settings = survey_of_gathers(
            gathers,
            peak_frequency=peak_frequency,
            grid_spacing=grid_spacing,
            dt=dt,
            record_length=record_length,
            depth=depth,
            free_surface=free_surface,
            wavelet=wavelet,
            min_velocity=min_velocity,
            max_velocity=max_velocity,
        )
        return cls(**settings)

    def differences(self, other: Survey, *, positions: bool = True) -> list[str]:
        """Say how another survey differs where an encoder would notice.

        Parameters
        ----------
        other : Survey
            The survey to compare with.
        positions : bool, default True
            Compare sources and receivers, too, not sampling and wavelet alone.

        Returns
        -------
        list of str
            One line for each difference; empty when gathers of the one can stand in for gathers of
            the other (positions within half a cell, the same sampling and wavelet).
        """
        found = []
        counts = (("n_sources", ""), ("n_receivers", "")) if positions else ()
        for name, unit in (
            *counts,
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
            ("source depths", self.source_positions[..., 0], other.source_positions[..., 0]),
            ("receiver depths", self.receiver_positions[..., 0], other.receiver_positions[..., 0]),
        ):
            if positions and mine.shape == theirs.shape:
                apart = float(np.abs(mine - theirs).max())
                if apart > 0.5 * self.grid_spacing:
                    found.append(
                        f"{name}: {_span(mine)} against {_span(theirs)}, up to {apart:g} m apart"
                    )
        if not found and (alike := _likeness(self, other)) < 0.99:
            found.append(f"wavelet: correlated by {alike:.2f}")
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

    def require_same(self, other: Survey, what: str, *, positions: bool = True) -> None:
        """Raise :class:`SurveyMismatchError` naming each difference from `other`, if any."""
        found = self.differences(other, positions=positions)
        if found:
            raise SurveyMismatchError(
                f"the survey of {what} differs from the model's:\n  " + "\n  ".join(found)
            )


def _row(name: str, values: Sequence[float] | Mapping[str, Any]) -> tuple[float, ...]:
    row = tuple(float(v) for v in values)
    if not all(math.isfinite(v) for v in row):
        raise ConventionError(f"survey: {name} holds values that are not finite")
    return row


def _likeness(one: Survey, other: Survey) -> float:
    """Correlation of two surveys' wavelets of the same sampling, time shifts counted."""
    if one.wavelet is None and other.wavelet is None:
        return 1.0
    before = max(preroll(one), preroll(other))
    a, b = source_signature(one, before), source_signature(other, before)
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _span(values: np.ndarray) -> str:
    return f"{values.min():g} to {values.max():g} m"
