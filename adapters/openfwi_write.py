"""Writing training cubes as OpenFWI's ``.npy`` files."""

from __future__ import annotations

import json
import math
import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from seisgeo.adapters.openfwi_families import canonical_family
from seisgeo.errors import ConventionError, FormatError
from seisgeo.files import whole_output

__all__ = ["check_openfwi", "read_sidecar", "write_npy", "write_openfwi"]

#: Dimensions of OpenFWI's arrays; velocity maps have an axis of length one after the first.
DIMS = {
    "amplitude": ("sample", "source", "time", "receiver"),
    "velocity": ("sample", "depth", "x"),
}

#: Bytes that are read and written at a time.
BLOCK_BYTES = 64 * 2**20

#: Coordinates and attributes, which .npy files cannot hold, stand beside them under this name.
SIDECAR = "seisgeo-cube.json"

#: Files of one prefix in the Fault families, seis{p}_1_0.npy to seis{p}_1_35.npy.
_FILES_A_PREFIX = 36

# Known from the files themselves when they are opened again.
_IMPLIED = {"amplitude", "velocity", "family", "file", "index_in_file", "sample"}


def write_openfwi(
    ds: xr.Dataset,
    folder: str | os.PathLike[str],
    *,
    family: str = "",
    samples_per_file: int = 500,
    naming: str = "data",
    overwrite: bool = False,
) -> Path:
    """Write a training cube as a folder that OpenFWI's own loader reads.

    Each folder of files holds ``annotation.txt``, the list that ``FWIDataset`` of lanl/OpenFWI
    takes: seismic file, tab, velocity file. That loader counts on files of the same number of
    samples: choose one that divides the cube. What .npy files cannot hold (positions, times,
    attributes) goes to ``seisgeo-cube.json`` and comes back when the folder is opened with xarray.

    Parameters
    ----------
    ds : xarray.Dataset
        ``amplitude (sample, source, time, receiver)``, ``velocity (sample, depth, x)`` in m/s, or
        one of them. It is read in blocks of 64 MiB, so it may be larger than memory.
    folder : path-like
        Folder to make. Several families get a folder each in it.
    family : str, optional
        Family of a cube without the coordinate ``family (sample)``; with it, the one to write.
    samples_per_file : int, default 500
        Samples of a file.
    naming : {"data", "seis"}, default "data"
        ``data/data1.npy`` with ``model/model1.npy``, or ``seis2_1_0.npy`` with ``vel2_1_0.npy``.
    overwrite : bool, default False
        Replace what stands under `folder`.

    Returns
    -------
    pathlib.Path
        The folder; it appears only when it is whole.

    Raises
    ------
    ConventionError
        If the cube has neither variable, or other dimensions.
    OutputExistsError
        If `folder` exists and `overwrite` is False.

    Warns
    -----
    UserWarning
        If the cube has variables that the folder cannot hold.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from pathlib import Path
    >>> maps = xr.Dataset({"velocity": (("sample", "depth", "x"), np.full((4, 70, 70), 2000.0))})
    >>> out = write_openfwi(maps, Path(tempfile.mkdtemp()) / "made", samples_per_file=2)
    >>> sorted(p.name for p in (out / "model").iterdir())
    ['model1.npy', 'model2.npy']
    """
    names = check_openfwi(ds)
    if naming not in ("data", "seis"):
        raise ConventionError(f"naming must be 'data' or 'seis', got {naming!r}")
    if samples_per_file < 1:
        raise ConventionError(f"samples_per_file must be at least 1, got {samples_per_file}")
    parts = _by_family(ds, family)
    _warn_of_loss(ds)
    final = Path(folder)
    with whole_output(final, overwrite=overwrite) as stage:
        stage.mkdir()
        for label, rows in parts.items():
            inner = re.sub(r"[^\w.-]+", "_", label) if len(parts) > 1 else ""
            lines = []
            for number, start in enumerate(
                tqdm(
                    range(0, len(rows), samples_per_file), f"writing {label or 'OpenFWI'}", delay=2
                )
            ):
                samples = rows[start : start + samples_per_file]
                files = [_file_name(name, naming, number, label) for name in names]
                for name, file in zip(names, files, strict=True):
                    path = stage / inner / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_npy(ds[name].isel(sample=samples), path)
                lines.append("\t".join(os.path.abspath(final / inner / file) for file in files))
            if "amplitude" in names:
                # The loader cuts off the last character of each line: the last needs its newline.
                text = "".join(f"{line}\n" for line in lines)
                (stage / inner / "annotation.txt").write_text(text, encoding="utf-8")
        _write_sidecar(ds, stage, next(iter(parts)) if len(parts) == 1 else "")
    return final


