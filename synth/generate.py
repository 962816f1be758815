"""Bulk generation of training pairs: parallel, resumable, the same bytes for the same seed."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions, descriptors
from seisgeo.devices import default_device
from seisgeo.errors import OutputExistsError, ParameterError
from seisgeo.files import Stage, differences, partial_path, remove
from seisgeo.synth.engines import engine_module
from seisgeo.synth.geology import canonical_family, draw_velocity, family_label
from seisgeo.synth.survey import Survey

__all__ = ["generate"]

#: Samples of one unit of work: what a worker simulates and writes, and what a kill can cost.
#: It is also the shard of the Zarr store, so that no two workers write the same file.
BLOCK = 50


def generate(
    families: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    n: int,
    *,
    survey: Survey | None = None,
    engine: str = "deepwave",
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    velocity_range: tuple[float, float] = (1500.0, 4500.0),
    water_depth: tuple[float, float] | str | None = "auto",
    workers: int | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> xr.Dataset:
    """Draw velocity models and simulate their gathers for one survey.

    Parameters
    ----------
    families : str, path-like or iterable of them
        Families of velocity models (:data:`seisgeo.synth.FAMILIES`), or files of velocities to take
        random crops of (:func:`seisgeo.synth.crop_velocity`).
    n : int
        Models of each family.
    survey : Survey, optional
        What records them; OpenFWI's by default.
    engine : {"deepwave", "openfwi"}, default "deepwave"
        What simulates, see :func:`seisgeo.synth.simulate`.
    out : path-like, optional
        Zarr store to write. Without it the result is held in memory.
    seed : int, default 0
        Every sample has a random stream of its own, made from seed, family and number: a sample's
        bytes do not depend on `n`, `workers` or `batch_size`.
    velocity_range : (float, float), default (1500, 4500)
        Lowest and highest velocity (m/s).
    water_depth : (float, float), None or "auto"
        Range of water depths (m) laid over the models. ``"auto"`` gives 4 to 20 % of the model's
        depth where the survey has a free surface and none elsewhere.
    workers : int, optional
        Processes on a CPU, one thread each; by default one for each core. On a GPU one process
        simulates large batches.
    device : str, optional
        By default CUDA where there is one, else the CPU.
    batch_size : int, optional
        Models simulated at once.
    overwrite : bool, default False
        Replace what stands under `out`.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        ``amplitude (sample, source, time, receiver)``, ``velocity (sample, depth, x)`` and
        ``descriptor_value (sample, descriptor)``; lazy when `out` is given.

    Raises
    ------
    OutputExistsError
        If `out` holds, whole or in part, a run with other settings; the message names them.
    SimulationError
        If the engine cannot do what the survey asks; the message says what would do.

    Notes
    -----
    A run that is stopped leaves its finished blocks beside `out`; the same call goes on from
    there. `out` itself appears only when it is whole.

    Examples
    --------
    >>> pairs = generate("flatvel-a", 2, seed=1, workers=1, device="cpu", progress=False)
    >>> dict(pairs.velocity.sizes)
    {'sample': 2, 'depth': 70, 'x': 70}
    """
    survey = survey or Survey.openfwi()
    asked = [families] if isinstance(families, str | os.PathLike) else list(families)
    if n < 1 or not asked:
        raise ParameterError(f"nothing to generate: n={n}, families={asked}")
    names = [canonical_family(name) for name in asked]
    if len({family_label(name) for name in names}) < len(names):
        raise ParameterError(f"families are named more than once: {', '.join(names)}")
    device = default_device(device)
    if water_depth == "auto":
        bottom = (survey.model_shape[0] - 1) * survey.grid_spacing
        water_depth = (0.04 * bottom, 0.2 * bottom) if survey.free_surface else None
    settings = {
        "families": names,
        "n": n,
        "seed": seed,
        "velocity_range": list(velocity_range),
        "water_depth": list(water_depth) if water_depth else None,
        "survey": json.loads(survey.to_json()),
        "engine": engine,
        "device": device.split(":")[0],
        "scheme": engine_module(engine).plan(survey, velocity_range[1])["scheme"],
    }
    if out is None:
        with tempfile.TemporaryDirectory() as folder:
            path = _run(
                Path(folder) / "pairs.zarr", settings, device, workers, batch_size, progress
            )
            return _open(path).load()
    final = Path(out)
    if overwrite:
        remove(partial_path(final))
    elif final.exists():
        _require_same(settings, _settings_of(final), final)
        return _open(final)
    return _open(_run(final, settings, device, workers, batch_size, progress))


def _run(
    final: Path,
    settings: dict[str, Any],
    device: str,
    workers: int | None,
    batch_size: int | None,
    progress: bool,
) -> Path:
    import zarr
    from joblib import Parallel, delayed, parallel_config
    from tqdm.auto import tqdm

    stage = Stage(final)
    found = stage.settings()
    if found is not None:
        _require_same(settings, found, final)
    else:
        stage.clear()
        _create_store(stage.data, settings)
        stage.start(settings)
    total = settings["n"] * len(settings["families"])
    blocks = [(a, min(a + BLOCK, total)) for a in range(0, total, BLOCK)]
    done = stage.marks()
    todo = [b for b in blocks if str(b[0]) not in done]
    jobs = _workers(workers) if device == "cpu" else 1
    with tqdm(
        total=total,
        initial=sum(b - a for a, b in blocks if (a, b) not in todo),
        desc="simulate",
        unit="model",
        disable=not progress,
        smoothing=0.1,
    ) as bar:
        work = (delayed(_block)(stage, settings, device, batch_size, *b) for b in todo)
        # loky's processes need no `if __name__ == "__main__"` in the user's script.
        with parallel_config("loky" if jobs > 1 else "sequential", n_jobs=jobs):
            for count in Parallel(return_as="generator_unordered")(work):
                bar.update(count)
    with warnings.catch_warnings():
        # Consolidated metadata are zarr-python's own for now; without them every open warns.
        warnings.simplefilter("ignore", UserWarning)
        zarr.consolidate_metadata(stage.data)
    stage.publish()
    return final


def _block(
    stage: Stage,
    settings: dict[str, Any],
    device: str,
    batch_size: int | None,
    start: int,
    stop: int,
) -> int:
    """Draw, simulate and write the samples of one block."""
    survey = Survey(**settings["survey"])
    water = settings["water_depth"]
    models = []
    for number, family in enumerate(settings["families"]):
        first = number * settings["n"]
        inside = range(max(start, first), min(stop, first + settings["n"]))
        if len(inside):
            models.append(
                draw_velocity(
                    family,
                    [i - first for i in inside],
                    seed=settings["seed"],
                    shape=survey.model_shape,
                    grid_spacing=survey.grid_spacing,
                    velocity_range=tuple(settings["velocity_range"]),
                    water_depth=tuple(water) if water else None,
                )["velocity"].values
            )
    velocity = np.concatenate(models).astype(np.float32)
    amplitude = engine_module(settings["engine"]).simulate_array(
        velocity,
        survey,
        device=device,
        batch_size=batch_size,
        max_velocity=settings["velocity_range"][1],
    )
    dx = survey.grid_spacing
    part = xr.Dataset(
        {
            "amplitude": (("sample", "source", "time", "receiver"), amplitude),
            "velocity": (("sample", "depth", "x"), velocity),
            "descriptor_value": (
                ("sample", "descriptor"),
                descriptors.compute_array(velocity, dx, dx).astype(np.float32),
            ),
        }
    )
    part.to_zarr(stage.data, region={"sample": slice(start, stop)}, consolidated=False)
    stage.mark(str(start))
    return stop - start


def _create_store(path: Path, settings: dict[str, Any]) -> None:
    import dask.array as da
    from zarr.codecs import BloscCodec

    survey = Survey(**settings["survey"])
    total = settings["n"] * len(settings["families"])
    names = list(descriptors.DESCRIPTORS)
    shapes = {
        "amplitude": (
            ("source", "time", "receiver"),
            (survey.n_sources, survey.nt, survey.n_receivers),
        ),
        "velocity": (("depth", "x"), survey.model_shape),
        "descriptor_value": (("descriptor",), (len(names),)),
    }
    block = min(BLOCK, total)
    store = xr.Dataset(
        {
            name: (("sample", *dims), da.zeros((total, *shape), dtype="f4", chunks=(block, *shape)))
            for name, (dims, shape) in shapes.items()
        },
        coords={
            **survey.coords(),
            "family": (
                "sample",
                np.repeat(
                    np.array([family_label(name) for name in settings["families"]], dtype=object),
                    settings["n"],
                ),
            ),
            "descriptor": ("descriptor", np.array(names, dtype=object)),
            "units": (
                "descriptor",
                np.array([descriptors.DESCRIPTORS[k].units for k in names], dtype=object),
            ),
        },
        attrs=conventions.provenance(
            source="seisgeo.synth.generate",
            source_format="synthetic",
            engine=settings["engine"],
            scheme=settings["scheme"],
            seed=settings["seed"],
            survey=survey.to_json(),
            generation=json.dumps(settings),
        ),
    )
    encoding = {
        # A sample is a chunk, for random access in training; a block is a shard, hence a file.
        name: {
            "chunks": (1 if name == "amplitude" else block, *shape),
            "shards": (block, *shape),
            "compressors": BloscCodec(cname="lz4", shuffle="bitshuffle"),
        }
        for name, (_, shape) in shapes.items()
    }
    conventions.describe(store).to_zarr(
        path, compute=False, encoding=encoding, zarr_format=3, consolidated=False
    )


def _workers(workers: int | None) -> int:
    if workers is not None and workers < 1:
        raise ParameterError(f"workers must be at least 1, found {workers}")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return workers or available or 1


def _open(path: Path) -> xr.Dataset:
    # Lazy without dask: training reads samples in any order, a chunk at a time.
    return conventions.validate(xr.open_zarr(path, chunks=None), "gathers")


def _settings_of(path: Path) -> dict[str, Any]:
    try:
        return json.loads(xr.open_zarr(path, chunks=None).attrs["generation"])
    except Exception as error:
        raise OutputExistsError(
            f"{path} already exists and is no training set of seisgeo; choose another name or "
            "pass overwrite=True"
        ) from error


def _require_same(asked: dict[str, Any], found: dict[str, Any], path: Path) -> None:
    if lines := differences(asked, found):
        listed = "\n  ".join(lines)
        raise OutputExistsError(
            f"{path}, whole or in part, belongs to a run with other settings:\n  {listed}\n"
            "choose another name, or pass overwrite=True to replace it"
        )
