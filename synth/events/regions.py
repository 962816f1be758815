"""Regions: named sets of parameters, each a domain with its own earth, sources and noise."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from seisgeo.errors import ParameterError
from seisgeo.sphere import EARTH_RADIUS
from seisgeo.synth.events.layered import LayeredModel

__all__ = ["KINDS", "REGIONS", "Region", "Source", "Stations", "choose_regions", "stations_of"]

#: Kinds of record. The last two have no source in the ground.
KINDS = ("earthquake", "explosion", "icequake", "spike", "noise")


@dataclass(frozen=True)
class Source:
    """Sources of one kind in a region; ranges are (lowest, highest).

    Parameters
    ----------
    magnitude : (float, float)
        Moment magnitude; small ones are more frequent, by Gutenberg and Richter with b = 1.
    depth : (float, float)
        Depth (m).
    distance : (float, float)
        Epicentral distance (m).
    stress_drop : (float, float)
        Stress drop (Pa), log-uniform.
    faulting : (float, float, float), default (1, 1, 1)
        Weights of normal, reverse and strike-slip faulting.
    basal : float, default 0.0
        Of icequakes: part that is slip at the bed, at the greatest depth; the others are crevasses
        that open within the uppermost 30 m.
    """

    magnitude: tuple[float, float]
    depth: tuple[float, float]
    distance: tuple[float, float]
    stress_drop: tuple[float, float]
    faulting: tuple[float, float, float] = (1.0, 1.0, 1.0)
    basal: float = 0.0


@dataclass(frozen=True)
class Region:
    """A region: earth, sources, stations and noise.

    Parameters
    ----------
    name : str
        What it is called; also the seed of its stations.
    model : LayeredModel
        Velocities and densities.
    sources : mapping of str to Source
        Sources of each kind that it has.
    mix : mapping of str to float
        Weights of the kinds, of spikes and noise too, where none are asked for.
    centre : (float, float)
        Latitude and longitude of the middle of the network (degrees).
    stations : int, default 8
        Number of stations.
    aperture : float, default 40e3
        Diameter of the network (m).
    q_p, q_s : float
        Quality factors of P and S waves at 1 Hz.
    q_exponent : float, default 0.3
        They grow with frequency to this power.
    scattering : float, default 3e-5
        Total scattering coefficient (1/m), which makes the coda.
    reverberation : (float, float), default (1.5, 0.4)
        Energy of what echoes near the station relative to the direct wave, and how long (s) it
        takes to fall to 1/e.
    surface_vp, surface_vs, surface_density
        Near the surface (m/s, kg/m3): for the angle at which waves come in, and Rayleigh waves.
    surface_thickness : float, default 700.0
        Of what Rayleigh waves of high frequency feel (m).
    surface_q : float, default 30.0
        Quality factor of Rayleigh waves.
    site_frequency : (float, float), default (2, 12)
        Fundamental resonance of the ground below a station (Hz).
    site_contrast : (float, float), default (1.2, 4)
        Impedance contrast of that ground.
    kappa : (float, float), default (0.01, 0.05)
        Loss below a station (s).
    noise_level : (float, float), default (0.3, 0.7)
        Between Peterson's low (0) and high (1) noise model, in dB.
    noise_tilt : float, default 0.0
        What is added to that for each decade of frequency above 1 Hz (dB).
    """

    name: str
    model: LayeredModel
    sources: Mapping[str, Source]
    mix: Mapping[str, float]
    centre: tuple[float, float]
    stations: int = 8
    aperture: float = 40e3
    q_p: float = 300.0
    q_s: float = 200.0
    q_exponent: float = 0.3
    scattering: float = 3e-5
    reverberation: tuple[float, float] = (1.5, 0.4)
    surface_vp: float = 3800.0
    surface_vs: float = 2100.0
    surface_density: float = 2400.0
    surface_thickness: float = 700.0
    surface_q: float = 30.0
    site_frequency: tuple[float, float] = (2.0, 12.0)
    site_contrast: tuple[float, float] = (1.2, 4.0)
    kappa: tuple[float, float] = (0.01, 0.05)
    noise_level: tuple[float, float] = (0.3, 0.7)
    noise_tilt: float = 0.0

    def __post_init__(self) -> None:
        if unknown := sorted({*self.sources, *self.mix} - set(KINDS)):
            raise ParameterError(
                f"region {self.name!r}: unknown kinds {unknown}; known: {', '.join(KINDS)}"
            )
        if missing := [k for k in self.mix if k in KINDS[:3] and k not in self.sources]:
            raise ParameterError(
                f"region {self.name!r}: mix names {missing}, for which sources has no entry"
            )

    def __hash__(self) -> int:
        return hash((self.name, self.model, self.centre))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of record that the region has."""
        return tuple(k for k in KINDS if k in self.sources or k in KINDS[3:])


