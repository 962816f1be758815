"""Saving and loading fitted estimators: one safetensors file, no pickle."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seisgeo._version import __version__
from seisgeo.errors import ModelFileError
from seisgeo.estimators import HOMES
from seisgeo.files import whole_output

__all__ = ["checksum", "load", "write_model"]

#: Layout of the file; a reader refuses any other.
FORMAT = 1


def checksum(weights: Mapping[str, Any]) -> str:
    """SHA-256 of named tensors: names, types, shapes and bytes.

    Parameters
    ----------
    weights : mapping of str to torch.Tensor
        A state dict.
    """
    digest = hashlib.sha256()
    for name in sorted(weights):
        array = np.ascontiguousarray(weights[name].cpu().numpy())
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _seal(weights: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Checksum of everything in the file."""
    text = json.dumps(config, sort_keys=True)
    return hashlib.sha256((checksum(weights) + text).encode()).hexdigest()


def write_model(
    model: Any,
    weights: Mapping[str, Any],
    learned: Mapping[str, Any],
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> None:
    """Write an estimator as one file: its weights, and everything else as JSON in their header.

    Parameters
    ----------
    model : estimator
        Its class and parameters are kept.
    weights : mapping of str to torch.Tensor
        A state dict.
    learned : mapping
        What else was learned, as JSON.
    path : path-like
        The file.
    overwrite : bool, default False
        Replace what stands there.
    """
    from safetensors.torch import save_file

    # Channels-last weights are stored in the usual order.
    weights = {k: v.cpu().contiguous() for k, v in weights.items()}
    # A random generator is no parameter to keep; numpy's numbers are.
    given = {
        k: getattr(v, "item", lambda v=v: v)() for k, v in model.get_params(deep=False).items()
    }
    parameters = {
        k: list(v) if isinstance(v, tuple) else v
        for k, v in given.items()
        if isinstance(v, str | int | float | list | tuple | None)
    }
    config: dict[str, Any] = {
        "format": FORMAT,
        "seisgeo_version": __version__,
        "estimator": type(model).__name__,
        "parameters": parameters,
        **learned,
    }
    config = json.loads(json.dumps(config))  # what a reader will see
    config["sha256"] = _seal(weights, config)
    with whole_output(path, overwrite=overwrite) as part:
        part.touch()
        mode = part.stat().st_mode  # the user's own; safetensors would leave the file to its owner
        save_file(weights, part, metadata={"seisgeo": json.dumps(config)})
        part.chmod(mode)


def load(path: str | os.PathLike[str]) -> Any:
    """Load a model that an estimator's ``save`` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    SeisBind, SeisCLIP, SeisSimCLR, ...
        The estimator that was saved: fitted, on the CPU until it is used.

    Raises
    ------
    ModelFileError
        If the file is missing, cut short, altered, or of another format.
    """
    file = Path(path)
    weights, config = _read(file)
    home = HOMES.get(config["estimator"])
    if home is None:
        raise ModelFileError(
            f"{file}: a model of {config['estimator']}, written by seisgeo "
            f"{config['seisgeo_version']}; this is seisgeo {__version__}, which knows "
            f"{', '.join(HOMES)}"
        )
    estimator = getattr(importlib.import_module(home), config["estimator"])
    try:
        model = estimator(**config["parameters"])
    except TypeError as error:
        raise ModelFileError(
            f"{file}: seisgeo {config['seisgeo_version']}, which wrote it, has parameters that "
            f"this version, {__version__}, does not know ({error}): use that version"
        ) from error
    try:
        model._restore(weights, config)
    except (RuntimeError, KeyError) as error:
        raise ModelFileError(
            f"{file}: the encoders of seisgeo {config['seisgeo_version']}, which wrote it, are not "
            f"those of this version, {__version__}: train again, or use that version"
        ) from error
    return model


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights and settings of a model file, checked."""
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        raise ModelFileError(f"{file}: no such model file")
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{file}: not a whole safetensors file ({error})") from error
    if "seisgeo" not in metadata:
        raise ModelFileError(f"{file}: safetensors, but not a model that seisgeo saved")
    try:
        config = dict(json.loads(metadata["seisgeo"]))
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"{file}: its settings were altered ({error})") from error
    if config.get("format") != FORMAT:
        raise ModelFileError(
            f"{file}: model file of format {config.get('format')}, written by seisgeo "
            f"{config.get('seisgeo_version')}; this is seisgeo {__version__}, which reads format "
            f"{FORMAT}: train again, or use that version"
        )
    if config.pop("sha256", "") != _seal(weights, config):
        raise ModelFileError(
            f"{file}: weights or settings do not match their checksum; the file was altered"
        )
    return weights, config
