"""What all events of a region share for one recorder: spectra of path, site, noise, instrument."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from seisgeo.synth.events.noise import HORIZONTAL, noise_psd
from seisgeo.synth.events.rayleigh import Dispersion
from seisgeo.synth.events.recorder import Recorder
from seisgeo.synth.events.regions import Region, stations_of
from seisgeo.synth.events.spectra import attenuation, attenuation_exponents, resonance

__all__ = ["Setting", "setting_of"]


@dataclass(frozen=True)
class Setting:
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
def setting_of(region: Region, recorder: Recorder) -> Setting:
    """What a region and a recorder make of any event."""
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
    return Setting(
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