@dataclass(frozen=True)
class Stations:
    """Stations of a region; arrays with a value for each.

    Attributes
    ----------
    code : ndarray of str
        Station codes.
    latitude, longitude : ndarray
        Position (degrees).
    frequency, contrast, kappa : ndarray
        Of the ground below: resonance (Hz), impedance contrast, loss (s).
    """

    code: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    frequency: np.ndarray
    contrast: np.ndarray
    kappa: np.ndarray = field(repr=False)


@lru_cache(maxsize=64)
def stations_of(region: Region) -> Stations:
    """Stations of a region, the same each time."""
    rng = np.random.default_rng(zlib.crc32(region.name.encode()))
    n = region.stations
    # Sunflower seeds fill the disk evenly.
    radius = 0.5 * region.aperture * np.sqrt((np.arange(n) + 0.5) / n)
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(n) + rng.uniform(0, 2 * np.pi)
    latitude = region.centre[0] + np.degrees(radius * np.cos(angle) / EARTH_RADIUS)
    shrink = np.cos(np.radians(region.centre[0]))
    longitude = region.centre[1] + np.degrees(radius * np.sin(angle) / EARTH_RADIUS) / shrink
    low, high = np.log(region.site_frequency)
    initials = "".join(word[0] for word in region.name.upper().split("-"))[:2]
    return Stations(
        np.array([f"{initials}{i + 1:02d}" for i in range(n)], dtype=object),
        latitude,
        longitude,
        np.exp(rng.uniform(low, high, n)),
        rng.uniform(*region.site_contrast, n),
        rng.uniform(*region.kappa, n),
    )


def _crust(*layers: tuple[float, float], vp_over_vs: float = 1.73) -> LayeredModel:
    """Layers of (thickness, P velocity); densities after Brocher (2005), equation 1."""
    vp = np.array([v for _, v in layers]) / 1e3
    density = 1e3 * (
        1.6612 * vp - 0.4721 * vp**2 + 0.0671 * vp**3 - 0.0043 * vp**4 + 0.000106 * vp**5
    )
    return LayeredModel(
        tuple(h for h, _ in layers[:-1]),
        tuple(1e3 * vp),
        tuple(np.round(1e3 * vp / vp_over_vs, 1)),
        tuple(np.round(density, 1)),
    )


def _under_ice(ice: float, *layers: tuple[float, float]) -> LayeredModel:
    """Ice of 3840 and 1930 m/s and 917 kg/m3 (Kohnen 1974) over a crust."""
    crust = _crust(*layers)
    return LayeredModel(
        (ice, *crust.thickness),
        (3840.0, *crust.vp),
        (1930.0, *crust.vs),
        (917.0, *crust.density),
    )


def _icequakes(ice: float, basal: float) -> Source:
    return Source((-1.5, 0.5), (0.0, ice), (200.0, 6e3), (1e3, 1e5), basal=basal)


_BLASTS = Source((1.0, 2.8), (0.0, 50.0), (5e3, 120e3), (1e5, 2e6))
_TECTONIC_MIX = {"earthquake": 0.5, "explosion": 0.2, "spike": 0.1, "noise": 0.2}
_ICE_MIX = {"icequake": 0.5, "earthquake": 0.1, "spike": 0.15, "noise": 0.25}
_ON_ICE: dict[str, Any] = dict(
    q_p=120.0,
    q_s=80.0,
    q_exponent=0.4,
    surface_vp=3600.0,
    surface_vs=1750.0,
    surface_density=880.0,
    surface_thickness=30.0,
    surface_q=80.0,
    reverberation=(0.3, 0.06),
    site_frequency=(8.0, 30.0),
    site_contrast=(1.1, 1.8),
    kappa=(0.001, 0.006),
    noise_tilt=-6.0,
)

