"""What a station records of an event without noise: waves, their coda, surface waves; spikes."""

from __future__ import annotations

from typing import Any

import numpy as np

from seisgeo.synth.events.paths import P_CORNER, Arrivals
from seisgeo.synth.events.rayleigh import rayleigh_waves
from seisgeo.synth.events.recorder import Recorder
from seisgeo.synth.events.regions import Region
from seisgeo.synth.events.setting import Setting
from seisgeo.synth.events.spectra import brune, ripple_fire, unit

__all__ = ["event_signal", "spike_signal"]

#: Half of the number of samples over which an arrival between two samples is spread.
_TAPS = 16
#: Lapse time of the late coda over the S travel time.
_LATE = 2.0
#: Surface waves of deeper sources (m) are left out.
_DEEPEST = 5e3


def event_signal(
    rng: np.random.Generator,
    setting: Setting,
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
    setting: Setting,
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


def spike_signal(rng: np.random.Generator, setting: Setting, recorder: Recorder) -> np.ndarray:
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
