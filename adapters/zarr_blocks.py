"""The blocks of a Zarr store: read, written and marked one by one, here or on a cluster."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo.adapters.blocks import VERTICALS, blocks_of
from seisgeo.adapters.segy.sparing import sparing_memory
from seisgeo.files import Stage

if TYPE_CHECKING:
    from seisgeo.adapters.segy.original import Original

__all__ = ["Job", "inexact_of", "with_lost", "write_blocks"]

#: Bytes of a mapped file that are read before its pages are given back.
_PIECE_BYTES = 4 * 2**20

#: Name of a block (its mark in the stage), variable, and region.
_Block = tuple[str, str, tuple[slice, ...]]


@dataclasses.dataclass(frozen=True)
class Job:
    """What a process needs to write blocks.

    Attributes
    ----------
    variables : mapping of str to xarray.Variable
        What is written.
    original : Original or None
        Headers and samples of the SEG-Y file, where it is kept.
    release : callable or None
        Gives back the memory of those parts of a mapped file that were read.
    at_once : int
        Chunks that are compressed in parallel.
    """

    variables: Mapping[str, xr.Variable]
    original: Original | None
    release: Callable[[], None] | None
    at_once: int


def _write_block(block: _Block, job: Job, store: str) -> tuple[str, list[int]]:
    """Write a block; traces whose samples do not come back bit for bit from what is written."""
    import zarr

    mark, name, region = block
    variable = job.variables[name]
    values = np.empty([s.stop - s.start for s in region], variable.dtype)
    lost: list[int] = []
    for piece in _pieces(variable, region) if job.release else [region]:
        lost += _inexact(job, name, piece)
        at = tuple(
            slice(p.start - s.start, p.stop - s.start) for p, s in zip(piece, region, strict=True)
        )
        values[at] = variable[piece].values
        if job.release:
            job.release()
    array: Any = zarr.open_array(store, path=name, mode="r+")
    with zarr.config.set({"async.concurrency": job.at_once}):
        array[region] = values.astype(array.dtype, copy=False)
    return mark, lost


def _pieces(variable: xr.Variable, region: tuple[slice, ...]) -> Iterator[tuple[slice, ...]]:
    """Cut a region of a mapped file by traces: the pages that are read count as memory, too."""
    axes = [i for i, d in enumerate(variable.dims) if d not in VERTICALS]
    axis = max(axes, key=lambda i: region[i].stop - region[i].start > 1, default=0)
    start, stop = region[axis].start, region[axis].stop
    step = max(1, (stop - start) * _PIECE_BYTES // max(1, _size(variable, region)))
    for a in range(start, stop, step):
        yield (*region[:axis], slice(a, min(a + step, stop)), *region[axis + 1 :])


def _inexact(job: Job, name: str, region: tuple[slice, ...]) -> list[int]:
    known = job.original
    if known is None or name != known.variable:
        return []
    at = dict(zip(job.variables[name].dims, region, strict=True))
    return inexact_of(known, known.lookup[tuple(at[dim] for dim in known.dims)])


def inexact_of(known: Original, traces: np.ndarray) -> list[int]:
    """Traces among those given whose samples do not come back bit for bit."""
    from seisgeo.adapters.segy.exact import inexact

    numbers = np.unique(traces[traces >= 0])
    places = np.searchsorted(known.kept, numbers)
    if len(known.kept) < known.n_traces:  # known already, from the store that it was read from
        places = places[np.isin(numbers, known.kept)]
    if not len(places):
        return []
    raw = known.kept_samples(places)
    return known.kept[places[inexact(raw, known.format, known.order, known.scale)]].tolist()


def with_lost(known: Original, lost: list[int]) -> Original:
    """The original with only those samples that the store does not give back."""
    apart = known.kept[~np.isin(known.kept, known.lookup)]
    kept = np.union1d(apart, np.asarray(lost, np.int64)).astype(np.int64)
    places, samples = np.searchsorted(known.kept, kept), known.kept_samples
    return dataclasses.replace(
        known, kept=kept, kept_samples=lambda chosen: samples(places[chosen])
    )


def write_blocks(
    job: Job,
    shards: Mapping[str, tuple[int, ...]],
    stage: Stage,
    scheduler: str | None,
    title: str,
) -> list[int]:
    """Write all blocks that are not marked yet, and mark them.

    Parameters
    ----------
    job : Job
        What is written.
    shards : mapping of str to tuple of int
        Shape of the blocks of each variable.
    stage : Stage
        Where, and which blocks are there already.
    scheduler : str or None
        Address of the Dask scheduler whose workers write; by default this process.
    title : str
        Of the progress bar.

    Returns
    -------
    list of int
        Traces whose samples the store does not give back bit for bit.
    """
    from tqdm.auto import tqdm

    blocks: list[_Block] = [
        (".".join([name, *(str(s.start) for s in region)]), name, region)
        for name, shape in shards.items()
        for region in blocks_of(job.variables[name].shape, shape)
    ]
    sizes = {mark: _size(job.variables[name], region) for mark, name, region in blocks}
    done = {mark: note for mark, note in stage.marks().items() if mark in sizes}
    todo = [block for block in blocks if block[0] not in done]
    run = _run_here if scheduler is None else _run_on_cluster
    with tqdm(
        total=sum(sizes.values()),
        initial=sum(sizes[mark] for mark in done),
        desc=title,
        unit="B",
        unit_scale=True,
        delay=2,
    ) as bar:
        for mark, lost in run(todo, job, str(stage.data), scheduler):
            stage.mark(mark, lost)
            done[mark] = lost
            bar.update(sizes[mark])
    return [number for lost in done.values() for number in lost]


def _size(variable: xr.Variable, region: tuple[slice, ...]) -> int:
    return variable.dtype.itemsize * int(np.prod([s.stop - s.start for s in region]))


def _run_here(
    blocks: list[_Block], job: Job, store: str, _: str | None
) -> Iterator[tuple[str, list[int]]]:
    # One at a time: chunks of a shard are compressed in parallel.
    for block in blocks:
        with sparing_memory():
            result = _write_block(block, job, store)
        yield result


def _run_on_cluster(
    blocks: list[_Block], job: Job, store: str, scheduler: str | None
) -> Iterator[tuple[str, list[int]]]:
    from seisgeo.adapters.cluster import run

    yield from run(_write_block, blocks, job, store, scheduler=str(scheduler))
