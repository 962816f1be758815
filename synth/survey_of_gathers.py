"""The survey of field gathers: their spread, their sampling, and a wavelet like theirs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ParameterError, SurveyMismatchError
from seisgeo.synth.spreads import place, usual_grid_spacing
from seisgeo.synth.wavelets import estimate_signature

__all__ = ["inline_offset", "survey_of_gathers"]

#: Shots whose traces are loaded for the spectrum.
SHOTS_LOADED = 5


def survey_of_gathers(
    gathers: xr.Dataset,
    *,
    peak_frequency: float | None,
    grid_spacing: float | None,
    dt: float | None,
    record_length: float | None,
    depth: float | None,
    free_surface: bool | None,
    wavelet: str | float,
    min_velocity: float,
    max_velocity: float,
) -> dict[str, Any]:
    """Parameters of the survey that :meth:`seisgeo.synth.Survey.from_gathers` makes."""
    conventions.validate(gathers, "gathers")
    dims = gathers["amplitude"].dims
    if not {"shot", "receiver"} <= set(dims):
        if "source" in dims:
            advice = "a training set carries its survey, see Survey.from_attrs"
        elif "receiver" in dims:
            advice = "seisgeo.synth.reciprocal_shots makes shots of receiver gathers"
        else:
            advice = (
                "traces that are sorted otherwise do not tell what was recorded together; open the "
                "file with layout='shots'"
            )
        raise SurveyMismatchError(
            f"expected field gathers (shot, receiver, time), found dimensions {dims}: {advice}"
        )
    phase = _phase(wavelet)
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
    traces = _traces(gathers)
    peak = peak_frequency or _peak_frequency(traces, field_dt)
    dx = grid_spacing or usual_grid_spacing(peak, min_velocity)
    step = dt or field_dt * max(1, math.floor(1 / (2 * 5 * peak) / field_dt + 1e-9))
    if depth is None:
        depth = min(2500.0 * length / 2, max(np.abs(offset).max(), 40 * dx))
    marine = all(_median(gathers, k) > 0 for k in ("source_depth", "receiver_depth"))
    surface = marine if free_surface is None else free_surface
    # On land nothing lies deeper than the surface itself; one cell down keeps clear of the
    # absorbing layer, as OpenFWI does.
    depths = [_median(gathers, k) or dx for k in ("source_depth", "receiver_depth")]
    emitted: dict[str, Any] = {}
    if phase is not None:
        signature, start = estimate_signature(
            traces,
            field_dt,
            dt=step,
            peak_frequency=peak,
            phase=phase,
            ghost_depths=tuple(depths) if surface else (),
        )
        emitted = {"wavelet": tuple(signature), "wavelet_start": start}
    return place(
        np.array([[depths[0], 0.0]]),
        np.stack([np.full(offset.size, depths[1]), offset], axis=-1)[None],
        depth=depth,
        dt=step,
        record_length=length,
        peak_frequency=peak,
        grid_spacing=dx,
        free_surface=surface,
        **emitted,
    )


def _phase(wavelet: str | float) -> str | float | None:
    """Phase of the wavelet that is to be estimated; None for Ricker's."""
    if isinstance(wavelet, str):
        known = {"ricker": None, "minimum-phase": "minimum", "zero-phase": "zero"}
        if wavelet in known:
            return known[wavelet]
    elif math.isfinite(wavelet):
        return float(wavelet)
    raise ParameterError(
        f"wavelet={wavelet!r}: expected 'ricker', 'minimum-phase', 'zero-phase' or a constant "
        "phase in degrees"
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


def _traces(gathers: xr.Dataset) -> np.ndarray:
    """Traces of a few shots, shape (trace, time); missing samples are zero."""
    n = gathers.sizes["shot"]
    shots = np.unique(np.linspace(0, n - 1, SHOTS_LOADED).round().astype(int))
    data = gathers["amplitude"].isel(shot=shots).transpose(..., "time").values
    return np.nan_to_num(data.reshape(-1, data.shape[-1]).astype(float))


def _peak_frequency(data: np.ndarray, dt: float) -> float:
    energy = (data**2).sum(axis=1)
    if not (energy > 0).any():
        raise SurveyMismatchError("every trace is zero: no wavelet can be estimated")
    data = data[energy > 0] / np.sqrt(energy[energy > 0])[:, None]
    frequency = np.fft.rfftfreq(data.shape[1], dt)
    power = (np.abs(np.fft.rfft(data - data.mean(axis=1, keepdims=True), axis=1)) ** 2).mean(axis=0)
    lowest = float(frequency[np.argmax(power > 0.1 * power.max())])
    # A record shorter than a few periods cannot resolve its own low end.
    floor = 4.0 / (data.shape[1] * dt)
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
