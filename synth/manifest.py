"""What a training set was made from and by, and the checksums of its files: ``manifest.json``."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seisgeo._version import __version__
from seisgeo.adapters.checksums import require_same_files, sha256
from seisgeo.devices import hardware
from seisgeo.errors import FormatError, MissingFileError

__all__ = ["MANIFEST", "environment", "read_manifest", "verify_manifest", "write_manifest"]

#: Name of the file, in the folder that it speaks of.
MANIFEST = "manifest.json"

_LIBRARIES = ("torch", "deepwave", "numba", "numpy", "scipy", "zarr")


@functools.cache
def environment(device: str) -> dict[str, Any]:
    """What computes here: hardware, and versions of what the bytes depend on."""
    versions = {"seisgeo": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        versions[name] = importlib.metadata.version(name)
    return {"hardware": hardware(device), "versions": versions}


def write_manifest(
    folder: Path,
    settings: Mapping[str, Any],
    made_by: list[dict[str, Any]],
    known: Mapping[str, list[Any]],
) -> None:
    """Write the manifest of a folder that is whole.

    Parameters
    ----------
    folder : pathlib.Path
        The training set.
    settings : mapping
        All that it follows from.
    made_by : list of dict
        :func:`environment` of what computed it, each with ``samples``, how many.
    known : mapping
        SHA-256 and size of files that have been looked at already, by their path in `folder`.
    """
    files = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name != MANIFEST:
            digest, size = known.get(name) or (sha256(file), file.stat().st_size)
            files[name] = {"sha256": digest, "bytes": size}
    content = {
        "seisgeo_manifest": 1,
        "settings": settings,
        "samples": settings["n"] * len(settings["families"]),
        "made_by": made_by,
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Manifest of a training set.

    Parameters
    ----------
    folder : path-like
        What :func:`seisgeo.synth.generate` wrote.

    Returns
    -------
    dict
        ``settings`` (every setting, the seed and the survey among them), ``samples``, ``made_by``
        (hardware and versions of the libraries, and how many samples each made), ``written``
        (UTC), and ``files``: ``sha256`` and ``bytes`` of each.

    Raises
    ------
    MissingFileError
        If there is no such folder, or no manifest in it.
    FormatError
        If the manifest is something else.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        what = "no manifest.json in it" if Path(folder).exists() else "no such folder"
        raise MissingFileError(
            f"{folder}: {what}; expected a folder that seisgeo synth has finished"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content["settings"], dict):
            raise TypeError("settings")
        for entry in content["files"].values():
            str(entry["sha256"]), int(entry["bytes"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            f"{path}: expected a manifest that seisgeo synth wrote, found something else ({error})"
        ) from error
    return content


def verify_manifest(folder: str | os.PathLike[str]) -> int:
    """Compare the files of a training set with the checksums in its manifest.

    Parameters
    ----------
    folder : path-like
        What :func:`seisgeo.synth.generate` wrote, in any format.

    Returns
    -------
    int
        Number of files, all of which are as they were written.

    Raises
    ------
    MissingFileError
        If there is no such folder, or no manifest in it.
    FormatError
        If a file was changed or is missing: the first is named. Files that others put there are
        not looked at.

    Examples
    --------
    >>> import tempfile, seisgeo as sg
    >>> out = Path(tempfile.mkdtemp()) / "pairs.zarr"
    >>> pairs = sg.synth.generate("flatvel-a", 2, out=out, device="cpu", progress=False)
    >>> verify_manifest(out) == len(read_manifest(out)["files"])
    True
    """
    root = Path(folder)
    files = read_manifest(root)["files"]
    stated = {name: (entry["sha256"], entry["bytes"]) for name, entry in files.items()}
    require_same_files(root, stated, MANIFEST)
    return len(stated)
