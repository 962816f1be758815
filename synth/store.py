"""The Zarr store of a training set: its layout, its blocks, and how it is opened."""

from __future__ import annotations

import json
import math
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions, descriptors
from seisgeo.adapters.checksums import sha256
from seisgeo.synth.engines.dispatch import MATERIALS
from seisgeo.synth.geology import family_label
from seisgeo.synth.survey import Survey

__all__ = ["block_length", "create_store", "finish_store", "open_store", "write_block"]

#: Samples of one unit of work: what a worker simulates and writes, and what a kill can cost.
#: It is also the shard of the Zarr store, so that no two workers write the same file.
BLOCK = 50
#: Bytes that a block holds at most, unless a single sample is larger.
BLOCK_BYTES = 128 * 2**20
#: Bytes from which on a sample of any variable is a chunk of its own, as those of gathers are.
LARGE = 256 * 2**10

#: zarr's settings are those of the process: threads that write take turns to open an array.
_OPENING = threading.Lock()


def block_length(settings: Mapping[str, Any]) -> int:
    """Samples of a block of this run."""
    sample = sum(4 * math.prod(shape) for _, shape in _layout(settings).values())
    return max(1, min(BLOCK, BLOCK_BYTES // sample))


def create_store(path: Path, settings: Mapping[str, Any]) -> None:
    """Make the store, with its coordinates and attributes and room for the blocks."""
    import dask.array as da
    from zarr.codecs import BloscCodec

    survey = Survey(**settings["survey"])
    total = settings["n"] * len(settings["families"])
    block = min(block_length(settings), total)
    names = list(descriptors.DESCRIPTORS)
    layout = _layout(settings)
    labels = [family_label(name) for name in settings["families"]]
    coords = {
        **survey.coords(),
        "family": ("sample", np.repeat(np.array(labels, dtype=object), settings["n"])),
    }
    if "descriptor_value" in layout:
        units = [descriptors.DESCRIPTORS[k].units for k in names]
        coords["descriptor"] = ("descriptor", np.array(names, dtype=object))
        coords["units"] = ("descriptor", np.array(units, dtype=object))
    store = xr.Dataset(
        {
            name: (("sample", *dims), da.zeros((total, *shape), dtype="f4", chunks=(block, *shape)))
            for name, (dims, shape) in layout.items()
        },
        coords=coords,
        attrs=conventions.provenance(
            source="seisgeo.synth.generate",
            source_format="synthetic",
            engine=settings["engine"],
            scheme=settings["scheme"],
            component=settings["component"],
            seed=settings["seed"],
            survey=survey.to_json(),
            generation=json.dumps(settings),
        ),
    )
    encoding = {
        # A sample is a chunk, for random access in training; a block is a shard, hence a file.
        name: {
            "chunks": (
                1 if name == "amplitude" or 4 * math.prod(shape) >= LARGE else block,
                *shape,
            ),
            "shards": (block, *shape),
            "compressors": BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"),
        }
        for name, (_, shape) in layout.items()
    }
    conventions.describe(store).to_zarr(
        path, compute=False, encoding=encoding, zarr_format=3, consolidated=False
    )


def _layout(settings: Mapping[str, Any]) -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
    """Dimensions and shape of a sample of each variable."""
    survey = Survey(**settings["survey"])
    gathers = (survey.n_sources, survey.nt, survey.n_receivers)
    layout: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
        "amplitude": (("source", "time", "receiver"), gathers)
    }
    for name in ("velocity", *MATERIALS[settings["physics"]]):
        layout[name] = (survey.axes, survey.model_shape)
    if len(survey.axes) == 2:  # descriptors are those of sections
        layout["descriptor_value"] = (("descriptor",), (len(descriptors.DESCRIPTORS),))
    return layout


def write_block(path: Path, start: int, values: Mapping[str, np.ndarray]) -> dict[str, list[Any]]:
    """Write the samples of a block.

    Parameters
    ----------
    path : pathlib.Path
        The store.
    start : int
        Number of the block's first sample.
    values : mapping of str to numpy.ndarray
        Samples of each variable.

    Returns
    -------
    dict
        SHA-256 and size in bytes of each file that was written, by its path in the store.
    """
    import zarr

    files: dict[str, list[Any]] = {}
    for name, samples in values.items():
        # Zeros are written like all else: to look for them in each chunk takes longer.
        with _OPENING, zarr.config.set({"array.write_empty_chunks": True}):
            array: Any = zarr.open_array(path, path=name, mode="r+")
        key = "/".join(["c", str(start // array.shards[0]), *["0"] * (samples.ndim - 1)])
        file = path / name / key
        file.unlink(missing_ok=True)  # zarr would read what a run that was stopped has left
        array[start : start + len(samples)] = samples.astype("<f4", copy=False)
        files[f"{name}/{key}"] = [sha256(file), file.stat().st_size]
    return files


def finish_store(path: Path) -> None:
    """Gather the metadata of a store whose blocks are whole, so that it opens with one read."""
    import zarr

    with warnings.catch_warnings():
        # Consolidated metadata are zarr-python's own for now; without them every open warns.
        warnings.simplefilter("ignore", UserWarning)
        zarr.consolidate_metadata(path)


def open_store(path: Path) -> xr.Dataset:
    """The training set, lazy."""
    # Lazy without dask: training reads samples in any order, a chunk at a time.
    return conventions.validate(xr.open_zarr(path, chunks=None), "gathers")
