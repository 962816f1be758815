"""From source parameters to arrivals: times, amplitudes on each component, and the coda's level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seisgeo.mechanism import moment_tensor
from seisgeo.synth.events.layered import Rays, trace_rays
from seisgeo.synth.events.radiation import (
    RMS_P,
    RMS_S,
    crack_tensor,
    explosion_tensor,
    free_surface,
    radiate,
)
from seisgeo.synth.events.regions import Region
from seisgeo.synth.events.spectra import corner_frequency, seismic_moment

__all__ = ["Arrivals", "arrivals", "moment_tensors"]

#: Amplitude of a head wave, and of a reflection before and beyond the critical angle, relative to a
#: direct wave along a ray of that length.
_HEAD, _STEEP, _WIDE = 0.15, 0.1, 0.6
#: S waves of an explosion relative to its P waves at the source: direct SV and SH, and all of them.
_BLAST_SV, _BLAST_SH, _BLAST_S = 0.12, 0.08, 0.2
#: Corner frequency of P over that of S waves (Madariaga 1976).
P_CORNER = 1.5


@dataclass(frozen=True)
class Arrivals:
    """What arrives of n events at their stations.

    Attributes
    ----------
    time_p, time_s : ndarray
        Travel times (s), shape (n, 3), infinite where there is no such wave.
    p, s : ndarray
        Displacement at low frequencies (m s), shape (n, 3, 3): waves, then up, away, across.
    coda_p, coda_s : ndarray
        The same of an average direction, from which the coda comes, shape (n,).
    tensor : ndarray
        Moment tensors (N m), shape (n, 3, 3).
    corner : ndarray
        Corner frequency of S waves (Hz), shape (n,).
    polarity : ndarray
        Sign of the first motion: 1 up, -1 down.
    """

    time_p: np.ndarray
    time_s: np.ndarray
    p: np.ndarray
    s: np.ndarray
    coda_p: np.ndarray
    coda_s: np.ndarray
    tensor: np.ndarray
    corner: np.ndarray
    polarity: np.ndarray


def moment_tensors(
    kind: np.ndarray,
    strike: np.ndarray,
    dip: np.ndarray,
    rake: np.ndarray,
    vp: np.ndarray,
    vs: np.ndarray,
) -> np.ndarray:
    """Moment tensors (n, 3, 3) of moment 1: explosions, cracks where the rake is NaN, or slip."""
    tensor = np.array(explosion_tensor((len(kind),)))
    slip = np.isfinite(rake)
    tensor[slip] = moment_tensor(strike[slip], dip[slip], rake[slip])
    for i in np.flatnonzero(~slip & (kind != "explosion")):
        tensor[i] = crack_tensor(strike[i], dip[i], vp[i], vs[i])
    return tensor


def arrivals(region: Region, table: dict[str, np.ndarray]) -> Arrivals:
    """Arrivals of events in one region.

    Parameters
    ----------
    region : Region
        Where they are.
    table : dict of ndarray
        The variables of :data:`~seisgeo.synth.events.draw.PARAMETERS`, shape (n,).
    """
    model = region.model
    depth, distance = table["source_depth"], table["epicentral_distance"]
    azimuth = np.radians(table["azimuth"])
    layer = model.layer(depth)
    vp, vs, density = (np.asarray(x)[layer] for x in (model.vp, model.vs, model.density))
    moment = seismic_moment(table["magnitude"])
    blast = table["source_type"] == "explosion"
    tensor = moment_tensors(
        table["source_type"], table["strike"], table["dip"], table["rake"], vp, vs
    )
    rays_p, rays_s = (trace_rays(model, depth, distance, wave) for wave in "PS")
    shape = tensor[:, None]
    p, _, _ = radiate(shape, rays_p.takeoff, azimuth[:, None])
    _, sv, sh = radiate(shape, rays_s.takeoff, azimuth[:, None])
    sv = np.where(blast[:, None], _BLAST_SV, sv)
    sh = np.where(blast[:, None], _BLAST_SH, sh)

    def scale(speed: np.ndarray, speed_here: float) -> np.ndarray:
        """Displacement at a length of 1 m in the direction of amplitude 1 (A&R 2002, eq. 4.95)."""
        impedances = density * region.surface_density * speed**5 * speed_here
        return moment / (4 * np.pi * np.sqrt(impedances))

    surface = region.surface_vp, region.surface_vs
    p_up, p_away, _, _ = free_surface(rays_p.slowness, *surface)
    _, _, sv_up, sv_away = free_surface(rays_s.slowness, *surface)
    size_p, size_s = scale(vp, surface[0]), scale(vs, surface[1])
    weight_p = _weight(rays_p, max(model.vp)) * size_p[:, None]
    weight_s = _weight(rays_s, max(model.vs)) * size_s[:, None]
    first = rays_p.time.argmin(1)
    rows = np.arange(len(depth))
    hypocentral = np.hypot(depth, distance)
    return Arrivals(
        rays_p.time,
        rays_s.time,
        np.stack([p * p_up, p * p_away, np.zeros_like(p)], -1) * weight_p[..., None],
        np.stack([sv * sv_up, sv * sv_away, 2 * sh], -1) * weight_s[..., None],
        2 * np.where(blast, np.sqrt(2 / 3), RMS_P) * size_p / hypocentral,
        2 * np.where(blast, _BLAST_S, RMS_S) * size_s / hypocentral,
        tensor * moment[:, None, None],
        corner_frequency(moment, table["stress_drop"], vs),
        np.where(p[rows, first] < 0, -1, 1),
    )


def _weight(rays: Rays, fastest: float) -> np.ndarray:
    """Geometrical spreading and the strength of each kind of wave (1/m)."""
    there = np.isfinite(rays.time)
    strength = np.ones_like(rays.time)
    strength[:, 1] = _HEAD
    strength[:, 2] = np.where(rays.slowness[:, 2] > 1 / fastest, _WIDE, _STEEP)
    return np.where(there, strength, 0.0) / np.where(there, rays.length, 1.0)