def write_npy(values: xr.DataArray, path: Path) -> None:
    """Write one variable as float32 to a new ``.npy`` file, block by block."""
    values = values.transpose(*DIMS[str(values.name)])
    shape = list(values.shape)
    if values.name == "velocity":
        shape.insert(1, 1)
    step = max(1, BLOCK_BYTES // (4 * math.prod(shape[1:])))
    with path.open("xb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, shape[0], step):
            block = values.isel(sample=slice(start, start + step)).values
            stream.write(np.ascontiguousarray(block, "<f4").data)


def check_openfwi(ds: xr.Dataset) -> list[str]:
    """Names of the variables that OpenFWI files can hold; ConventionError where there are none."""
    names = [name for name in DIMS if name in ds.data_vars]
    if not names:
        raise ConventionError(
            f"OpenFWI files hold 'amplitude' and 'velocity'; this cube has "
            f"{sorted(map(str, ds.data_vars)) or 'no variables'}"
        )
    for name in names:
        if set(ds[name].dims) != set(DIMS[name]):
            raise ConventionError(
                f"variable {name!r}: OpenFWI files hold ({', '.join(DIMS[name])}), this cube has "
                f"({', '.join(map(str, ds[name].dims))}); write field gathers and stacks as SEG-Y, "
                "Zarr or NetCDF"
            )
    return names


def _by_family(ds: xr.Dataset, family: str) -> dict[str, np.ndarray]:
    """Sample numbers of each family, in order of appearance."""
    rows = np.arange(ds.sizes["sample"])
    if "family" not in ds.coords:
        return {canonical_family(family): rows}
    labels = np.broadcast_to(ds["family"].values.astype(object).astype(str), rows.shape)
    found = {label: rows[labels == label] for label in dict.fromkeys(labels.tolist())}
    if not family:
        return found
    for label, samples in found.items():
        if canonical_family(label) == canonical_family(family):
            return {label: samples}
    raise ConventionError(f"no family {family!r} in this cube; it has {', '.join(found)}")


def _file_name(variable: str, naming: str, number: int, family: str) -> str:
    if naming == "data":
        word = "data" if variable == "amplitude" else "model"
        return f"{word}/{word}{number + 1}.npy"
    word = "seis" if variable == "amplitude" else "vel"
    first_prefix = 6 if family.lower().endswith("b") else 2
    prefix, number = first_prefix + number // _FILES_A_PREFIX, number % _FILES_A_PREFIX
    return f"{word}{prefix}_1_{number}.npy"


def _warn_of_loss(ds: xr.Dataset) -> None:
    lost = [
        str(name)
        for name in ds.variables
        if name not in _IMPLIED and (name in ds.data_vars or "sample" in ds[name].dims)
    ]
    if lost:
        warnings.warn(
            f"OpenFWI files cannot hold {', '.join(lost)}; left out (Zarr and NetCDF keep them)",
            UserWarning,
            stacklevel=3,
        )


def _write_sidecar(ds: xr.Dataset, folder: Path, family: str) -> None:
    cube = ds.drop_vars(list(ds.data_vars)).drop_dims("sample", errors="ignore").to_dict()
    content = {"format": SIDECAR, "family": family, "cube": cube}
    text = json.dumps(content, default=lambda value: np.asarray(value).tolist())
    (folder / SIDECAR).write_text(text, encoding="utf-8")


def read_sidecar(path: Path) -> dict[str, Any] | None:
    """What :func:`write_openfwi` left beside `path`, in its folder or up to two above.

    Parameters
    ----------
    path : pathlib.Path
        The folder or file that is opened.

    Returns
    -------
    dict or None
        ``path`` (of the JSON file), ``family`` and ``cube`` (a dataset as a dict); None where there
        is no such file.
    """
    start = Path(os.path.abspath(path))
    folders: Iterable[Path] = start.parents if start.is_file() else [start, *start.parents]
    for _, folder in zip(range(3), folders, strict=False):
        file = folder / SIDECAR
        if not file.is_file():
            continue
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            return {"path": file, "family": content["family"], "cube": content["cube"]}
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"{file}: expected the coordinates that seisgeo wrote, found something else "
                f"({error}); remove it to read the files with OpenFWI's acquisition"
            ) from error
    return None