_ALL = (
    Region(
        "plate-boundary",  # layers of Hadley and Kanamori (1977), southern California
        _crust((5.5e3, 5500.0), (10.5e3, 6300.0), (16e3, 6700.0), (0.0, 7800.0)),
        {
            "earthquake": Source(
                (1.0, 5.0), (2e3, 18e3), (5e3, 150e3), (1e6, 1e7), (0.1, 0.2, 0.7)
            ),
            "explosion": _BLASTS,
        },
        _TECTONIC_MIX,
        (34.0, -117.0),
        aperture=120e3,
        q_p=200.0,
        q_s=120.0,
        q_exponent=0.4,
        scattering=2.5e-5,
        noise_level=(0.4, 0.75),
        noise_tilt=3.0,
    ),
    Region(
        "craton",
        _crust((12e3, 6100.0), (12e3, 6400.0), (16e3, 6900.0), (0.0, 8150.0)),
        {
            "earthquake": Source(
                (0.5, 4.0), (1e3, 25e3), (10e3, 180e3), (3e6, 3e7), (0.1, 0.7, 0.2)
            ),
            "explosion": _BLASTS,
        },
        {"earthquake": 0.3, "explosion": 0.4, "spike": 0.1, "noise": 0.2},
        (62.0, 26.0),
        aperture=150e3,
        q_p=800.0,
        q_s=600.0,
        q_exponent=0.2,
        scattering=8e-6,
        reverberation=(0.8, 0.25),
        surface_vp=5000.0,
        surface_vs=2900.0,
        surface_density=2650.0,
        surface_thickness=300.0,
        surface_q=60.0,
        site_frequency=(8.0, 30.0),
        site_contrast=(1.1, 2.0),
        kappa=(0.003, 0.015),
        noise_level=(0.15, 0.5),
    ),
    Region(
        "subduction",
        _crust((4e3, 5000.0), (16e3, 6100.0), (18e3, 6800.0), (0.0, 8000.0), vp_over_vs=1.76),
        {
            "earthquake": Source(
                (2.0, 5.5), (8e3, 110e3), (10e3, 160e3), (1e6, 2e7), (0.2, 0.7, 0.1)
            ),
            "explosion": _BLASTS,
        },
        {"earthquake": 0.65, "explosion": 0.05, "spike": 0.1, "noise": 0.2},
        (38.0, 141.0),
        aperture=120e3,
        q_p=350.0,
        q_s=250.0,
        q_exponent=0.5,
        scattering=3e-5,
        noise_level=(0.45, 0.8),
    ),
    Region(
        "volcano",
        _crust((1.5e3, 3000.0), (3e3, 4600.0), (10e3, 5800.0), (15e3, 6700.0), (0.0, 7800.0)),
        {
            "earthquake": Source(
                (-0.5, 3.0), (300.0, 9e3), (1e3, 25e3), (1e5, 3e6), (0.5, 0.2, 0.3)
            ),
            "explosion": Source((0.5, 2.2), (50.0, 600.0), (1e3, 12e3), (3e4, 5e5)),
        },
        {"earthquake": 0.5, "explosion": 0.2, "spike": 0.1, "noise": 0.2},
        (37.7, 15.0),
        aperture=12e3,
        q_p=60.0,
        q_s=40.0,
        q_exponent=0.2,
        scattering=5e-4,
        reverberation=(4.0, 0.8),
        surface_vp=2200.0,
        surface_vs=1200.0,
        surface_density=2000.0,
        surface_thickness=300.0,
        surface_q=15.0,
        site_frequency=(1.0, 6.0),
        site_contrast=(2.0, 5.0),
        kappa=(0.02, 0.06),
        noise_level=(0.5, 0.85),
        noise_tilt=-4.0,
    ),
    Region(
        "ice-stream",
        _under_ice(2.1e3, (3e3, 5000.0), (20e3, 6100.0), (0.0, 8000.0)),
        {
            "earthquake": Source((0.5, 3.5), (4e3, 20e3), (8e3, 120e3), (1e6, 1e7)),
            "icequake": _icequakes(2.1e3, 0.5),
        },
        _ICE_MIX,
        (-78.2, -83.9),
        aperture=8e3,
        scattering=1e-5,
        noise_level=(0.15, 0.5),
        **_ON_ICE,
    ),
    Region(
        "ice-rise",
        _under_ice(600.0, (6e3, 5600.0), (25e3, 6300.0), (0.0, 8050.0)),
        {
            "earthquake": Source((0.5, 4.0), (2e3, 20e3), (10e3, 150e3), (1e6, 1e7)),
            "icequake": _icequakes(600.0, 0.15),
        },
        _ICE_MIX,
        (-71.2, -9.7),
        aperture=10e3,
        scattering=2e-5,
        noise_level=(0.3, 0.65),
        **_ON_ICE,
    ),
    Region(
        "glacier",
        _under_ice(200.0, (5e3, 5400.0), (28e3, 6200.0), (0.0, 8100.0)),
        {
            "earthquake": Source((0.0, 3.5), (2e3, 15e3), (8e3, 120e3), (1e6, 1e7)),
            "icequake": _icequakes(200.0, 0.1),
            "explosion": _BLASTS,
        },
        _ICE_MIX,
        (46.5, 8.0),
        aperture=3e3,
        scattering=6e-5,
        noise_level=(0.35, 0.75),
        **_ON_ICE,
    ),
)

#: The regions by name.
REGIONS: dict[str, Region] = {region.name: region for region in _ALL}


def choose_regions(regions: str | Region | Iterable[str | Region] | None) -> tuple[Region, ...]:
    """Regions by name or as they are; all of :data:`REGIONS` for None."""
    if regions is None:
        return _ALL
    asked = [regions] if isinstance(regions, str | Region) else list(regions)
    found = []
    for one in asked:
        if not isinstance(one, Region) and one not in REGIONS:
            raise ParameterError(
                f"unknown region {one!r}; known: {', '.join(REGIONS)} (or a Region of your own)"
            )
        found.append(one if isinstance(one, Region) else REGIONS[one])
    if not found or len({region.name for region in found}) < len(found):
        raise ParameterError(
            f"regions: expected different regions, found {[region.name for region in found]}"
        )
    return tuple(found)
