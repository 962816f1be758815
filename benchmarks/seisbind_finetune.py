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
#: How a model is trained: parameters of SeisBind.
WAYS: dict[str, dict[str, Any]] = {
    "from scratch": {},
    "from the general model, stretched": {"stretch": 0.15, "warm_start": "seismic"},
}
AS_IT_IS = "the general model as it is"
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

    First comes the general model, trained for an epoch at a rate of zero.
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

    def row(name: str, count: int, epochs: int, way: dict[str, Any]) -> None:
        part = np.arange(train.sizes["sample"]) % each < count // len(data.FAMILIES)
        pairs = train.isel(sample=np.flatnonzero(part))
        named: dict[str, Any] = {
            "survey": survey.to_json(),
            "families": data.FAMILIES,
            "count": count,
        }
        if "warm_start" in way:
            named["from"] = general.model_id_
        model = shelf.model(
            name,
            pairs,
            named,
            {**settings, "batch_size": batch_of(count), **way},
            Budget(epochs=epochs),
            fit=start_from(general) if "warm_start" in way else None,
        )
        z = [model.transform(test, m)["embedding"].values for m in ("seismic", "velocity")]
        rows[name] = embedding_row(*z)

    def batch_of(count: int) -> int:
        return min(settings.get("batch_size", 128), round(0.9 * count))

    rows: Table = {}
    row(AS_IT_IS, counts[0], 1, {"warm_start": True, "learning_rate": 0.0})
    for count in counts:
        epochs = math.ceil(steps / max(1, round(0.9 * count) // batch_of(count)))
        for name, way in WAYS.items():
            row(f"{name}, {count} pairs", count, epochs, way)
    return rows
