"""The Zarr store of a training set: its layout, its blocks, and how it is opened."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions, descriptors
from seisgeo.synth.engines.dispatch import MATERIALS
from seisgeo.synth.geology import family_label
from seisgeo.synth.shards import BLOSC, samples_per_file, write_samples
from seisgeo.synth.survey import Survey

__all__ = ["block_length", "create_store", "finish_store", "open_store", "write_block"]

#: Samples of one unit of work: what a worker simulates and writes, and what a kill can cost.
#: It is also a file of each variable, so that no two workers write the same one.
BLOCK = 20
#: Bytes that a block holds at most, unless a single sample is larger: memory that a C library can
#: be told to keep for the next block (:func:`seisgeo.synth.blocks.make_block`).
BLOCK_BYTES = 30 * 2**20
#: Blocks that a run has at least, where it has as many samples: so many workers share a small one.
MIN_BLOCKS = 20
#: Bytes from which on a sample of any variable is a chunk of its own, as those of gathers are.
LARGE = 256 * 2**10


def block_length(path: Path) -> int:
    """Samples of a block of the store that :func:`create_store` made."""
    return samples_per_file(path / "velocity")


def create_store(path: Path, settings: Mapping[str, Any]) -> None:
    """Make the store, with its coordinates and attributes and room for the blocks."""
    import zarr
    from zarr.codecs import BloscCodec

    survey = Survey(**settings["survey"])
    total = settings["n"] * len(settings["families"])
    names = list(descriptors.DESCRIPTORS)
    layout = _layout(settings)
    sample = sum(4 * math.prod(shape) for _, shape in layout.values())
    block = max(1, min(BLOCK, BLOCK_BYTES // sample, total // MIN_BLOCKS))
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
    conventions.describe(store).to_zarr(path, zarr_format=3, consolidated=False)
    group = zarr.open_group(path, mode="r+")
    for name, (dims, shape) in layout.items():
        # A large sample is a chunk of its own, for random access in training; the block of them is
        # a shard, hence a file. Small ones are a chunk together.
        alone = name == "amplitude" or 4 * math.prod(shape) >= LARGE
        group.create_array(
            name,
            shape=(total, *shape),
            dtype="float32",
            chunks=(1 if alone else block, *shape),
            shards=(block, *shape) if alone else None,
            compressors=None if name == "amplitude" else BloscCodec(**BLOSC),
            fill_value=np.nan,
            dimension_names=("sample", *dims),
            attributes=dict(conventions.ATTRS[name]),
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
    files: dict[str, list[Any]] = {}
    for name, samples in values.items():
        file, what = write_samples(path / name, start, samples)
        files[f"{name}/{file}"] = what
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
