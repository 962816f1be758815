"""Blocks of a training set: drawn, simulated and written, by whatever is there to compute."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import descriptors
from seisgeo.devices import worker_count
from seisgeo.errors import OutputExistsError
from seisgeo.files import Stage
from seisgeo.synth.engines.batches import cpu_batch
from seisgeo.synth.engines.dispatch import MATERIALS, engine_module
from seisgeo.synth.geology import SALT_VELOCITY, draw_velocity
from seisgeo.synth.manifest import environment
from seisgeo.synth.rock import density_from_velocity, q_from_velocity, vs_from_velocity
from seisgeo.synth.store import BLOCK_BYTES, write_block
from seisgeo.synth.survey import Survey

__all__ = ["Job", "draw_models", "make_block", "run_blocks", "simulate_models"]

#: Models that a GPU simulates at once, where the caller does not say.
GPU_BATCH = 64
#: Threads that write while a GPU simulates.
WRITERS = 2

#: First sample of a block, and the one after its last.
Block = tuple[int, int]


@dataclass(frozen=True)
class Job:
    """What a process needs to make blocks.

    Parameters
    ----------
    stage : Stage
        Where the blocks go.
    settings : dict
        What the samples follow from.
    device : str
        What simulates.
    batch_size : int, optional
        Models simulated at once.
    """

    stage: Stage
    settings: dict[str, Any]
    device: str
    batch_size: int | None


def draw_models(settings: dict[str, Any], numbers: Iterable[int]) -> dict[str, np.ndarray]:
    """Velocity and what the wave equation needs beside it, of these samples of a run.

    Parameters
    ----------
    settings : dict
        Settings of the run.
    numbers : iterable of int
        Numbers of samples, in order; families follow one another.

    Returns
    -------
    dict
        ``velocity`` and for acoustic waves ``density``, for viscoacoustic ones ``q`` and
        ``density``, for elastic ones ``vs`` and ``density``; float32, shape
        (sample, depth[, y], x).
    """
    survey = Survey(**settings["survey"])
    water = settings["water_depth"]
    inside: dict[int, list[int]] = {}
    for number in numbers:
        family, own = divmod(number, settings["n"])
        inside.setdefault(family, []).append(own)
    parts = []
    for number, own_numbers in inside.items():
        family = settings["families"][number]
        velocity = draw_velocity(
            family,
            own_numbers,
            seed=settings["seed"],
            shape=survey.model_shape,
            grid_spacing=survey.grid_spacing,
            velocity_range=tuple(settings["velocity_range"]),
            water_depth=tuple(water) if water else None,
        )["velocity"]
        parts.append({"velocity": velocity.values, **_rock(velocity, family, settings)})
    return {
        name: np.concatenate([part[name] for part in parts]).astype(np.float32, copy=False)
        for name in parts[0]
    }


def _rock(velocity: xr.DataArray, family: str, settings: dict[str, Any]) -> dict[str, np.ndarray]:
    """Density and S velocity, where the wave equation needs them."""
    wanted = MATERIALS[settings["physics"]]
    salt = velocity == SALT_VELOCITY if family == "salt" else None
    rock = {}
    if "vs" in wanted:
        rock["vs"] = vs_from_velocity(velocity, vp_vs=settings["vp_vs"], salt=salt).values
    if "q" in wanted:
        rock["q"] = q_from_velocity(velocity).values
    if "density" in wanted:
        rock["density"] = density_from_velocity(velocity, salt=salt).values
    return rock


def simulate_models(models: dict[str, np.ndarray], job: Job) -> dict[str, np.ndarray]:
    """All variables of the samples whose models are given."""
    settings = job.settings
    survey = Survey(**settings["survey"])
    materials: dict[str, Any] = {k: v for k, v in models.items() if k != "velocity"}
    if settings["component"] != "pressure":
        materials["component"] = settings["component"]
    amplitude = engine_module(settings["engine"]).simulate_array(
        models["velocity"],
        survey,
        **materials,
        device=job.device,
        batch_size=_batch_size(job, survey),
        max_velocity=settings["velocity_range"][1],
    )
    samples = {"amplitude": amplitude, **models}
    if len(survey.axes) == 2:
        dx = survey.grid_spacing
        samples["descriptor_value"] = descriptors.compute_array(models["velocity"], dx, dx)
    return samples


def _batch_size(job: Job, survey: Survey) -> int:
    if job.batch_size is not None:
        return job.batch_size
    if job.device != "cpu":
        return GPU_BATCH
    return cpu_batch(survey)


def _store_block(block: Block, samples: dict[str, np.ndarray], job: Job) -> int:
    start, stop = block
    if job.stage.settings() != job.settings:
        # A worker of a run that was given up: nothing of its may come between those of another.
        raise OutputExistsError(f"{job.stage.final}: another run has begun under this name")
    files = write_block(job.stage.data, start, samples)
    note = {"files": files, "samples": stop - start, "by": environment(job.device)}
    job.stage.mark(str(start), note)
    return stop - start


def make_block(block: Block, job: Job) -> int:
    """Draw, simulate and write the samples of one block; how many they are."""
    _keep_memory()
    return _store_block(block, simulate_models(draw_models(job.settings, range(*block)), job), job)


@functools.cache
def _keep_memory() -> None:
    """Have the C library keep what a block needs for the next one.

    glibc gives large memory back to the kernel, and to fetch its pages anew for each block costs
    more than to write them. It takes for large what exceeds the largest that was ever freed, up to
    32 MB (mallopt(3), M_MMAP_THRESHOLD): free one such piece, which nobody has touched.
    """
    np.empty(BLOCK_BYTES, np.uint8)


def run_blocks(
    blocks: Sequence[Block], job: Job, *, workers: int | None, scheduler: str | None
) -> Iterator[int]:
    """Make all blocks.

    Parameters
    ----------
    blocks : sequence of (int, int)
        First sample of each, and the one after its last.
    job : Job
        What is made.
    workers : int, optional
        Processes on a CPU; by default one for each core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers make the blocks instead.

    Yields
    ------
    int
        Samples of a block that is written and marked.
    """
    if scheduler is not None:
        from seisgeo.adapters.cluster import run

        return run(make_block, blocks, job, scheduler=scheduler)
    if job.device == "cpu":
        return _on_cores(blocks, job, worker_count(workers))
    return _on_gpu(blocks, job)


def _on_cores(blocks: Sequence[Block], job: Job, workers: int) -> Iterator[int]:
    from joblib import Parallel, delayed, parallel_config

    work = (delayed(make_block)(block, job) for block in blocks)
    # loky's processes need no `if __name__ == "__main__"` in the user's script.
    with parallel_config("loky" if workers > 1 else "sequential", n_jobs=workers):
        yield from Parallel(return_as="generator_unordered")(work)


def _on_gpu(blocks: Sequence[Block], job: Job) -> Iterator[int]:
    """Draw the next models and write the last samples on other threads while the GPU simulates."""
    groups = _groups(blocks, job.batch_size or GPU_BATCH)
    writing: deque[Future[int]] = deque()

    def draw(group: list[Block]) -> dict[str, np.ndarray]:
        return draw_models(job.settings, [i for block in group for i in range(*block)])

    # Leaving the pool waits for what is being written: an error loses no block that was simulated.
    with ThreadPoolExecutor(1) as drawer, ThreadPoolExecutor(WRITERS) as writer:
        drawn = [drawer.submit(draw, group) for group in groups[:1]]
        for number, group in enumerate(groups):
            models = drawn.pop().result()
            drawn += [drawer.submit(draw, later) for later in groups[number + 1 : number + 2]]
            samples = simulate_models(models, job)
            while writing:  # the batch before: where the disk is slower, memory stays bounded
                yield writing.popleft().result()
            at = 0
            for start, stop in group:
                rows = slice(at, at + stop - start)
                part = {name: values[rows] for name, values in samples.items()}
                writing.append(writer.submit(_store_block, (start, stop), part, job))
                at = rows.stop
        while writing:
            yield writing.popleft().result()


def _groups(blocks: Sequence[Block], batch_size: int) -> list[list[Block]]:
    """Blocks that are simulated together: as many as a batch has room for."""
    groups: list[list[Block]] = []
    for block in blocks:
        held = sum(b - a for a, b in groups[-1]) if groups else 0
        if groups and held + block[1] - block[0] <= batch_size:
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups
