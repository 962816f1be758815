"""A new survey: how many pairs of it a model needs, from scratch and from a general model."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import seisbind_data as data
import xarray as xr
from seisbind_rows import Table, embedding_row
from seisbind_training import Budget, Shelf

#: Steps of each training, whatever the number of pairs.
STEPS = {"tiny": 4, "full": 1000}
USUAL_STEPS = 300
#: Pairs of the new survey that are learned from.
COUNTS = {"tiny": (20, 40), "full": (100, 300, 1000, 3000)}
USUAL_COUNTS = (100, 300, 1000)
#: A general model is changed with care.
LEARNING_RATE = 2e-3
SEED = 3


def new_survey() -> Any:
    """A short marine streamer: free surface with its ghosts, 12 Hz, other offsets and sampling."""
    from seisgeo.synth import Survey

    return Survey.streamer(
        n_sources=5,
        source_spacing=100.0,
        n_receivers=48,
        receiver_spacing=12.5,
        near_offset=100.0,
        depth=700.0,
        record_length=1.0,
        dt=0.004,
        peak_frequency=12.0,
        grid_spacing=10.0,
    )


def start_from(general: Any) -> Callable[[Any, xr.Dataset, Path], Any]:
    """A function that fits with an estimator's settings, beginning with a general model's weights.

    Weights whose shapes differ, because the survey does, begin anew.
    """
    from seisgeo.errors import DataWarning

    def fit(model: Any, pairs: xr.Dataset, checkpoint: Path) -> Any:
        started = copy.deepcopy(general).set_params(**{**model.get_params(), "warm_start": True})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            return started.fit(pairs, checkpoint=checkpoint)

    return fit


def curve(
    general: Any,
    settings: dict[str, Any],
    shelf: Shelf,
    folder: Path,
    size: str,
    device: str | None,
) -> Table:
    """R@1 on the new survey, gallery of 1 000, for each number of pairs learned from."""
    from seisgeo.synth import generate

    counts, steps = COUNTS.get(size, USUAL_COUNTS), STEPS.get(size, USUAL_STEPS)
    survey = new_survey()

    def made(name: str, each: int, seed: int) -> xr.Dataset:
        out = folder / f"streamer-{name}-{each}.zarr"
        return generate(data.FAMILIES, each, survey=survey, seed=seed, out=out, device=device)

    each = max(counts) // len(data.FAMILIES)
    train = made("train", each, data.TRAIN_SEED + SEED)
    test = made("test", min(100, data.SIZES[size].queries), data.TEST_SEED)
    rows = {}
    for count in counts:
        part = np.arange(train.sizes["sample"]) % each < count // len(data.FAMILIES)
        pairs = train.isel(sample=np.flatnonzero(part))
        batch = min(settings.get("batch_size", 128), round(0.9 * count))
        budget = Budget(epochs=math.ceil(steps / max(1, round(0.9 * count) // batch)))
        named = {"survey": survey.to_json(), "families": data.FAMILIES, "count": count}
        for how in ("from scratch", "from the general model"):
            mine, fit, more = {**settings, "batch_size": batch}, None, {}
            if how != "from scratch":
                mine["learning_rate"], fit = LEARNING_RATE, start_from(general)
                more = {"from": general.model_id_}
            name = f"{how}, {count} pairs"
            model = shelf.model(name, pairs, named | more, mine, budget, fit=fit)
            z = [model.transform(test, m)["embedding"].values for m in ("seismic", "velocity")]
            rows[name] = embedding_row(*z)
    return rows
