"""What the SeisBind benchmark asks: pairs, galleries, near-twins and field conditions."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

FAMILIES = tuple(
    f"{kind}-{version}"
    for kind in ("flatvel", "curvevel", "flatfault", "curvefault", "style")
    for version in "ab"
)
#: Part p of the training pairs has seed 1000 + p; so no seed is both.
TRAIN_SEED, TEST_SEED = 1000, 2
#: Pairs of each family in a part of the training set: a size takes as many parts as it needs, so
#: that larger sizes begin with the smaller ones.
PART = 100
#: Models of each family in a block of drawn ones: what is drawn and embedded at once.
BLOCK = 100
TWINS = 9  # of each queried model
WAVELETS = (8.0, 12.0, 20.0, 25.0)  # peak frequencies (Hz); training has 15
NOISY_AND_DEAD = "noise, 0 dB, and 30% dead traces"
#: Bits kept of the 23 of a float32's fraction where pairs are stored for training: an error of
#: 1 / 2048 of each value at most, 70 dB below it. A store is then half as large.
KEPT_BITS = 10


@dataclass(frozen=True)
class Size:
    """Samples of each family: pairs to train on, gathers to ask with, models in the galleries."""

    train: int
    queries: int
    gallery: int
    large: int


SIZES = {
    "tiny": Size(20, 4, 8, 16),
    "small": Size(400, 100, 1000, 10_000),
    "medium": Size(2000, 100, 1000, 10_000),
    "full": Size(6000, 200, 1000, 10_000),
}


def training_pairs(folder: Path, size: Size, device: str | None) -> xr.Dataset:
    """Training pairs of all families, simulated part by part; a run that was stopped goes on."""
    from seisgeo.synth import generate

    per_part = min(PART, size.train)

    def part(number: int) -> xr.Dataset:
        seed = TRAIN_SEED + number
        return generate(FAMILIES, per_part, engine="openfwi", seed=seed, device=device)

    path = folder / f"train-{per_part}.zarr"
    return in_parts(path, size.train // per_part, per_part * len(FAMILIES), part)


def in_parts(path: Path, wanted: int, rows: int, make: Callable[[int], xr.Dataset]) -> xr.Dataset:
    """Pairs, lazy, that are simulated part by part and kept; a run that was stopped goes on.

    Parameters
    ----------
    path : pathlib.Path
        Of the Zarr store; beside it a note counts the parts that are whole.
    wanted, rows : int
        Parts that are needed, and pairs in each.
    make : callable
        Simulates a part, given its number.
    """
    note = path.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    done = json.loads(note.read_text())["parts"] if note.exists() else 0
    if done < wanted and path.exists():
        _cut(path, done * rows)
    for number in range(done, wanted):
        print(f"{path.stem}: part {number + 1} of {wanted}", flush=True)
        made = make(number)
        made["amplitude"] = made["amplitude"].copy(data=rounded(made["amplitude"].values))
        _append(made, path, first=number == 0)
        note.write_text(json.dumps({"parts": number + 1}))
    pairs = xr.open_zarr(path, chunks=None, consolidated=False)
    return pairs.isel(sample=slice(wanted * rows))


def rounded(values: np.ndarray, bits: int = KEPT_BITS) -> np.ndarray:
    """Float32 values with the fraction rounded to fewer bits, which compress better."""
    whole = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    drop = 23 - bits
    half = np.uint32((1 << (drop - 1)) - 1) + ((whole >> np.uint32(drop)) & np.uint32(1))
    mask = np.uint32(0xFFFFFFFF ^ ((1 << drop) - 1))
    return ((whole + half) & mask).view(np.float32)


def _append(pairs: xr.Dataset, path: Path, *, first: bool) -> None:
    from zarr.codecs import BloscCodec

    pairs = pairs.drop_encoding()
    words = {n: c.astype(object) for n, c in pairs.coords.items() if c.dtype.kind in "UT"}
    pairs = pairs.assign_coords(words)
    if not first:
        fixed = [n for n, v in pairs.variables.items() if "sample" not in v.dims]
        pairs.drop_vars(fixed).to_zarr(path, append_dim="sample", consolidated=False)
        return
    encoding = {
        name: {
            "chunks": (1 if name == "amplitude" else 50, *v.shape[1:]),
            "shards": (50, *v.shape[1:]),
            "compressors": BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle"),
        }
        for name, v in pairs.data_vars.items()
    }
    pairs.to_zarr(path, mode="w", encoding=encoding, zarr_format=3, consolidated=False)


def _cut(path: Path, rows: int) -> None:
    """Take away what a run that was stopped had begun to append."""
    import zarr

    group = zarr.open_group(path, mode="r+")
    for _, array in group.arrays():
        if (array.metadata.dimension_names or ("",))[0] == "sample" and array.shape[0] > rows:
            array.resize((rows, *array.shape[1:]))


def test_queries(folder: Path, size: Size, device: str | None) -> xr.Dataset:
    """Pairs that are asked with, lazy."""
    from seisgeo.synth import generate

    out = folder / f"test-{size.queries}.zarr"
    made = generate(
        FAMILIES, size.queries, engine="openfwi", seed=TEST_SEED, out=out, device=device
    )
    # Words read from Zarr are of numpy's new string type, which many functions do not know.
    return made.assign_coords(family=("sample", made["family"].values.astype(object)))


def drawn_block(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A block of the test models, which are drawn and never kept: 5 000 of them take a second.

    Parameters
    ----------
    number : int
        Block k has the models k * BLOCK to (k + 1) * BLOCK of each family.

    Returns
    -------
    velocity, family, index : numpy.ndarray
        Velocity (m/s), shape (sample, depth, x); family and number of each.
    """
    from seisgeo.synth import draw_velocity

    index = np.arange(number * BLOCK, (number + 1) * BLOCK)
    parts = [draw_velocity(f, index, seed=TEST_SEED)["velocity"].values for f in FAMILIES]
    family = np.repeat(np.array(FAMILIES, dtype=object), BLOCK)
    return np.concatenate(parts), family, np.tile(index, len(FAMILIES))


