"""Bulk generation of training pairs: parallel, resumable, the same bytes for the same seed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo.devices import default_device
from seisgeo.errors import FormatError, OutputExistsError, ParameterError, SimulationError
from seisgeo.files import Stage, partial_path, remove, require_same
from seisgeo.synth.blocks import Job, draw_models, run_blocks
from seisgeo.synth.engines import engine_module
from seisgeo.synth.engines.preparation import MIN_CELLS_PER_WAVELENGTH
from seisgeo.synth.geology import canonical_family, family_label
from seisgeo.synth.manifest import read_manifest, write_manifest
from seisgeo.synth.output import check_format, fill_folder, open_output
from seisgeo.synth.rock import vs_from_velocity
from seisgeo.synth.store import block_length, create_store, finish_store, open_store
from seisgeo.synth.survey import Survey

__all__ = ["generate"]


def generate(
    families: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    n: int,
    *,
    survey: Survey | None = None,
    engine: str = "deepwave",
    physics: str = "scalar",
    component: str = "pressure",
    out: str | os.PathLike[str] | None = None,
    format: str = "zarr",
    seed: int = 0,
    velocity_range: tuple[float, float] = (1500.0, 4500.0),
    water_depth: tuple[float, float] | str | None = "auto",
    vp_vs: float | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
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
        random crops of (:func:`seisgeo.synth.crop_velocity`; 2-D surveys only).
    n : int
        Models of each family.
    survey : Survey, optional
        What records them; OpenFWI's by default. Models of a 3-D survey (:meth:`Survey.areal`) are
        3-D.
    engine : {"deepwave", "openfwi"}, default "deepwave"
        What simulates, see :func:`seisgeo.synth.simulate`.
    physics : {"scalar", "acoustic", "viscoacoustic", "elastic"}, default "scalar"
        Wave equation, see :func:`seisgeo.synth.simulate`. The density of all but scalar waves, the
        quality factor of viscoacoustic and the S velocity of elastic ones are made from the
        velocity (:func:`seisgeo.synth.density_from_velocity`,
        :func:`seisgeo.synth.q_from_velocity`, :func:`seisgeo.synth.vs_from_velocity`; water and
        rock salt have their own) and kept beside it.
    component : {"pressure", "x", "y", "depth"}, default "pressure"
        What the receivers record: pressure, or particle velocity along an axis.
    out : path-like, optional
        What to write. Without it the result is held in memory.
    format : {"zarr", "npy", "segy"}, default "zarr"
        A Zarr store; a folder of OpenFWI's files; or a folder of ``gathers.sgy`` and
        ``velocity.sgy`` (``density.sgy``, ``q.sgy``, ``vs.sgy``).
    seed : int, default 0
        Every sample has a random stream of its own, made from seed, family and number: a sample's
        bytes do not depend on `n`, `workers` or `batch_size`.
    velocity_range : (float, float), default (1500, 4500)
        Lowest and highest velocity (m/s).
    water_depth : (float, float), None or "auto"
        Range of water depths (m) laid over the models. ``"auto"`` gives 4 to 20 % of the model's
        depth where the survey has a free surface and none elsewhere.
    vp_vs : float, optional
        Ratio of P to S velocity for elastic waves; by default the mudrock line, by which slow rock
        has S waves too short for most grids.
    workers : int, optional
        Processes on a CPU, one thread each; by default one for each core. On a GPU one process
        simulates large batches, while other threads of it draw and write.
    scheduler : str, optional
        Address of a Dask scheduler (``tcp://host:8786``) whose workers draw, simulate and write
        instead. They must see `out`, and files of velocities, under the same names. The blocks of
        a worker that is lost are made again by others.
    device : str, optional
        By default CUDA where there is one, else the CPU; with `scheduler` the CPU.
    batch_size : int, optional
        Models simulated at once.
    overwrite : bool, default False
        Replace what stands under `out`.
    progress : bool, default True
        Show a progress bar.

    Returns
    -------
    xarray.Dataset
        ``amplitude (sample, source, time, receiver)``, ``velocity (sample, depth[, y], x)``, and
        ``density``, ``q`` and ``vs`` where they were needed; for 2-D models also ``descriptor_value
        (sample, descriptor)``. Lazy when `out` is given, and opened from what was written: of
        SEG-Y the gathers, of OpenFWI's files gathers and velocity.

    Raises
    ------
    OutputExistsError
        If `out` holds, whole or in part, a run with other settings; the message names them.
    SimulationError
        If the engine cannot do what the survey asks, or a family has no such models; the message
        says what would do.
    ParameterError
        If a name or a number is none that there is, or no scheduler answers.

    Notes
    -----
    A run that is stopped, by a kill or by a full disk, leaves its finished blocks beside `out`; the
    same call goes on from there and ends with the same bytes. `out` itself appears only when it is
    whole. It holds ``manifest.json``: every setting, hardware and versions, and the checksum of
    each file (:func:`seisgeo.synth.verify_manifest`).

    Examples
    --------
    >>> pairs = generate("flatvel-a", 2, seed=1, workers=1, device="cpu", progress=False)
    >>> dict(pairs.velocity.sizes)
    {'sample': 2, 'depth': 70, 'x': 70}
    """
    survey = survey or Survey.openfwi()
    check_format(format, out, len(survey.axes))
    asked = [families] if isinstance(families, str | os.PathLike) else list(families)
    if n < 1 or not asked:
        raise ParameterError(f"nothing to generate: n={n}, families={asked}")
    names = [canonical_family(name) for name in asked]
    if len({family_label(name) for name in names}) < len(names):
        raise ParameterError(f"families are named more than once: {', '.join(names)}")
    device = default_device("cpu" if scheduler and device is None else device)
    if water_depth == "auto":
        water_depth = survey.usual_water_depth
    module = engine_module(engine)
    module.check_physics(physics, component, survey)
    settings = {
        "families": names,
        "n": n,
        "seed": seed,
        "velocity_range": list(velocity_range),
        "water_depth": list(water_depth) if water_depth else None,
        "survey": json.loads(survey.to_json()),
        "engine": engine,
        "physics": physics,
        "component": component,
        "vp_vs": vp_vs,
        "device": device.split(":")[0],
        "scheme": module.plan(survey, velocity_range[1], physics)["scheme"],
        "format": format,
    }
    settings = json.loads(json.dumps(settings))  # as it comes back from a file
    how: dict[str, Any] = {"workers": workers, "scheduler": scheduler, "progress": progress}
    if out is None:
        with tempfile.TemporaryDirectory() as folder:
            job = Job(Stage(Path(folder) / "pairs.zarr"), settings, device, batch_size)
            return open_store(_run(job, **how)).load()
    final = Path(out).absolute()  # workers may stand in other folders
    if overwrite:
        remove(partial_path(final))
    elif final.exists():
        require_same(settings, _settings_of(final), final)
        return open_output(final, format)
    return open_output(_run(Job(Stage(final), settings, device, batch_size), **how), format)


