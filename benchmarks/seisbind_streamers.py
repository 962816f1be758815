"""Pairs of many marine streamers, no two alike: what a general model of them learns from.

A record is simulated with channels 2.5 m apart, and cables of 48 channels are taken out of it: a
simulated model gives several pairs, with other near offsets and channel spacings. Sources, depths
and wavelets differ from survey to survey.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import seisbind_data as data
import xarray as xr

if TYPE_CHECKING:
    from seisgeo.synth import Survey

#: Surveys, by size of the benchmark; models of each family that each of them records, and cables
#: that each record is cut into.
SURVEYS = {"tiny": 1, "full": 40}
USUAL_SURVEYS = 12
EACH, CABLES = 10, 4
CHANNELS, SOURCES = 48, 5
#: Metres between simulated channels, and of these between the channels of a cable.
STEP, SPACINGS = 2.5, (3, 6)
#: Offsets (m) that a cable begins at.
NEAREST, NEAR_STEPS = 40.0, 56
MODEL_SHAPE, CELL = (71, 130), 10.0
SEED = 5000


def survey(random: np.random.Generator) -> Survey:
    """A survey whose channels are 2.5 m apart."""
    from seisgeo.synth import Survey

    spacing, peak = random.uniform(70, 120), random.uniform(9, 16)
    depths = random.uniform(4, 8), random.uniform(6, 14)
    first = 1240 - (SOURCES - 1) * spacing - random.uniform(0, 30)
    offsets = np.arange(NEAREST, first - 20, STEP)
    sources = tuple(first + spacing * k for k in range(SOURCES))
    return Survey(
        source_x=sources,
        source_depth=(depths[0],) * SOURCES,
        receiver_x=tuple(tuple(float(x - offset) for offset in offsets) for x in sources),
        receiver_depth=((depths[1],) * len(offsets),) * SOURCES,
        dt=0.004,
        nt=251,
        peak_frequency=peak,
        grid_spacing=CELL,
        model_shape=MODEL_SHAPE,
        free_surface=True,
    )


def cable(channels: int, random: np.random.Generator) -> np.ndarray:
    """Which of a record's channels make a cable."""
    widest = min(SPACINGS[1], (channels - 8) // (CHANNELS - 1))
    step = min(int(random.integers(SPACINGS[0], SPACINGS[1] + 1)), widest)
    room = channels - (CHANNELS - 1) * step
    return int(random.integers(0, min(room, NEAR_STEPS))) + step * np.arange(CHANNELS)


def recorded(number: int, device: str | None, each: int = EACH) -> xr.Dataset:
    """Pairs of one survey: its models, each as often as there are cables.

    They know no positions, as those of all surveys are to be learned from together.
    """
    from seisgeo.synth import generate

    random = np.random.default_rng([11, number])
    asked = survey(random)
    channels = len(asked.receiver_x[0])
    made = generate(data.FAMILIES, each, survey=asked, seed=SEED + number, device=device)
    records = made["amplitude"].values
    cables = [[cable(channels, random) for _ in range(CABLES)] for _ in records]
    gathers = [
        record[..., part] for record, own in zip(records, cables, strict=True) for part in own
    ]
    row = np.repeat(np.arange(len(records)), CABLES)
    dims = ("sample", "source", "time", "receiver")
    return xr.Dataset(
        {
            "amplitude": (dims, np.stack(gathers), made["amplitude"].attrs),
            "velocity": made["velocity"].variable.isel(sample=row),
        },
        coords={
            "time": made["time"],
            "depth": made["depth"],
            "x": made["x"],
            "family": ("sample", made["family"].values[row]),
        },
    )


def surveys(size: str) -> int:
    """How many there are for a size of the benchmark."""
    return SURVEYS.get(size, USUAL_SURVEYS)


def pairs_of_many(folder: Path, size: str, device: str | None) -> xr.Dataset:
    """Pairs of all surveys, lazy and kept."""
    rows = CABLES * EACH * len(data.FAMILIES)
    path = folder / "streamers.zarr"
    return data.in_parts(path, surveys(size), rows, lambda n: recorded(n, device))
