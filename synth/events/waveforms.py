"""Records of events: arrivals, coda, surface waves, site, instrument and noise put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ParameterError
from seisgeo.synth.events.draw import PARAMETERS
from seisgeo.synth.events.noise import HORIZONTAL, noise_psd, white_spectrum
from seisgeo.synth.events.paths import P_CORNER, Arrivals, arrivals
from seisgeo.synth.events.rayleigh import Dispersion, rayleigh_waves
from seisgeo.synth.events.recorder import Recorder
from seisgeo.synth.events.regions import Region, Stations, choose_regions, stations_of
from seisgeo.synth.events.spectra import (
    attenuation,
    attenuation_exponents,
    brune,
    resonance,
    ripple_fire,
    unit,
)

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
#: Half of the number of samples over which an arrival between two samples is spread.
_TAPS = 16
#: Lapse time of the late coda over the S travel time.
_LATE = 2.0
#: Surface waves of deeper sources (m) are left out.
_DEEPEST = 5e3


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
    cube = xr.Dataset(
        {"amplitude": (("event", "component", "time"), amplitude, {"units": recorder.units})},
        coords={
            "event": events["event"],
            "component": ("component", np.array(["Z", "N", "E"], dtype=object)),
            "time": ("time", np.arange(recorder.n_time) * recorder.dt),
            **coords,
        },
        attrs={**events.attrs, **conventions.provenance(source="seisgeo.synth.simulate_events")},
    )
    return conventions.validate(conventions.describe(cube), "waveforms")


@dataclass(frozen=True)
class _Setting:
    """Spectra that all events of a region share, for one recorder; (n,) along frequency."""

    n_fft: int
    frequency: np.ndarray
    motion: np.ndarray  # displacement (m) to record: what the recorder does, over dt
    passed: np.ndarray  # the anti-alias filter alone
    loss: np.ndarray
    delay: np.ndarray
    site: tuple[np.ndarray, ...]  # of each station: up, away, across
    noise: np.ndarray  # spectrum of the noise at level 0
    noise_step: np.ndarray  # logarithm of what a level of 1 adds
    dispersion: Dispersion
    surface_loss: np.ndarray


@lru_cache(maxsize=16)
def _setting(region: Region, recorder: Recorder) -> _Setting:
    from scipy.fft import next_fast_len

    # The tail of what comes last must not come round to the beginning.
    n_fft = next_fast_len(recorder.n_time + recorder.n_time // 16 + 64, real=True)
    f = np.arange(n_fft // 2 + 1) / (n_fft * recorder.dt)
    response = recorder.spectrum(f)
    loss, delay = attenuation_exponents(f, region.q_exponent)
    stations = stations_of(region)
    ratio = region.surface_vp / region.surface_vs
    site = []
    for fundamental, contrast, kappa in zip(
        stations.frequency, stations.contrast, stations.kappa, strict=True
    ):
        lost = attenuation(f, kappa)
        across = resonance(f, fundamental, contrast) * lost
        # P waves resonate where their velocity puts it, and less.
        up = resonance(f, ratio * fundamental, np.sqrt(contrast)) * lost
        site.append(np.stack([up, across, across]).astype(np.complex64))
    positive = np.maximum(f, f[1])
    velocity = 10 ** (noise_psd(positive, 0.0, region.noise_tilt) / 20) / (2 * np.pi * positive)
    per_level = noise_psd(positive, 1.0) - noise_psd(positive, 0.0)
    tilted = np.array([[0.0], [HORIZONTAL], [HORIZONTAL]])
    dispersion = Dispersion.between(
        f, region.surface_vs, region.model.vs[0], region.surface_thickness
    )
    return _Setting(
        n_fft,
        f.astype(np.float32),
        (response * 2j * np.pi * f / recorder.dt).astype(np.complex64),
        recorder.antialias(f).astype(np.float32),
        loss.astype(np.float32),
        delay.astype(np.float32),
        tuple(site),
        (velocity * np.sqrt(n_fft / (2 * recorder.dt)) * 10 ** (tilted / 20) * response).astype(
            np.complex64
        ),
        (per_level * np.log(10) / 20).astype(np.float32),
        dispersion,
        np.pi * f / (dispersion.group * region.surface_q),
    )


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
    setting = _setting(region, recorder)
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
            signal = _signal(rng, setting, one, waves, position[i], station[i], region, recorder)
        elif one["source_type"] == "spike":
            signal = _spike(rng, setting, recorder)
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
    # The station is known, and the azimuth at the event: to first order the way back is opposite.
    arc = table["epicentral_distance"] / 6_371_000.0
    latitude = np.radians(stations.latitude[station])
    back = np.radians(table["azimuth"]) + np.pi
    for _ in range(8):
        source = np.arcsin(
            np.sin(latitude) * np.cos(arc) + np.cos(latitude) * np.sin(arc) * np.cos(back)
        )
        turn = np.arctan2(
            np.sin(back) * np.sin(arc) * np.cos(latitude),
            np.cos(arc) - np.sin(latitude) * np.sin(source),
        )
        ahead = np.arctan2(
            -np.sin(turn) * np.cos(latitude),
            np.cos(source) * np.sin(latitude) - np.sin(source) * np.cos(latitude) * np.cos(turn),
        )
        miss = np.radians(table["azimuth"]) - ahead
        back = back + np.arctan2(np.sin(miss), np.cos(miss))
    derived["source_latitude"][rows] = np.degrees(source)
    longitude = stations.longitude[station] + np.degrees(turn)
    derived["source_longitude"][rows] = np.mod(longitude + 180, 360) - 180
    derived["back_azimuth"][rows] = np.mod(np.degrees(back), 360)


def _noise(
    rng: np.random.Generator, setting: _Setting, level: float, recorder: Recorder
) -> np.ndarray:
    from scipy.fft import irfft

    white = white_spectrum(rng, 3, len(setting.frequency))
    white *= setting.noise
    white *= np.exp(setting.noise_step * np.float32(level))
    return irfft(white, setting.n_fft)[:, : recorder.n_time]


def _signal(
    rng: np.random.Generator,
    setting: _Setting,
    one: dict[str, Any],
    waves: Arrivals,
    i: int,
    station: int,
    region: Region,
    recorder: Recorder,
) -> np.ndarray:
    """Record of an event without noise, shape (3, time): Z, N, E."""
    from scipy.fft import irfft, rfft

    f = setting.frequency
    origin = float(one["p_arrival"]) - waves.time_p[i].min()
    corner = float(waves.corner[i])
    # P waves, S waves with their early coda, and the late coda, which has lost more on its way.
    trains = np.zeros((3, 3, setting.n_fft), np.float32)
    parts = (
        (trains[:1], waves.time_p[i], waves.p[i], waves.coda_p[i], "p"),
        (trains[1:], waves.time_s[i], waves.s[i], waves.coda_s[i], "s"),
    )
    for train, times, sizes, level, wave in parts:
        for time, size in zip(times, sizes, strict=True):
            if np.isfinite(time):
                _place(train[0], (origin + time) / recorder.dt, size, recorder.n_time)
        top = corner * (P_CORNER if wave == "p" else 1)
        _scatter(rng, train, times.min(), origin, level, wave, top, region, recorder)
    spectra = rfft(trains)
    first_p, first_s = waves.time_p[i].min(), waves.time_s[i].min()
    t_stars = first_p / region.q_p, first_s / region.q_s, _LATE * first_s / region.q_s
    for spectrum, t_star, top in zip(
        spectra, t_stars, (P_CORNER * corner, corner, corner), strict=True
    ):
        path = unit(setting.delay * np.float32(t_star))
        path *= np.exp(setting.loss * np.float32(t_star))
        path *= brune(f, top)
        spectrum *= path
    total = spectra[0]
    total += spectra[1]
    total += spectra[2]
    if float(one["source_depth"]) < _DEEPEST:
        _add_surface_waves(
            rng, total, setting, one, waves.tensor[i], corner, origin, region, recorder
        )
    if one["source_type"] == "explosion" and rng.random() < 0.6:
        total *= ripple_fire(f, int(rng.integers(2, 9)), rng.uniform(0.017, 0.065))
    total *= setting.site[station]
    total *= setting.motion
    up, away, across = irfft(total, setting.n_fft)[:, : recorder.n_time]
    angle = np.radians(float(one["azimuth"]))  # the station is small beside the Earth
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return np.stack([up, away * cosine - across * sine, away * sine + across * cosine])


def _place(train: np.ndarray, at: float, size: np.ndarray, n_time: int) -> None:
    """Add an impulse at a time between samples: a band-limited one, over a few samples."""
    first = int(np.floor(at)) - _TAPS + 1
    index = np.arange(first, first + 2 * _TAPS)
    shape = np.sinc(index - at) * np.cos(np.pi / 2 * (index - at) / (_TAPS + 0.5)) ** 2
    inside = (index >= 0) & (index < n_time)
    train[:, index[inside]] += (size[:, None] * shape[inside]).astype(np.float32)


def _scatter(
    rng: np.random.Generator,
    trains: np.ndarray,
    travel: float,
    origin: float,
    level: float,
    wave: str,
    corner: float,
    region: Region,
    recorder: Recorder,
) -> None:
    """Add impulses of random sign with the envelope of single isotropic scattering (Sato 1977).

    `level` is the direct wave's amplitude. Of two trains, what comes late goes to the second.
    """
    dt, n_time = recorder.dt, recorder.n_time
    signs = np.frombuffer(rng.bytes(3 * (n_time // 8 + 1)), np.uint8).reshape(3, -1)
    first = max(int(np.ceil((origin + travel) / dt)), 0)
    count = n_time - first
    if count <= 0:
        return
    after = np.arange(first, n_time, dtype=np.float32) * np.float32(dt)
    after -= np.float32(origin + travel - 0.5 * dt)  # s after the direct wave
    x = 1 + after / np.float32(travel)
    shape = np.log((x + 1) / (x - 1)) / x
    speeds = region.model.vp if wave == "p" else region.model.vs
    shape *= np.float32(region.scattering * min(speeds[-2:]))
    # Most of the energy is at the frequency where source and path begin to cut it.
    q = region.q_p if wave == "p" else region.q_s
    strongest = 1 / (1 / corner + np.pi * travel / q)
    loss = np.float32(-np.pi * strongest / (q * max(strongest, 1.0) ** region.q_exponent))
    echo, length = region.reverberation
    near = np.exp(after / np.float32(-length)) * np.float32(echo / length)
    factor = np.float32(level * np.sqrt(dt / 3))
    random = np.unpackbits(signs, axis=1, count=n_time)[:, :count].astype(np.float32)
    random *= 2
    random -= 1
    early = np.sqrt(shape * np.exp(2 * loss * after) + near) * factor
    if len(trains) == 1:
        trains[0, :, first:n_time] += random * early
        return
    part = np.clip((x - 1.3) / 0.9, 0, 1)
    trains[0, :, first:n_time] += random * (early * (1 - part))
    # The spectrum of the late train is that of lapse time _LATE * travel.
    since = after - np.float32((_LATE - 1) * travel)
    late = np.sqrt(shape) * np.exp(np.clip(loss * since, -60, 20)) * (factor * part)
    trains[1, :, first:n_time] += random * late


def _add_surface_waves(
    rng: np.random.Generator,
    total: np.ndarray,
    setting: _Setting,
    one: dict[str, Any],
    tensor: np.ndarray,
    corner: float,
    origin: float,
    region: Region,
    recorder: Recorder,
) -> None:
    distance = float(one["epicentral_distance"])
    up, away, travel = rayleigh_waves(
        setting.dispersion,
        tensor,
        float(one["source_depth"]),
        distance,
        np.radians(float(one["azimuth"])),
        region.surface_density,
    )
    # What would arrive after the record must not come round to its beginning.
    left = (recorder.duration - origin - travel) / (0.05 * recorder.duration)
    shape = np.exp(-setting.surface_loss * distance) * np.clip(left, 0, 1)
    # Echoes from the sides of the path: the group comes several times, within a few percent.
    frequency = setting.dispersion.frequency
    late = origin + np.append(0.0, 0.06 * rng.exponential(size=3) * distance / region.surface_vs)
    paths = sum(
        unit(-2 * np.pi * np.mod(frequency * time, 1.0)) * np.float32(weight)
        for time, weight in zip(late, (1.0, *rng.uniform(-0.5, 0.5, 3)), strict=True)
    )
    wave = paths * (brune(setting.frequency, corner) * shape)
    total[0] += up * wave
    total[1] += away * wave


def _spike(rng: np.random.Generator, setting: _Setting, recorder: Recorder) -> np.ndarray:
    """Glitches of the instrument: impulses and steps that decay, on some channels."""
    from scipy.fft import irfft, rfft

    train = np.zeros((3, setting.n_fft), np.float32)
    index = np.arange(setting.n_fft, dtype=np.float32)
    for _ in range(1 + int(rng.integers(3) ** 2 / 2)):
        at = int(rng.uniform(*recorder.p_window) / recorder.dt)
        gain = rng.uniform(0.2, 1.0, 3) * rng.choice([-1.0, 1.0], 3)
        if rng.random() < 0.4:
            gain[rng.permutation(3)[: rng.integers(1, 3)]] *= 0.02
        decay = 10 ** rng.uniform(-0.5, 1.5)  # samples: less than one is an impulse
        pulse = np.where(index >= at, np.exp(-np.maximum(index - at, 0) / decay), 0.0)
        pulse[recorder.n_time :] = 0.0
        train += (gain[:, None] * pulse).astype(np.float32)
    spectrum = rfft(train) * setting.passed
    spectrum[:, 0] = 0.0
    return irfft(spectrum, setting.n_fft)[:, : recorder.n_time]


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
