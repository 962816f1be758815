"""OpenFWI: folders of ``.npy`` files as one labelled training cube, and back.

The layouts, ranges and splits are those of Deng et al. (https://arxiv.org/abs/2111.02926), of
https://github.com/lanl/OpenFWI and of the Kaggle competition "Geophysical Waveform Inversion".
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendEntrypoint
from xarray.core import indexing

from seisgeo import conventions
from seisgeo.adapters.openfwi_families import (
    FAMILIES,
    Family,
    canonical_family,
    denormalize,
    denormalize_velocity,
    file_split,
    normalize,
    normalize_velocity,
)
from seisgeo.adapters.openfwi_files import Pair, find_pairs, looks_right
from seisgeo.adapters.openfwi_npy import NpyStack
from seisgeo.adapters.openfwi_write import (
    BLOCK_BYTES,
    DIMS,
    Sidecar,
    read_sidecar,
    write_openfwi,
)
from seisgeo.errors import ConventionError, FormatError

__all__ = [
    "FAMILIES",
    "Family",
    "OpenFWIBackend",
    "canonical_family",
    "denormalize",
    "denormalize_velocity",
    "file_split",
    "normalize",
    "normalize_velocity",
    "write_openfwi",
]

#: OpenFWI's grid spacing (m) and sampling interval (s).
SPACING, DT = 10.0, 0.001


class OpenFWIBackend(BackendEntrypoint):
    """xarray engine ``seisgeo-openfwi``: OpenFWI's ``.npy`` files as one lazy training cube.

    It opens a folder or a single file, so that ``xarray.open_dataset("FlatVel_A")`` works:
    ``data/data1.npy`` with ``model/model1.npy``, ``seis2_1_0.npy`` with ``vel2_1_0.npy``, several
    families side by side (also Kaggle's ``train_samples/``), velocity maps alone, single records
    ``(source, time, receiver)`` without a map. Values may be stored in half precision; they are
    delivered as float32, and only the samples that are asked for are read.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.save(folder / "seis2_1_0.npy", np.zeros((3, 5, 100, 70), np.float32))
    >>> np.save(folder / "vel2_1_0.npy", np.full((3, 1, 70, 70), 2000, np.float32))
    >>> ds = xr.open_dataset(folder)
    >>> dict(ds.sizes)
    {'sample': 3, 'source': 5, 'time': 100, 'receiver': 70, 'depth': 70, 'x': 70}
    """

    description = "OpenFWI seismic and velocity files (.npy)"
    url = "https://openfwi-lanl.github.io"

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether this is a ``.npy`` file or a folder that holds some."""
        if not isinstance(filename_or_obj, (str, os.PathLike)):
            return False
        try:
            return looks_right(Path(filename_or_obj))
        except OSError:
            return False

    def open_dataset(  # type: ignore[override]
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        split: str | None = None,
        family: str | Sequence[str] | None = None,
        spacing: float | None = None,
        dt: float | None = None,
    ) -> xr.Dataset:
        """Open a file or a folder.

        Parameters
        ----------
        filename_or_obj : path-like
            A ``.npy`` file or a folder.
        drop_variables : str or iterable of str, optional
            Variables to leave out; without ``"velocity"`` (or ``"amplitude"``) its files need not
            be there.
        split : {"train", "test"}, optional
            Keep only the files of this published split; by default all.
        family : str or sequence of str, optional
            Families to keep, where the folder has several; where nothing says which family the
            files are of, the one that they are.
        spacing : float, optional
            Cell size (m) of the velocity maps and spacing of the receivers; 10 by default.
        dt : float, optional
            Sampling interval (s); 0.001 by default.

        Returns
        -------
        xarray.Dataset
            ``amplitude (sample, source, time, receiver)`` and ``velocity (sample, depth, x)`` in
            m/s, with positions in metres, ``time`` in s, and where known ``family (sample)``.
            Positions are OpenFWI's: sources at the cells ``around(linspace(0, n - 1, sources))``
            of the n along x, receivers evenly along x, all one cell deep.

        Raises
        ------
        MissingFileError
            If there is no such file or folder.
        FormatError
            If a file of a pair is missing, cut short, of another shape or type than its name says,
            or of neither split; the message names it.
        """
        path = Path(filename_or_obj)
        dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
        pairs = find_pairs(
            path, amplitude="amplitude" not in dropped, velocity="velocity" not in dropped
        )
        sidecar = None if spacing or dt else read_sidecar(path)
        if sidecar and sidecar.family:
            pairs = [
                Pair(p.family or sidecar.family * sidecar.covers(p.main), p.seismic, p.velocity)
                for p in pairs
            ]
        pairs = _of_family(pairs, path, [family] if isinstance(family, str) else family or [])
        pairs = _of_split(pairs, path, split)
        ds = _cube(pairs, path, spacing or SPACING, dt or DT)
        if sidecar and _covers_all(sidecar, pairs):
            kept = xr.Dataset.from_dict(sidecar.cube)
            ds = ds.assign_coords({n: c for n, c in kept.coords.items() if {*c.dims} <= {*ds.dims}})
            ds.attrs = kept.attrs
        ds.attrs |= conventions.provenance(source=str(path), source_format="OpenFWI", split=split)
        return ds.drop_vars(dropped, errors="ignore")


def _of_family(pairs: list[Pair], path: Path, families: Sequence[str]) -> list[Pair]:
    if not families:
        return pairs
    wanted = [canonical_family(name) for name in families]
    found = sorted({p.family for p in pairs})
    if found == [""] and len(wanted) == 1:
        return [Pair(wanted[0], p.seismic, p.velocity) for p in pairs]
    for name in wanted:
        if name not in found:
            there = ", ".join(f for f in found if f) or "none named"
            raise FormatError(f"{path}: no family {name!r} here; families found: {there}")
    return [p for p in pairs if p.family in wanted]


def _of_split(pairs: list[Pair], path: Path, split: str | None) -> list[Pair]:
    if split is None:
        return pairs
    if split not in ("train", "test"):
        raise ConventionError(f"split must be 'train', 'test' or None, got {split!r}")
    kept = [p for p in pairs if file_split(p.main.path, p.family) == split]
    if not kept:
        raise FormatError(
            f"{path}: none of its {len(pairs)} files is in OpenFWI's {split} split "
            f"(the first is {Path(pairs[0].main.path).name}); open it with split=None"
        )
    return kept


def _cube(pairs: list[Pair], path: Path, spacing: float, dt: float) -> xr.Dataset:
    arrays: dict[str, NpyStack] = {}
    if pairs[0].seismic:
        arrays["amplitude"] = NpyStack([p.seismic for p in pairs if p.seismic])
    if pairs[0].velocity:
        arrays["velocity"] = NpyStack([p.velocity for p in pairs if p.velocity])
    largest = max(4 * math.prod(array.shape[1:]) for array in arrays.values())
    counts = [p.main.count for p in pairs]
    chunks = {"preferred_chunks": {"sample": _samples_a_chunk(counts[0], BLOCK_BYTES // largest)}}
    ds = xr.Dataset(
        {
            name: xr.Variable(DIMS[name], indexing.LazilyIndexedArray(array), None, chunks)
            for name, array in arrays.items()
        }
    )
    coords: dict[str, Any] = {}
    if "velocity" in arrays:
        _, n_depth, n_x = arrays["velocity"].shape
        coords["depth"] = np.arange(n_depth) * spacing
        coords["x"] = np.arange(n_x) * spacing
    if "amplitude" in arrays:
        _, n_source, n_time, n_receiver = arrays["amplitude"].shape
        cells = arrays["velocity"].shape[2] if "velocity" in arrays else n_receiver
        coords["time"] = np.arange(n_time) * dt
        coords["source_x"] = ("source", np.around(np.linspace(0, cells - 1, n_source)) * spacing)
        coords["source_depth"] = ("source", np.full(n_source, spacing))
        coords["receiver_x"] = ("receiver", np.linspace(0, cells - 1, n_receiver) * spacing)
        coords["receiver_depth"] = ("receiver", np.full(n_receiver, spacing))
    root = path if path.is_dir() else path.parent
    names = [os.path.relpath(p.main.path, root).replace(os.sep, "/") for p in pairs]
    coords["file"] = ("sample", np.repeat(names, counts), {"long_name": "file of the sample"})
    coords["index_in_file"] = (
        "sample",
        np.concatenate([np.arange(n) for n in counts]),
        {"long_name": "index of the sample in its file"},
    )
    families = [p.family for p in pairs]
    if any(families):
        coords["family"] = (
            "sample",
            np.repeat(families, counts),
            {"long_name": "velocity model family"},
        )
    ds = ds.assign_coords(coords)
    for name in ("file", "index_in_file", "family"):
        if name in ds.coords:
            ds[name].encoding.update(chunks)
    return conventions.describe(ds)


def _samples_a_chunk(count: int, most: int) -> int:
    """Samples of a dask chunk: whole files, or a fraction of one, of `count` samples each."""
    most = max(1, most)
    if count <= most:
        return most // count * count
    best = max(n for n in range(1, most + 1) if count % n == 0)
    return best if 4 * best >= most else most


def _covers_all(sidecar: Sidecar, pairs: list[Pair]) -> bool:
    """Whether the coordinates beside the files are theirs; FormatError where only of some."""
    files = [file for p in pairs for file in (p.seismic, p.velocity) if file]
    alien = [file.path for file in files if not sidecar.covers(file)]
    if alien and len(alien) < len(files):
        raise FormatError(
            f"{alien[0]}: {sidecar.path} holds the coordinates of the files around it, but not of "
            "this one; open them separately, or all with one acquisition by spacing= and dt="
        )
    return not alien
