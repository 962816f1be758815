"""What the SeisBind benchmark asks: pairs, galleries, near-twins and field conditions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

FAMILIES = tuple(
    f"{kind}-{version}"
    for kind in ("flatvel", "curvevel", "flatfault", "curvefault", "style")
    for version in "ab"
)
TRAIN_SEED, TEST_SEED = 1, 2
TWINS = 9  # of each queried model


@dataclass(frozen=True)
class Size:
    """Samples of each family: pairs to train on, gathers to ask with, models in the gallery."""

    train: int
    queries: int
    gallery: int


SIZES = {"tiny": Size(24, 4, 8), "small": Size(400, 100, 1000), "full": Size(6000, 1000, 1000)}


def pairs(folder: Path, size: Size, device: str | None) -> tuple[xr.Dataset, xr.Dataset]:
    """Training pairs and queries, simulated once and kept: every sample has a stream of its own,
    and the two seeds share none."""
    from seisgeo.synth import generate

    made = []
    for name, n, seed in (("train", size.train, TRAIN_SEED), ("test", size.queries, TEST_SEED)):
        out = folder / f"{name}-{n}.zarr"
        made.append(generate(FAMILIES, n, engine="openfwi", seed=seed, out=out, device=device))
    return made[0], made[1]


def more_models(queries: xr.Dataset, size: Size) -> xr.Dataset:
    """The queries' models and, after them, others of the same families, up to the gallery's size.

    A gallery needs no gathers, so most of it is only drawn.
    """
    from seisgeo import descriptors
    from seisgeo.synth import draw_velocity

    known = queries[["velocity", "family"]].load()
    drawn = []
    for family in FAMILIES:
        rest = draw_velocity(family, range(size.queries, size.gallery), seed=TEST_SEED)
        part = rest[["velocity"]].reset_coords(drop=True)
        part["velocity"] = part["velocity"].astype(np.float32)
        drawn.append(part.assign_coords(family=("sample", [family] * part.sizes["sample"])))
    keep = known[["velocity"]].reset_coords(drop=True)
    keep = keep.assign_coords(family=("sample", known["family"].values.astype(object)))
    coords = {axis: queries[axis] for axis in ("depth", "x")}
    models = xr.concat(
        [keep, *drawn], "sample", coords="minimal", compat="override", join="override"
    )
    models = models.assign_coords(coords)
    models["velocity"].attrs = dict(queries["velocity"].attrs)
    models.attrs = {"survey": queries.attrs["survey"]}
    return models.merge(descriptors.compute(models))


def near_twins(models: xr.Dataset) -> xr.Dataset:
    """Each model followed, further on, by others that differ by one layer or by a small fault.

    The first rows are the models themselves, so that row i of the queries belongs to row i.
    """
    from seisgeo import descriptors

    random = np.random.default_rng(7)
    velocity = models["velocity"].transpose("sample", "depth", "x").values
    twins = [
        _other_layer(v, random) if i % 2 else _small_fault(v, random)
        for v in velocity
        for i in range(TWINS)
    ]
    everything = np.concatenate([velocity, np.array(twins, dtype=np.float32)])
    made = xr.Dataset(
        {"velocity": (("sample", "depth", "x"), everything, models["velocity"].attrs)},
        coords={axis: models[axis] for axis in ("depth", "x")},
        attrs={"survey": models.attrs["survey"]},
    )
    return made.merge(descriptors.compute(made))


def _other_layer(v: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One layer 3 to 8 % faster or slower; where there are none, a band of ten cells."""
    at = random.integers(v.shape[0] // 5, v.shape[0]), random.integers(v.shape[1])
    inside = v == v[at]
    if inside.sum() < v.size // 100:
        inside = np.zeros_like(inside)
        inside[max(0, at[0] - 5) : at[0] + 5] = True
    change = random.uniform(0.03, 0.08)
    # Towards the middle of the range, so that the change is not cut off.
    factor = 1 - change if v[inside].mean() > 3000 else 1 + change
    return np.where(inside, np.round(np.clip(v * factor, 1500, 4500)), v)


def _small_fault(v: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What lies on one side of a steep line is thrown by 2 to 4 cells."""
    throw = int(random.integers(2, 5))
    depth, x = np.indices(v.shape)
    line = random.uniform(0.2, 0.8) * v.shape[1] + random.uniform(-0.5, 0.5) * depth
    thrown = np.concatenate([np.repeat(v[:1], throw, axis=0), v[:-throw]])
    return np.where(x > line, thrown, v)


def conditions(queries: xr.Dataset, device: str | None) -> Iterator[tuple[str, np.ndarray]]:
    """The queries' gathers under field conditions, by name."""
    import torch

    from seisgeo.synth import Survey, noise, simulate

    survey = Survey.from_attrs(queries)
    clean = torch.from_numpy(queries["amplitude"].values)

    def draw(number: int) -> torch.Generator:
        return torch.Generator().manual_seed(number)

    band = (0.3 * survey.peak_frequency, 2.5 * survey.peak_frequency)
    noisy = {
        db: noise.add_noise(clean, float(db), dt=survey.dt, band=band, generator=draw(db))
        for db in (10, 0)
    }
    for db, gathers in noisy.items():
        yield f"noise, {db} dB", gathers.numpy()
    for share in (0.1, 0.3, 0.5):
        dead = noise.kill_traces(clean, share, generator=draw(int(100 * share)))
        yield f"{share:.0%} dead traces", dead.numpy()
    both = noise.kill_traces(noisy[0], 0.3, generator=draw(31))
    yield "noise, 0 dB, and 30% dead traces", both.numpy()
    half = clean.clone()
    half[:, 1::2] = 0
    yield "every other shot missing", half.numpy()
    moved = noise.shift_traces(clean, 0.004, dt=survey.dt, generator=draw(4))
    yield "statics of 4 ms", moved.numpy()
    models = queries[["velocity"]]
    for frequency in (8.0, 25.0):
        other = dataclasses.replace(survey, peak_frequency=frequency)
        gathers = simulate(models, other, engine="openfwi", device=device)["amplitude"]
        yield f"wavelet of {frequency:g} Hz", gathers.transpose(*queries["amplitude"].dims).values
