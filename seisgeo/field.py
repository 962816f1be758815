"""Field gathers into the form that an encoder was trained on."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import DataWarning, SurveyMismatchError
from seisgeo.synth.survey import Survey
from seisgeo.synth.survey_of_gathers import inline_offset

__all__ = ["match_to_survey", "mean_spectrum"]

#: A trace whose RMS is this many times the median of its neighbours, or its inverse, is killed.
OUTLIER_RATIO = 30.0
#: Share of the survey's receivers that must have a live field trace within reach.
MIN_COVERAGE = 0.8


def match_to_survey(
    gathers: xr.Dataset, survey: Survey, *, spectrum: np.ndarray | None = None
) -> xr.Dataset:
    """Bring field gathers to the offsets, sampling, band and scale of a training survey.

    For each shot, in this order:

    1. *Kill*: missing, constant and non-finite traces, and traces whose RMS is more than 30 times
       above or below the median of their neighbours, are taken as dead.
    2. *Band*: one zero-phase filter for all shots shapes their mean amplitude spectrum to
       `spectrum`, at most 30 dB up.
    3. *Time*: cubic interpolation to the survey's samples, which the band has made alias-free.
    4. *Offset*: each receiver of the survey takes the field trace at its offset, or the linear
       interpolation of its two neighbours; where the nearest live trace is more than one and a
       half receiver spacings away it stays dead.
    5. *Scale*: the gather is divided by its RMS, so that its charge size or gain does not matter.

    Parameters
    ----------
    gathers : xarray.Dataset
        Field gathers, ``amplitude (shot, receiver, time)``; loaded shot by shot.
    survey : Survey
        Survey of one source, as :meth:`Survey.from_gathers` makes.
    spectrum : numpy.ndarray, optional
        Mean amplitude spectrum of the training gathers, as :func:`mean_spectrum` gives it. By
        default that of the survey's wavelet, with the ghosts of a free surface.

    Returns
    -------
    xarray.Dataset
        ``amplitude (sample, source, time, receiver)``, float32, one sample for each shot; dead
        traces are zero and marked in ``live (sample, source, receiver)``. The shot's coordinates
        (``field_record`` ...) stay with the sample.

    Raises
    ------
    SurveyMismatchError
        If the record is too short or sampled too coarsely, if sources or receivers lie at other
        depths, if in no shot 80 % of the survey's receivers have a live trace near, or if the
        survey has several sources; the message says which.

    Warns
    -----
    DataWarning
        If some shots are left out because they cover less than 80 % of the survey's receivers.

    Examples
    --------
    >>> import xarray as xr, seisgeo as sg
    >>> shots = xr.open_dataset("viking_small.segy")           # doctest: +SKIP
    >>> survey = sg.synth.Survey.from_gathers(shots)           # doctest: +SKIP
    >>> matched = match_to_survey(shots, survey)               # doctest: +SKIP
    """
    conventions.validate(gathers, "gathers")
    if "shot" not in gathers.dims:
        raise SurveyMismatchError(
            "expected field gathers (shot, receiver, time), found dimensions "
            f"{tuple(gathers['amplitude'].dims)}: these need no matching"
        )
    if survey.n_sources != 1:
        raise SurveyMismatchError(
            f"the survey has {survey.n_sources} sources for each sample; single field shots match "
            "surveys of one source"
        )
    time = gathers["time"].values
    _check_time(time, survey)
    _check_depths(gathers, survey)
    offset = inline_offset(gathers)
    target = survey.offset[0]
    amplitude = gathers["amplitude"].transpose("shot", "receiver", "time")
    n = gathers.sizes["shot"]

    alive = np.zeros((n, offset.shape[1]), dtype=bool)
    size = _fft_size(time.size)
    power = np.zeros(size // 2 + 1)
    for shot in range(n):
        data = amplitude[shot].values.astype(np.float64)
        alive[shot] = np.isfinite(offset[shot]) & _live_traces(data, offset[shot])
        power += _power(data[alive[shot]], size)
    shaping = _shaping_filter(power, float(time[1] - time[0]), survey, spectrum)

    out = np.zeros((n, 1, survey.nt, survey.n_receivers), dtype=np.float32)
    live = np.zeros((n, 1, survey.n_receivers), dtype=bool)
    for shot in range(n):
        which = np.flatnonzero(alive[shot])
        which = which[np.argsort(offset[shot, which])]
        data = amplitude[shot].values[which].astype(np.float64)
        shaped = np.fft.irfft(np.fft.rfft(data, n=size, axis=1) * shaping, n=size, axis=1)
        shaped = shaped[:, : time.size]
        traces = _resample(shaped, time, survey)
        out[shot, 0], live[shot, 0] = _regularise(traces, offset[shot, which], target)
        scale = np.sqrt((out[shot] ** 2).mean())
        if scale > 0:
            out[shot] /= scale

    used = _covered(live[:, 0], offset, target, gathers)
    kept = {
        str(k): ("sample", v.values[used], v.attrs)
        for k, v in gathers.coords.items()
        if v.dims == ("shot",) and k in ("field_record", "source_point")
    }
    model_axes = ("depth", "x")
    coords = {k: v for k, v in survey.coords().items() if k not in model_axes}
    result = xr.Dataset(
        {"amplitude": (("sample", "source", "time", "receiver"), out[used])},
        coords={**coords, **kept, "live": (("sample", "source", "receiver"), live[used])},
        attrs={**gathers.attrs, "survey": survey.to_json(), "matched_to": "training survey"},
    )
    return conventions.describe(result)


def _check_time(time: np.ndarray, survey: Survey) -> None:
    dt = float(time[1] - time[0])
    end = survey.time[-1]
    if time[-1] < end - survey.dt / 2 - 1e-9:
        raise SurveyMismatchError(
            f"the record ends at {time[-1]:g} s, the survey needs {end:g} s: select a longer "
            f"record, or make the survey with record_length={time[-1]:g}"
        )
    nyquist, needed = 0.5 / dt, 2.5 * survey.peak_frequency
    if nyquist < needed:
        raise SurveyMismatchError(
            f"samples of {dt:g} s hold frequencies up to {nyquist:g} Hz, the survey's wavelet "
            f"needs {needed:g} Hz"
        )


def _live_traces(data: np.ndarray, offset: np.ndarray, reach: int = 10) -> np.ndarray:
    """Traces worth using: finite, not constant, and of a strength like their neighbours'."""
    finite = np.isfinite(data).all(axis=1)
    rms = np.where(finite, np.nan_to_num(data).std(axis=1), 0.0)
    live = rms > 0
    order = np.argsort(np.where(live, offset, np.inf))[: live.sum()]
    ordered = rms[order]
    for i, trace in enumerate(order):
        near = ordered[max(0, i - reach) : i + reach + 1]
        ratio = ordered[i] / np.median(near)
        live[trace] = 1 / OUTLIER_RATIO < ratio < OUTLIER_RATIO
    return live