def _run(job: Job, *, workers: int | None, scheduler: str | None, progress: bool) -> Path:
    from tqdm.auto import tqdm

    stage, settings = job.stage, job.settings
    found = stage.settings()
    if found is not None:
        require_same(settings, found, stage.final)
    else:
        _check_models(settings)
        stage.clear()
        create_store(stage.data, settings)
        stage.start(settings)
    total = settings["n"] * len(settings["families"])
    step = block_length(stage.data)
    blocks = [(a, min(a + step, total)) for a in range(0, total, step)]
    done = {mark for mark, note in stage.marks().items() if _is_there(stage.data, note)}
    todo = [block for block in blocks if str(block[0]) not in done]
    with tqdm(
        total=total,
        initial=sum(b - a for a, b in blocks if (a, b) not in todo),
        desc="simulate",
        unit="model",
        disable=not progress,
        smoothing=0.1,
    ) as bar:
        for count in run_blocks(todo, job, workers=workers, scheduler=scheduler):
            bar.update(count)
    _finish(stage, settings, blocks)
    return stage.final


def _check_models(settings: dict[str, Any]) -> None:
    """Say before anything is made what would go wrong in every block."""
    if settings["physics"] == "elastic":
        _check_shear(settings)
    for family in settings["families"]:
        draw_models({**settings, "families": [family]}, [0])


def _check_shear(settings: dict[str, Any]) -> None:
    survey, low = Survey(**settings["survey"]), settings["velocity_range"][0]
    slow = float(vs_from_velocity(np.full((1, 1), low), vp_vs=settings["vp_vs"], water=False)[0, 0])
    shortest = 2.5 * survey.peak_frequency * MIN_CELLS_PER_WAVELENGTH
    needed = shortest * survey.grid_spacing
    if slow < needed:
        vp = needed * settings["vp_vs"] if settings["vp_vs"] else 1.16 * needed + 1360
        ratio = low / needed
        raise SimulationError(
            f"elastic waves: rock of {low:g} m/s has S waves of {slow:.4g} m/s, and this survey's "
            f"grid carries {needed:.4g} m/s and more: use velocity_range=({vp:.0f}, ...)"
            + (f", vp_vs={ratio:.3g} or less" if ratio > 1.2 else "")
            + f", or a survey with grid_spacing <= {slow / shortest:.3g} m"
        )


def _is_there(store: Path, note: dict[str, Any]) -> bool:
    """Whether the files of a block that is marked are there, as long as they were."""
    try:
        return all((store / f).stat().st_size == size for f, (_, size) in note["files"].items())
    except FileNotFoundError:
        return False


def _finish(stage: Stage, settings: dict[str, Any], blocks: list[tuple[int, int]]) -> None:
    """Make the output of blocks that are whole, with its manifest, and give it its name."""
    stage.sweep()
    finish_store(stage.data)
    marks = stage.marks()
    made_by: dict[str, dict[str, Any]] = {}
    known: dict[str, list[Any]] = {}
    for start, _ in blocks:
        note = marks[str(start)]
        known |= note["files"]
        by = made_by.setdefault(json.dumps(note["by"]), {**note["by"], "samples": 0})
        by["samples"] += note["samples"]
    made = stage.data
    if settings["format"] != "zarr":
        made, known = stage.folder / "files", {}
        remove(made)  # of a run that was stopped
        fill_folder(open_store(stage.data), made, stage.final, settings)
    write_manifest(made, settings, list(made_by.values()), known)
    stage.publish(made)


def _settings_of(path: Path) -> dict[str, Any]:
    try:
        return read_manifest(path)["settings"]
    except FormatError as error:
        raise OutputExistsError(
            f"{path} already exists and is no training set of seisgeo; choose another name or "
            "pass overwrite=True"
        ) from error
