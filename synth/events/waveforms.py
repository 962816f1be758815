"""Records of events: what a station records of each, with its noise and what is true of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ParameterError
from seisgeo.synth.events.draw import PARAMETERS
from seisgeo.synth.events.network import source_of
from seisgeo.synth.events.noise import white_spectrum
from seisgeo.synth.events.paths import Arrivals, arrivals
from seisgeo.synth.events.recorder import Recorder
from seisgeo.synth.events.regions import Region, Stations, choose_regions, stations_of
from seisgeo.synth.events.setting import Setting, setting_of
from seisgeo.synth.events.signals import event_signal, spike_signal

__all__ = ["DERIVED", "simulate_events"]

#: What follows from the parameters of an event: units and meaning.
DERIVED: dict[str, tuple[str, str]] = {
    "s_arrival": ("s", "S arrival (after the first sample)"),
    "coda_end": ("s", "end of the coda (after the first sample)"),
    "p_travel_time": ("s", "P travel time"),
    "s_travel_time": ("s", "S travel time"),
    "back_azimuth": ("degree", "back azimuth (station to event, from north)"),
    "source_latitude": ("degrees_north", "epicentre latitude"),
    "source_longitude": ("degrees_east", "epicentre longitude"),
    "station_latitude": ("degrees_north", "station latitude"),
    "station_longitude": ("degrees_east", "station longitude"),
    "corner_frequency": ("Hz", "corner frequency of S waves"),
    "p_polarity": ("1", "first motion of P: 1 up, -1 down, 0 none"),
    "snr": ("dB", "signal-to-noise ratio"),
}


def simulate_events(
    events: xr.Dataset,
    *,
    recorder: Recorder | None = None,
    regions: str | Region | Iterable[str | Region] | None = None,
) -> xr.Dataset:
    """Records of events with given parameters.

    Parameters
    ----------
    events : xarray.Dataset
        Parameters of the events, as :func:`draw_events` gives them; any may have been changed.
    recorder : Recorder, optional
        What records them; 60 s of ground velocity at 100 Hz by default.
    regions : str, Region or iterable of them, optional
        Where the regions that `events` names are defined; :data:`REGIONS` by default.

    Returns
    -------
    xarray.Dataset
        Waveforms cube: ``amplitude (event, component, time)`` float32, components Z (up), N and E,
        with the parameters and what follows from them as coordinates along ``event``.

    Raises
    ------
    ParameterError
        If `events` lacks a parameter, or names a region or a station that is not there.

    Notes
    -----
    The far field in layers: direct, refracted and reflected P and S rays, with the radiation of the
    moment tensor (Aki and Richards 2002, section 4.5), Brune's spectrum, causal attenuation, the
    motion of a free surface and a resonant site. The coda is noise with the envelope of single
    isotropic scattering (Sato 1977). Rayleigh waves are a half-space's fundamental mode with
    dispersion. Noise lies between Peterson's models. What is random comes from a stream of each
    event's own.

    Examples
    --------
    >>> from seisgeo.synth import draw_events
    >>> events = draw_events(2, kinds="earthquake", regions="plate-boundary", seed=3)
    >>> events["magnitude"][:] = 3.0
    >>> dict(simulate_events(events).amplitude.sizes)
    {'event': 2, 'component': 3, 'time': 6000}
    """
    recorder = recorder or Recorder()
    table = _table(events)
    n = len(table["region"])
    known = {region.name: region for region in choose_regions(regions)}
    if lost := sorted(set(table["region"]) - set(known)):
        raise ParameterError(
            f"events are in the region {lost[0]!r}, which is none of {', '.join(known)}; pass it "
            "as regions=..."
        )
    seed = int(events.attrs.get("seed", 0))
    amplitude = np.empty((n, 3, recorder.n_time), np.float32)
    derived = {name: np.full(n, np.nan) for name in DERIVED}
    derived["p_polarity"][:] = 0
    for name, region in known.items():
        rows = np.flatnonzero(table["region"] == name)
        if len(rows):
            here = {key: values[rows] for key, values in table.items()}
            numbers = events["event"].values[rows]
            found = _simulate(amplitude, rows, here, numbers, seed, region, recorder)
            for key, values in found.items():
                derived[key][rows] = values
    return _cube(amplitude, events, table, derived, recorder)


def _table(events: xr.Dataset) -> dict[str, np.ndarray]:
    if missing := [name for name in PARAMETERS if name not in events]:
        raise ParameterError(
            f"events: {', '.join(missing)} missing; draw_events gives all parameters of an event"
        )
    return {
        name: np.ascontiguousarray(events[name].values.astype(dtype))
        for name, (dtype, _, _) in PARAMETERS.items()
    }


def _cube(
    amplitude: np.ndarray,
    events: xr.Dataset,
    table: dict[str, np.ndarray],
    derived: dict[str, np.ndarray],
    recorder: Recorder,
) -> xr.Dataset:
    coords = {
        name: ("event", table[name], {"long_name": text} | ({"units": units} if units else {}))
        for name, (_, units, text) in PARAMETERS.items()
    } | {
        name: ("event", derived[name], {"units": units, "long_name": text})
        for name, (units, text) in DERIVED.items()
    }
    # What else the caller has written beside the parameters, event_id for instance.
    others = {k: v for k, v in events.coords.items() if k not in coords and v.dims == ("event",)}
    cube = xr.Dataset(
        {"amplitude": (("event", "component", "time"), amplitude, {"units": recorder.units})},
        coords={
            **others,
            "component": ("component", np.array(["Z", "N", "E"], dtype=object)),
            "time": ("time", np.arange(recorder.n_time) * recorder.dt),
            **coords,
        },
        attrs={**events.attrs, **conventions.provenance(source="seisgeo.synth.simulate_events")},
    )
    return conventions.validate(conventions.describe(cube), "waveforms")


def _simulate(
    out: np.ndarray,
    rows: np.ndarray,
    table: dict[str, np.ndarray],
    numbers: np.ndarray,
    seed: int,
    region: Region,
    recorder: Recorder,
) -> dict[str, np.ndarray]:
    """Write the records of events of one region into the rows of `out`; what was derived."""
    setting = setting_of(region, recorder)
    stations = stations_of(region)
    station = _stations_named(table["station"], stations, region)
    derived = {name: np.full(len(rows), np.nan) for name in DERIVED}
    derived["p_polarity"][:] = 0
    derived["station_latitude"] = stations.latitude[station]
    derived["station_longitude"] = stations.longitude[station]
    derived["snr"] = table["snr"].copy()

    grounded = np.isfinite(table["magnitude"])
    inner = {key: values[grounded] for key, values in table.items()}
    waves = arrivals(region, inner) if grounded.any() else None
    if waves:
        _derive(derived, grounded, inner, waves, stations, station[grounded])
    position = np.cumsum(grounded) - 1
    for i, row in enumerate(rows):
        rng = np.random.default_rng([seed, int(numbers[i]), 1])
        one = {key: values[i] for key, values in table.items()}
        noise = _noise(rng, setting, float(one["noise_level"]), recorder)
        if grounded[i] and waves:
            signal = event_signal(
                rng, setting, one, waves, position[i], station[i], region, recorder
            )
        elif one["source_type"] == "spike":
            signal = spike_signal(rng, setting, recorder)
        else:
            out[row] = noise
            continue
        out[row], derived["snr"][i], end = _mix(signal, noise, one, recorder, rng)
        if grounded[i]:
            derived["coda_end"][i] = max(end, one["p_arrival"])
    return derived


def _stations_named(codes: np.ndarray, stations: Stations, region: Region) -> np.ndarray:
    order = {code: i for i, code in enumerate(stations.code)}
    if lost := sorted({code for code in codes if code not in order}):
        raise ParameterError(
            f"region {region.name!r} has no station {lost[0]!r}; it has {', '.join(order)}"
        )
    return np.array([order[code] for code in codes], int)


def _derive(
    derived: dict[str, np.ndarray],
    rows: np.ndarray,
    table: dict[str, np.ndarray],
    waves: Arrivals,
    stations: Stations,
    station: np.ndarray,
) -> None:
    """Times and places of events (on a sphere)."""
    p, s = waves.time_p.min(1), waves.time_s.min(1)
    derived["p_travel_time"][rows], derived["s_travel_time"][rows] = p, s
    derived["s_arrival"][rows] = table["p_arrival"] + s - p
    derived["corner_frequency"][rows] = waves.corner
    derived["p_polarity"][rows] = waves.polarity
    latitude, longitude, back = source_of(
        stations.latitude[station],
        stations.longitude[station],
        table["azimuth"],
        table["epicentral_distance"],
    )
    derived["source_latitude"][rows] = latitude
    derived["source_longitude"][rows] = longitude
    derived["back_azimuth"][rows] = back


def _noise(
    rng: np.random.Generator, setting: Setting, level: float, recorder: Recorder
) -> np.ndarray:
    from scipy.fft import irfft

    white = white_spectrum(rng, 3, len(setting.frequency))
    white *= setting.noise
    white *= np.exp(setting.noise_step * np.float32(level))
    return irfft(white, setting.n_fft)[:, : recorder.n_time]


def _mix(
    signal: np.ndarray,
    noise: np.ndarray,
    one: dict[str, Any],
    recorder: Recorder,
    rng: np.random.Generator,
) -> tuple[np.ndarray, float, float]:
    """The record, its signal-to-noise ratio (dB), and when the signal sinks into the noise (s)."""
    energy = np.cumsum(np.einsum("ct,ct->t", signal, signal, dtype=np.float64))
    if not energy[-1] > 0:
        return noise, -np.inf, np.nan
    first, last = np.searchsorted(energy, (0.05 * energy[-1], 0.95 * energy[-1]))
    signal_power = 0.9 * energy[-1] / (last - first + 1)
    noise_power = float(np.einsum("ct,ct->", noise, noise, dtype=np.float64)) / recorder.n_time
    ratio = 10 * np.log10(signal_power / noise_power)
    wanted = float(one["snr"])
    if one["source_type"] == "spike":
        # An instrument's spikes have no size of their own: they go by the noise.
        wanted = rng.uniform(5.0, 40.0) if np.isnan(wanted) else wanted
        record = signal * np.float32(10 ** ((wanted - ratio) / 20)) + noise
        return record, wanted, np.nan
    if np.isfinite(wanted):
        noise = noise * np.float32(10 ** ((ratio - wanted) / 20))
        noise_power *= 10 ** ((ratio - wanted) / 10)
        ratio = wanted
    width = max(int(1.0 / recorder.dt), 1) if recorder.duration > 10 else recorder.n_time // 20
    running = (energy[width:] - energy[:-width]) / width
    above = np.flatnonzero(running > noise_power)
    end = (above[-1] + width) * recorder.dt if len(above) else np.nan
    return signal + noise, ratio, end