def mean_spectrum(gathers: xr.DataArray) -> np.ndarray:
    """Mean amplitude spectrum of training gathers, every trace counted alike.

    Parameters
    ----------
    gathers : xarray.DataArray
        Amplitudes with the dimensions sample and time; at most 100 samples are loaded.

    Returns
    -------
    numpy.ndarray
        Amplitudes, largest 1, evenly spaced from zero to the Nyquist frequency.
    """
    picks = np.unique(np.linspace(0, gathers.sizes["sample"] - 1, 100).round().astype(int))
    size = _fft_size(gathers.sizes["time"])
    power = np.zeros(size // 2 + 1)
    for pick in picks:
        traces = gathers.isel(sample=pick).transpose(..., "time").values
        power += _power(traces.reshape(-1, traces.shape[-1]).astype(np.float64), size)
    amplitude = np.sqrt(power)
    return amplitude / max(amplitude.max(), np.finfo(float).tiny)


def _power(traces: np.ndarray, size: int) -> np.ndarray:
    """Mean power spectrum of traces of unit energy: near offsets must not outweigh the rest."""
    energy = (traces**2).sum(axis=1)
    traces = traces[energy > 0] / np.sqrt(energy[energy > 0])[:, None]
    if not len(traces):
        return np.zeros(size // 2 + 1)
    return (np.abs(np.fft.rfft(traces, n=size, axis=1)) ** 2).mean(axis=0)


def _shaping_filter(
    power: np.ndarray, dt: float, survey: Survey, spectrum: np.ndarray | None
) -> np.ndarray:
    """Zero-phase filter from the field's mean spectrum to the training gathers'."""
    from scipy.ndimage import gaussian_filter1d

    frequency = np.fft.rfftfreq(2 * (power.size - 1), dt)
    # Smoothed over a third of the peak frequency: the filter must not undo the earth's own notches.
    width = survey.peak_frequency / 3 / (frequency[1] - frequency[0])
    found = np.sqrt(gaussian_filter1d(power, width))
    if spectrum is None:
        wanted = _wavelet_spectrum(frequency, survey)
    else:
        known = np.linspace(0, 0.5 / survey.dt, len(spectrum))
        wanted = np.interp(frequency, known, spectrum, right=0.0)
        wanted = np.sqrt(gaussian_filter1d(wanted**2, width))
    strong = wanted > 0.3 * wanted.max()
    if not found[strong].any():
        return wanted
    found = found / found[strong].max()
    return wanted / np.maximum(found, 10 ** (-30 / 20))


def _wavelet_spectrum(frequency: np.ndarray, survey: Survey) -> np.ndarray:
    ratio = (frequency / survey.peak_frequency) ** 2
    wanted = ratio * np.exp(1 - ratio)  # Ricker (1953), unit peak
    if survey.free_surface:
        for depth in (survey.source_depth[0], survey.receiver_depth[0][0]):
            # Vertical ghost in water: the wave and its mirror image, 2 depth later.
            wanted = wanted * np.abs(np.sin(2 * np.pi * frequency * depth / 1500.0))
    return wanted / wanted.max()


def _resample(traces: np.ndarray, time: np.ndarray, survey: Survey) -> np.ndarray:
    from scipy.interpolate import make_interp_spline

    if not len(traces):
        return np.zeros((0, survey.nt))
    spline = make_interp_spline(time, traces, k=3, axis=1)
    at = survey.time
    inside = (at >= time[0]) & (at <= time[-1])
    out = np.zeros((len(traces), at.size))
    out[:, inside] = spline(at[inside])
    return out


def _regularise(
    traces: np.ndarray, offset: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Traces at the target offsets: (time, receiver) and which of them are live."""
    spacing = float(np.median(np.abs(np.diff(target)))) if target.size > 1 else np.inf
    out = np.zeros((traces.shape[1], target.size), dtype=np.float32)
    live = np.zeros(target.size, dtype=bool)
    if not len(traces):
        return out, live
    for r, x in enumerate(target):
        right = int(np.clip(np.searchsorted(offset, x), 1, max(1, offset.size - 1)))
        left = max(0, right - 1)
        right = min(right, offset.size - 1)
        nearest = left if abs(offset[left] - x) <= abs(offset[right] - x) else right
        gap = abs(offset[nearest] - x)
        if gap > 1.5 * spacing:
            continue
        live[r] = True
        inside = offset[left] <= x <= offset[right] and offset[right] > offset[left]
        if gap <= 0.05 * spacing or not inside:
            out[:, r] = traces[nearest]
        else:
            weight = (x - offset[left]) / (offset[right] - offset[left])
            out[:, r] = (1 - weight) * traces[left] + weight * traces[right]
    return out, live


def _covered(
    live: np.ndarray, offset: np.ndarray, target: np.ndarray, gathers: xr.Dataset
) -> np.ndarray:
    """Which shots cover enough of the survey; the others are warned of."""
    used = live.mean(axis=1) >= MIN_COVERAGE
    if used.all():
        return used
    lines = []
    for shot in np.flatnonzero(~used)[:5]:
        name = f"shot {shot}"
        if "field_record" in gathers.coords:
            name += f" (field record {gathers['field_record'].values[shot]})"
        known = offset[shot][np.isfinite(offset[shot])]
        span = f"{known.min():g} to {known.max():g} m" if known.size else "no positions"
        lines.append(
            f"{name}: only {int(live[shot].sum())} of the survey's {target.size} receivers have a "
            f"live trace near; offsets here: {span}, the survey's: {target.min():g} to "
            f"{target.max():g} m"
        )
    if (~used).sum() > len(lines):
        lines.append(f"and {int((~used).sum()) - len(lines)} more")
    text = "\n  ".join(lines)
    if not used.any():
        raise SurveyMismatchError(f"no shot covers the survey:\n  {text}")
    warnings.warn(
        f"{int((~used).sum())} of {used.size} shots are left out:\n  {text}",
        DataWarning,
        stacklevel=3,
    )
    return used


def _check_depths(gathers: xr.Dataset, survey: Survey) -> None:
    """A ghost belongs to its depth: refuse depths that are more than half a cell off."""
    for name, expected in (
        ("source_depth", survey.source_depth[0]),
        ("receiver_depth", survey.receiver_depth[0][0]),
    ):
        if name not in gathers.coords:
            continue
        found = float(np.nanmedian(gathers[name].values))
        # At depth 0, land surveys are simulated one cell down.
        if found == 0 and not survey.free_surface and expected <= survey.grid_spacing:
            continue
        if abs(found - expected) > 0.5 * survey.grid_spacing or (
            found == 0 and survey.free_surface
        ):
            surface = "free" if survey.free_surface else "absorbing"
            raise SurveyMismatchError(
                f"{name.replace('_', ' ')}: {found:g} m here, {expected:g} m in the survey, whose "
                f"surface is {surface}: make a survey for these gathers, Survey.from_gathers(...)"
            )


def _fft_size(n: int) -> int:
    from scipy.fft import next_fast_len

    # Padded, so that the zero-phase filter does not wrap the record's end onto its start.
    size = next_fast_len(int(1.5 * n), real=True)
    return size + size % 2