def drawn_models(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Test models number `start` to `stop` of each family: velocity and family."""
    found = []
    for number in range(start // BLOCK, -(-stop // BLOCK)):
        velocity, family, index = drawn_block(number)
        inside = (start <= index) & (index < stop)
        found.append((velocity[inside], family[inside]))
    velocity, family = zip(*found, strict=True)
    return np.concatenate(velocity), np.concatenate(family)


def as_cube(velocity: np.ndarray, like: xr.Dataset) -> xr.Dataset:
    """Models as a cube on the grid, and of the survey, of `like`."""
    return xr.Dataset(
        {"velocity": (("sample", "depth", "x"), velocity, like["velocity"].attrs)},
        coords={axis: like[axis] for axis in ("depth", "x")},
        attrs={"survey": like.attrs["survey"]},
    )


def near_twins(velocity: np.ndarray) -> np.ndarray:
    """Models that differ from each given one by one layer or by a small fault, in turns.

    Parameters
    ----------
    velocity : numpy.ndarray
        Models (m/s), shape (sample, depth, x).

    Returns
    -------
    numpy.ndarray
        Shape (sample, TWINS, depth, x). Each differs from its model in a hundredth of its cells
        at least.
    """
    twins = np.empty((len(velocity), TWINS, *velocity.shape[1:]), dtype=np.float32)
    for number, model in enumerate(velocity):
        random = np.random.default_rng([7, number])
        for i in range(TWINS):
            change = _other_layer if i % 2 else _small_fault
            twin = change(model, random)
            while (twin != model).sum() < model.size // 100:
                twin = change(model, random)
            twins[number, i] = twin
    return twins


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


def conditions(queries: xr.Dataset, *, only: str | None = None) -> Iterator[tuple[str, np.ndarray]]:
    """The queries' gathers as a field crew might bring them, by name; `only` one of them."""
    import torch

    from seisgeo.synth import Survey, noise

    survey = Survey.from_attrs(queries)
    clean = torch.from_numpy(queries["amplitude"].values)
    band = (0.3 * survey.peak_frequency, 2.5 * survey.peak_frequency)

    def draw(number: int) -> torch.Generator:
        return torch.Generator().manual_seed(number)

    def in_parts(change: Callable[..., torch.Tensor], *others: torch.Tensor) -> torch.Tensor:
        made = torch.empty_like(clean)  # spectra of all gathers would not fit into memory
        for whole, *some in zip(*(t.split(50) for t in (made, clean, *others)), strict=True):
            whole[:] = change(*some)
        return made

    def noisy(db: int) -> torch.Tensor:
        settings = {"dt": survey.dt, "band": band, "generator": draw(db)}
        return in_parts(lambda some: noise.add_noise(some, float(db), **settings))

    def with_statics(std: float) -> torch.Tensor:
        samples, sources, _, receivers = clean.shape
        delay = std * torch.randn(samples, sources, receivers, generator=draw(4))
        return in_parts(lambda some, by: noise.delay_traces(some, by, dt=survey.dt), delay)

    def dead(gathers: torch.Tensor, share: float, number: int) -> torch.Tensor:
        return noise.kill_traces(gathers, share, generator=draw(number))

    def half_of_the_shots() -> torch.Tensor:
        half = clean.clone()
        half[:, 1::2] = 0
        return half

    made = {
        "noise, 10 dB": lambda: noisy(10),
        "noise, 0 dB": lambda: noisy(0),
        "10% dead traces": lambda: dead(clean, 0.1, 10),
        "30% dead traces": lambda: dead(clean, 0.3, 30),
        "50% dead traces": lambda: dead(clean, 0.5, 50),
        NOISY_AND_DEAD: lambda: dead(noisy(0), 0.3, 31),
        "every other shot missing": half_of_the_shots,
        "statics of 4 ms": lambda: with_statics(0.004),
    }
    for name, make in made.items():
        if only in (None, name):
            yield name, make().numpy()


def other_wavelet(folder: Path, frequency: float, count: int, device: str | None) -> xr.Dataset:
    """The first test models of each family, recorded with another wavelet; kept."""
    from seisgeo.synth import Survey, generate

    survey = dataclasses.replace(Survey.openfwi(), peak_frequency=frequency)
    out = folder / f"test-{count}-{frequency:g}Hz.zarr"
    return generate(
        FAMILIES, count, survey=survey, engine="openfwi", seed=TEST_SEED, out=out, device=device
    )
