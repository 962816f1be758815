"""Writing training cubes as OpenFWI's ``.npy`` files."""

from __future__ import annotations

import json
import math
import os
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from seisgeo.adapters.openfwi_families import canonical_family
from seisgeo.adapters.openfwi_npy import NpyFile, file_kind
from seisgeo.errors import ConventionError, FormatError
from seisgeo.files import whole_output

__all__ = [
    "Sidecar",
    "check_npy_name",
    "check_openfwi",
    "fill_openfwi",
    "read_sidecar",
    "write_npy",
    "write_openfwi",
]

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
    attributes) goes to ``seisgeo-cube.json`` and comes back when the folder is opened with xarray;
    it lists the files that it holds for, and others put beside them are read without it.

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
    final = Path(folder)
    if naming not in ("data", "seis"):
        raise ConventionError(f"naming must be 'data' or 'seis', got {naming!r}")
    if samples_per_file < 1:
        raise ConventionError(f"samples_per_file must be at least 1, got {samples_per_file}")
    check_openfwi(ds)
    with whole_output(final, overwrite=overwrite) as stage:
        fill_openfwi(
            ds, stage, final, family=family, samples_per_file=samples_per_file, naming=naming
        )
    return final


def fill_openfwi(
    ds: xr.Dataset,
    folder: Path,
    final: Path,
    *,
    family: str = "",
    samples_per_file: int = 500,
    naming: str = "data",
) -> None:
    """Make `folder` and fill it as :func:`write_openfwi` does, for one that will be `final`.

    Parameters
    ----------
    ds, family, samples_per_file, naming
        As for :func:`write_openfwi`.
    folder : pathlib.Path
        Folder to make.
    final : pathlib.Path
        What it will be called, which stands in the annotations.
    """
    names = check_openfwi(ds)
    parts = _by_family(ds, family)
    _warn_of_loss(ds)
    shapes: dict[str, tuple[int, ...]] = {}
    folder.mkdir()
    for label, rows in parts.items():
        inner = re.sub(r"[^\w.-]+", "_", label) if len(parts) > 1 else ""
        lines = []
        for number, start in enumerate(
            tqdm(range(0, len(rows), samples_per_file), f"writing {label or 'OpenFWI'}", delay=2)
        ):
            samples = rows[start : start + samples_per_file]
            files = [_file_name(name, naming, number, label) for name in names]
            for name, file in zip(names, files, strict=True):
                path = folder / inner / file
                path.parent.mkdir(parents=True, exist_ok=True)
                shape = write_npy(ds[name].isel(sample=samples), path)
                shapes[path.relative_to(folder).as_posix()] = shape
            lines.append("\t".join(os.path.abspath(final / inner / file) for file in files))
        if "amplitude" in names:
            # The loader cuts off the last character of each line: the last needs its newline.
            text = "".join(f"{line}\n" for line in lines)
            (folder / inner / "annotation.txt").write_text(text, encoding="utf-8")
    _write_sidecar(ds, folder, next(iter(parts)) if len(parts) == 1 else "", shapes)


def write_npy(values: xr.DataArray, path: Path) -> tuple[int, ...]:
    """Write one variable as float32 to a new ``.npy`` file, block by block; return its shape."""
    shape = _shape(values)
    values = values.transpose(*DIMS[str(values.name)])
    step = max(1, BLOCK_BYTES // (4 * math.prod(shape[1:])))
    with path.open("xb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, shape[0], step):
            block = values.isel(sample=slice(start, start + step)).values
            stream.write(np.ascontiguousarray(block, "<f4").data)
    return shape


def _shape(values: xr.DataArray) -> tuple[int, ...]:
    first, *rest = (values.sizes[dim] for dim in DIMS[str(values.name)])
    return (first, 1, *rest) if values.name == "velocity" else (first, *rest)


def check_npy_name(values: xr.DataArray, path: Path) -> None:
    """Refuse the name of a single ``.npy`` file that would open as the other kind of data.

    Parameters
    ----------
    values : xarray.DataArray
        ``amplitude`` or ``velocity``; its first sample is read where the name leaves it open.
    path : pathlib.Path
        Name that the file is to have.

    Raises
    ------
    FormatError
        If it would; the message gives a name that does not.
    """
    wanted = "velocity" if values.name == "velocity" else "seismic"
    try:
        found = file_kind(path, _shape(values), lambda: values.isel(sample=0).values)
    except FormatError:  # its name says velocity maps, its shape does not
        found = "velocity"
    if found != wanted:
        what = {"velocity": "velocity maps", "seismic": "seismic data"}
        name = {"velocity": "model.npy", "seismic": "data.npy"}[wanted]
        raise FormatError(
            f"{path}: {what[wanted]} of shape {_shape(values)} would open as {what[found]} under "
            f"this name; call the file {name}, or something that begins with {name[:-4]}_"
        )


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
                "Zarr or NetCDF (target line.sgy, line.zarr or line.nc); to bring field gathers to "
                "the survey of training data, use seisgeo.match_to_survey first"
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
            stacklevel=4,
        )


def _write_sidecar(
    ds: xr.Dataset, folder: Path, family: str, shapes: dict[str, tuple[int, ...]]
) -> None:
    cube = ds.drop_vars(list(ds.data_vars)).drop_dims("sample", errors="ignore").to_dict()
    content = {"format": SIDECAR, "family": family, "files": shapes, "cube": cube}
    text = json.dumps(content, default=lambda value: np.asarray(value).tolist())
    (folder / SIDECAR).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Sidecar:
    """What :func:`write_openfwi` left beside its files, and for which files it holds.

    Attributes
    ----------
    path : pathlib.Path
        The JSON file.
    family : str
        Family of the files, where they have one and no folder says it.
    files : dict
        Path from the JSON file's folder -> shape of the array.
    cube : dict
        Coordinates and attributes, a dataset as a dict.
    """

    path: Path
    family: str
    files: dict[str, list[int]]
    cube: dict[str, Any]

    def covers(self, file: NpyFile) -> bool:
        """Whether `file` was written with it; FormatError if another stands under its name."""
        name = os.path.relpath(file.path, self.path.parent).replace(os.sep, "/")
        if name not in self.files:
            return False
        if list(file.shape) != self.files[name]:
            raise FormatError(
                f"{file.path}: its shape is {file.shape}, but {self.path} holds the coordinates of "
                f"a file of shape {tuple(self.files[name])}; remove that JSON file to read them "
                "with OpenFWI's acquisition, or pass spacing= and dt="
            )
        return True


def read_sidecar(path: Path) -> Sidecar | None:
    """What :func:`write_openfwi` left beside `path`, in its folder or up to two above.

    Parameters
    ----------
    path : pathlib.Path
        The folder or file that is opened.

    Returns
    -------
    Sidecar or None
        None where there is no such file. It may stand above files that others put there: ask
        :meth:`Sidecar.covers`.

    Raises
    ------
    FormatError
        If such a file holds something else.
    """
    start = Path(os.path.abspath(path))
    folders: Iterable[Path] = start.parents if start.is_file() else [start, *start.parents]
    for _, folder in zip(range(3), folders, strict=False):
        file = folder / SIDECAR
        if not file.is_file():
            continue
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            files = {str(name): list(shape) for name, shape in content["files"].items()}
            return Sidecar(file, str(content["family"]), files, dict(content["cube"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(
                f"{file}: expected the coordinates that seisgeo wrote, found something else "
                f"({error}); remove it to read the files with OpenFWI's acquisition"
            ) from error
    return None
