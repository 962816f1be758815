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
from seisbind_streamers import pairs_of_many, surveys
from seisbind_training import Budget, Shelf

#: Steps of each training, whatever the number of pairs.
STEPS = {"tiny": 4, "full": 1000}
USUAL_STEPS = 300
#: Pairs of the new survey that are learned from.
COUNTS = {"tiny": (20, 40), "full": (100, 300, 1000, 3000)}
USUAL_COUNTS = (100, 300, 1000)
#: How a model is trained: what it begins with, and parameters of SeisBind.
SCRATCH, OURS, MANY = "from scratch", "from the general model", "from a model of many streamers"
WAYS: dict[str, dict[str, Any]] = {
    SCRATCH: {},
    OURS: {"stretch": 0.15, "warm_start": "seismic"},
    MANY: {"stretch": 0.15, "warm_start": True, "learning_rate": 5e-4},
}
AS_IT_IS = {OURS: "the general model as it is", MANY: "the model of many streamers as it is"}
#: Passes over the pairs of many streamers.
PASSES = {"tiny": 1}
USUAL_PASSES = 20
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

    Weights whose shapes differ, because the survey does, begin anew; here all fit.
    """
    from seisgeo.errors import DataWarning

    def fit(model: Any, pairs: xr.Dataset, checkpoint: Path) -> Any:
        started = copy.deepcopy(general).set_params(**model.get_params())
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
    """R@1 on the new survey, gallery of 1 000, for each number of pairs learned from.

    From scratch, from the general model, and from one that has gone on to pairs of many streamers,
    of which the new survey is none. As they are, these are trained for an epoch at a rate of zero.
    """
    from seisgeo.synth import generate

    counts, steps = COUNTS.get(size, USUAL_COUNTS), STEPS.get(size, USUAL_STEPS)
    survey = new_survey()

    def made(name: str, each: int, seed: int) -> xr.Dataset:
        out = folder / f"streamer-{name}-{each}.zarr"
        return generate(data.FAMILIES, each, survey=survey, seed=seed, out=out, device=device)

    each = max(counts) // len(data.FAMILIES)
    train = made("train", each, data.TRAIN_SEED + SEED)
    test = made("test", min(100, data.SIZES[size].queries), data.TEST_SEED)

    def row(name: str, count: int, epochs: int, start: Any, way: dict[str, Any]) -> None:
        part = np.arange(train.sizes["sample"]) % each < count // len(data.FAMILIES)
        pairs = train.isel(sample=np.flatnonzero(part))
        named: dict[str, Any] = {
            "survey": survey.to_json(),
            "families": data.FAMILIES,
            "count": count,
        }
        if start is not None:
            named["from"] = start.model_id_
        model = shelf.model(
            name,
            pairs,
            named,
            {**settings, "batch_size": batch_of(count), **way},
            Budget(epochs=epochs),
            fit=None if start is None else start_from(start),
        )
        z = [model.transform(test, m)["embedding"].values for m in ("seismic", "velocity")]
        rows[name] = embedding_row(*z)

    def batch_of(count: int) -> int:
        return min(settings.get("batch_size", 128), round(0.9 * count))

    many = shelf.model(
        "a model of many streamers",
        lambda: pairs_of_many(folder, size, device),
        {"streamers": surveys(size), "families": data.FAMILIES, "from": general.model_id_},
        {**settings, "warm_start": True},
        Budget(epochs=PASSES.get(size, USUAL_PASSES)),
        fit=start_from(general),
    )
    starts = {SCRATCH: None, OURS: general, MANY: many}
    rows: Table = {}
    for way, name in AS_IT_IS.items():
        still = {"warm_start": True, "learning_rate": 0.0}
        row(name, counts[0], 1, starts[way], still)
    for count in counts:
        epochs = math.ceil(steps / max(1, round(0.9 * count) // batch_of(count)))
        for way, parameters in WAYS.items():
            row(f"{way}, {count} pairs", count, epochs, starts[way], parameters)
    return rows
