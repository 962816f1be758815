"""What the commands write: refused early, under its name only when whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seisgeo.console import first_line, to_json
from seisgeo.errors import OutputExistsError, ParameterError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "PICTURES",
    "require_device",
    "require_free",
    "require_suffix",
    "say",
    "write_cube",
    "write_picture",
]

#: Suffixes of pictures.
PICTURES = (".png", ".pdf", ".svg", ".jpg")

#: Files that only folders of our own formats hold: what --overwrite may replace.
_OURS = ("zarr.json", ".zgroup", "seisgeo-cube.json", "gathers.sgy", "gallery.json")


def require_free(out: Path, overwrite: bool, *, resumable: bool = False) -> None:
    """Refuse early what cannot be written at the end, and to replace a folder of someone else's."""
    if not out.exists():
        return
    if overwrite and out.is_dir():
        if any(out.iterdir()) and not any((out / name).exists() for name in _OURS):
            raise OutputExistsError(
                f"{out} is a folder of other things: --overwrite does not replace it; choose "
                "another name, or remove it yourself"
            )
    elif not overwrite and not resumable:
        raise OutputExistsError(f"{out} already exists; choose another name or pass --overwrite")


def require_suffix(out: Path, *suffixes: str) -> None:
    """Refuse a name that says no format that can be written."""
    if out.suffix.lower() not in suffixes:
        raise ParameterError(f"{out}: expected a name that ends in {', '.join(suffixes)}")


def require_device(device: str | None) -> None:
    """Refuse a device that is not there."""
    if device is None:
        return
    import torch

    try:
        torch.zeros(1, device=device)
    except (AssertionError, RuntimeError) as error:  # torch has either
        raise ParameterError(
            f"--device {device} cannot be used here ({first_line(error)}); expected cpu, or cuda "
            "where there is a GPU"
        ) from error


def write_cube(ds: xr.Dataset, out: Path, overwrite: bool) -> None:
    """Write a dataset as Zarr or NetCDF, as the suffix says."""
    from seisgeo import adapters

    (adapters.write_zarr if out.suffix.lower() == ".zarr" else adapters.write_netcdf)(
        ds, out, overwrite=overwrite
    )


def write_picture(figure: Any, out: Path, overwrite: bool) -> None:
    """Write a figure of matplotlib in the format that the suffix names."""
    from seisgeo.files import whole_output

    with whole_output(out, overwrite=overwrite) as part:
        figure.savefig(part, format=out.suffix[1:].lower(), dpi=150)


def say(value: Any, as_json: bool, text: str) -> None:
    """Print a value as JSON, or the text that says the same to people."""
    print(to_json(value) if as_json else text)
