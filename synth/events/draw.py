"""Drawing events: where, when in the record, how strong, of what mechanism."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ParameterError
from seisgeo.synth.events.recorder import Recorder
from seisgeo.synth.events.regions import KINDS, Region, choose_regions, stations_of
from seisgeo.synth.geology.checks import check_numbers, check_seed

__all__ = ["PARAMETERS", "draw_events"]

#: Of each event: dtype, units and meaning of what is drawn.
PARAMETERS: dict[str, tuple[str, str, str]] = {
    "source_type": ("O", "", "kind of source (earthquake, explosion, icequake, spike, noise)"),
    "region": ("O", "", "region of the event"),
    "station": ("O", "", "station code"),
    "p_arrival": ("f8", "s", "P arrival (after the first sample)"),
    "source_depth": ("f8", "m", "source depth"),
    "epicentral_distance": ("f8", "m", "epicentral distance"),
    "azimuth": ("f8", "degree", "azimuth (event to station, from north)"),
    "magnitude": ("f8", "1", "moment magnitude"),
    "stress_drop": ("f8", "Pa", "stress drop"),
    "strike": ("f8", "degree", "strike (Aki and Richards)"),
    "dip": ("f8", "degree", "dip (Aki and Richards)"),
    "rake": ("f8", "degree", "rake (Aki and Richards)"),
    "snr": ("f8", "dB", "signal-to-noise ratio"),
    "noise_level": ("f8", "1", "noise between Peterson's low (0) and high (1) model"),
}

# Uniform numbers of each event, in this order: a new one goes to the end.
_DRAWS = (
    "kind", "station", "p_arrival", "depth", "distance", "azimuth", "magnitude", "stress_drop",
    "style", "strike", "dip", "rake", "snr", "noise_level", "basal",
)  # fmt: skip
#: Mean dip and rake of normal, reverse and strike-slip faults (degrees).
_STYLES = ((60.0, -90.0), (35.0, 90.0), (80.0, 0.0))


def draw_events(
    indices: int | Iterable[int],
    *,
    kinds: str | Sequence[str] | None = None,
    regions: str | Region | Iterable[str | Region] | None = None,
    recorder: Recorder | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Draw the parameters of synthetic events, without their waveforms.

    Parameters
    ----------
    indices : int or iterable of int
        Numbers of the events; an int n stands for 0 to n - 1. The same (seed, number) is the same
        event whatever else is drawn with it.
    kinds, regions, recorder, seed
        See :func:`generate_events`.

    Returns
    -------
    xarray.Dataset
        The variables of :data:`PARAMETERS` along ``event``. What an event does not have is NaN: of
        noise all but its station and level, of spikes also the place, of explosions the
        mechanism. They may be changed before :func:`simulate_events` makes records of them.

    Raises
    ------
    ParameterError
        If a kind or a region is unknown, a region has no such sources, or records are too short.

    Examples
    --------
    >>> events = draw_events(4, kinds=["earthquake", "noise"], regions="craton", seed=1)
    >>> list(events.source_type.values)
    ['earthquake', 'noise', 'earthquake', 'noise']
    """
    numbers = np.asarray(check_numbers(indices), np.int64)
    seed = check_seed(seed)
    recorder = recorder or Recorder()
    chosen = choose_regions(regions)
    wanted = _check_kinds(kinds, chosen)
    uniform = np.empty((len(_DRAWS), len(numbers)))
    for column, number in zip(uniform.T, numbers, strict=True):
        column[:] = np.random.default_rng([seed, int(number)]).random(len(_DRAWS))
    u = dict(zip(_DRAWS, uniform, strict=True))

    table = {
        name: np.full(len(numbers), np.nan if dtype == "f8" else "", dtype)
        for name, (dtype, _, _) in PARAMETERS.items()
    }
    # Kinds take turns, then regions, so that every pair of them is there as often.
    turn = numbers // (len(wanted) if wanted else 1)
    for r, region in enumerate(chosen):
        here = turn % len(chosen) == r
        table["region"][here] = region.name
        codes = stations_of(region).code
        table["station"][here] = codes[(u["station"][here] * len(codes)).astype(int)]
        table["noise_level"][here] = _between(u["noise_level"][here], region.noise_level)
        if wanted:
            kind = np.array(wanted, dtype=object)[numbers[here] % len(wanted)]
        else:
            weights = np.array([region.mix.get(k, 0.0) for k in KINDS])
            steps = np.cumsum(weights) / weights.sum()
            kind = np.array(KINDS, dtype=object)[np.searchsorted(steps, u["kind"][here], "right")]
        table["source_type"][here] = kind
        for name in region.sources:
            rows = np.flatnonzero(here)[kind == name]
            if len(rows):
                _draw_source(table, rows, u, region, name, recorder)
    heard = table["source_type"] != "noise"
    if recorder.snr:
        table["snr"][heard] = _between(u["snr"][heard], recorder.snr)
    dataset = xr.Dataset(
        {
            name: ("event", table[name], {"long_name": text} | ({"units": units} if units else {}))
            for name, (_, units, text) in PARAMETERS.items()
        },
        coords={"event": ("event", numbers, {"long_name": "number of the event"})},
        attrs=conventions.provenance(
            source="seisgeo.synth.draw_events",
            source_format="synthetic",
            seed=seed,
            recorder=json.dumps(dataclasses.asdict(recorder), default=repr),
        ),
    )
    return dataset


