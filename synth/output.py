"""Files of other formats that a training set is handed over in: OpenFWI's, and SEG-Y."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import xarray as xr

from seisgeo.errors import ParameterError

__all__ = ["FORMATS", "check_format", "fill_folder", "open_output"]

#: Formats of :func:`seisgeo.synth.generate`, and what each is.
FORMATS = {
    "zarr": "a Zarr store",
    "npy": "a folder of OpenFWI's files, with the annotation that its loader takes",
    "segy": "a folder of gathers.sgy, velocity.sgy and, where there are, density, q and vs",
}


def check_format(format: str, out: str | os.PathLike[str] | None, ndim: int) -> None:
    """Refuse formats that there are not, and what a format cannot hold.

    Raises
    ------
    ParameterError
        If the format is unknown, needs a folder, or has no place for models of `ndim` dimensions.
    """
    if format not in FORMATS:
        listed = "; ".join(f"{name!r} ({what})" for name, what in FORMATS.items())
        raise ParameterError(f"no format {format!r}; there are {listed}")
    if out is None:
        if format != "zarr":
            raise ParameterError(f"format={format!r} needs the name of a folder: out=")
        return
    suffix = Path(out).suffix
    if suffix.lower() in {".sgy", ".segy", ".npy", ".nc"}:
        raise ParameterError(
            f"{out}: format={format!r} writes a folder; give it a name without {suffix}"
        )
    if ndim == 3 and format != "zarr":
        raise ParameterError(
            f"{out}: format={format!r} has no place for many 3-D models; use format='zarr'"
        )


def fill_folder(pairs: xr.Dataset, folder: Path, final: Path, settings: dict[str, Any]) -> None:
    """Write a training set, in the format of its settings, to a new folder.

    Parameters
    ----------
    pairs : xarray.Dataset
        The training set.
    folder : pathlib.Path
        Folder to make.
    final : pathlib.Path
        What it will be called.
    settings : dict
        Settings of the run.
    """
    from seisgeo import adapters
    from seisgeo.adapters.openfwi_write import fill_openfwi

    # They follow from the velocity: seisgeo.descriptors.compute.
    pairs = pairs.drop_vars(["descriptor_value", "descriptor", "units"], errors="ignore")
    if settings["format"] == "npy":
        fill_openfwi(pairs, folder, final, samples_per_file=samples_per_file(settings["n"]))
        return
    folder.mkdir()
    for variable in pairs.data_vars:
        name = "gathers" if variable == "amplitude" else str(variable)
        adapters.write_segy(pairs, folder / f"{name}.sgy", variable=str(variable))


def samples_per_file(n: int) -> int:
    """Samples of each OpenFWI file of a family of `n`: 500 as in the released ones, or fewer.

    OpenFWI's loader counts on files of one size, so it divides `n`, unless that made many small
    files.
    """
    files = next(k for k in range(-(-n // 500), n + 1) if n % k == 0)
    return n // files if files <= 10 * -(-n // 500) else 500


def open_output(path: Path, format: str) -> xr.Dataset:
    """What was written: the pairs, of SEG-Y the gathers; lazy."""
    from seisgeo import adapters
    from seisgeo.synth.store import open_store

    if format == "zarr":
        return open_store(path)
    return adapters.open_cube(path if format == "npy" else path / "gathers.sgy")