def _check_kinds(
    kinds: str | Sequence[str] | None, regions: tuple[Region, ...]
) -> tuple[str, ...] | None:
    if kinds is None:
        return None
    wanted = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if not wanted or len(set(wanted)) < len(wanted) or not set(wanted) <= set(KINDS):
        raise ParameterError(f"kinds: expected different ones of {', '.join(KINDS)}; found {kinds}")
    for region in regions:
        if missing := [k for k in wanted if k not in region.kinds]:
            raise ParameterError(
                f"region {region.name!r} has no {' and no '.join(missing)}; it has "
                f"{', '.join(region.kinds)}"
            )
    return wanted


def _between(u: np.ndarray, limits: tuple[Any, Any]) -> np.ndarray:
    return limits[0] + (limits[1] - limits[0]) * u


def _draw_source(
    table: dict[str, np.ndarray],
    rows: np.ndarray,
    uniform: dict[str, np.ndarray],
    region: Region,
    kind: str,
    recorder: Recorder,
) -> None:
    """Fill in the rows of one kind in one region."""
    source = region.sources[kind]
    u = {name: values[rows] for name, values in uniform.items()}
    arrival = _between(u["p_arrival"], recorder.p_window)
    table["p_arrival"][rows] = arrival
    depth = _between(u["depth"], source.depth)
    rake = np.full(len(rows), np.nan)
    if kind == "earthquake":
        weights = np.cumsum(source.faulting) / np.sum(source.faulting)
        style = np.searchsorted(weights, u["style"], "right").clip(max=2)
        dip, rake = np.array(_STYLES)[style].T
        rake = rake + _between(u["rake"], (-25.0, 25.0))
        # Half of the strike-slip faults are right-lateral.
        flip = (style == 2) & (u["basal"] < 0.5)
        rake = np.where(flip, rake + 180.0, rake)
        rake = np.mod(rake + 180.0, 360.0) - 180.0
        dip = np.minimum(dip + _between(u["dip"], (-12.0, 12.0)), 90.0)
    elif kind == "icequake":
        basal = u["basal"] < source.basal
        depth = np.where(basal, 0.995 * source.depth[1], _between(u["depth"], (0.0, 30.0)))
        dip = np.where(basal, _between(u["dip"], (0.0, 10.0)), _between(u["dip"], (75.0, 90.0)))
        rake = np.where(basal, _between(u["rake"], (70.0, 110.0)), np.nan)
    if kind != "explosion":
        table["strike"][rows] = 360.0 * u["strike"]
        table["dip"][rows] = dip
        table["rake"][rows] = rake
    table["source_depth"][rows] = depth
    # S must arrive within the record, with some of its coda: S - P takes at most so much a metre.
    lag = 1 / min(region.model.vs) - 1 / min(region.model.vp)
    reach = (0.8 * recorder.duration - arrival) / lag - 0.5 * source.depth[1]
    if (reach < source.distance[0]).any():
        raise ParameterError(
            f"records of {recorder.duration:g} s are too short for the {kind}s of region "
            f"{region.name!r}, which are at least {source.distance[0]:g} m away and up to "
            f"{source.depth[1]:g} m deep: S waves would not arrive in time; make n_time larger"
        )
    table["epicentral_distance"][rows] = _between(
        u["distance"], (source.distance[0], np.minimum(source.distance[1], reach))
    )
    table["azimuth"][rows] = 360.0 * u["azimuth"]
    low, high = (10.0**-m for m in source.magnitude)  # b = 1
    table["magnitude"][rows] = -np.log10(_between(u["magnitude"], (low, high)))
    drop = np.log(source.stress_drop)
    table["stress_drop"][rows] = np.exp(_between(u["stress_drop"], (drop[0], drop[1])))
