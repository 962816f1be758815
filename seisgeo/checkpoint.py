"""State of a training run on disk: safetensors and JSON, never pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seisgeo.errors import ModelFileError
from seisgeo.files import whole_output

__all__ = ["read_state", "write_state"]

#: Layout of the file; a reader refuses any other.
FORMAT = 1


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write nested dicts and lists of tensors, numbers and strings; whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        File to write or to replace.
    state : dict
        What :func:`read_state` gives back.
    """
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    plain = json.dumps(_take_tensors(state, tensors))
    metadata = {
        "seisgeo-training": plain,
        "format": str(FORMAT),
        "sha256": _digest(plain, tensors),
    }
    with whole_output(path, overwrite=True) as part:
        part.touch()
        save_file(tensors, part, metadata=metadata)


def read_state(path: Path) -> dict[str, Any]:
    """Read what :func:`write_state` wrote.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Raises
    ------
    ModelFileError
        If it was cut short, altered, or is something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    advice = "remove its folder to begin the training anew"
    try:
        # Read at once: a training that still runs may replace the file at any moment.
        content = path.read_bytes()
        tensors = load(content)
        header = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + header]).get("__metadata__", {})
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"{path}: not a whole checkpoint ({error}); {advice}") from error
    if metadata.get("format") != str(FORMAT) or "seisgeo-training" not in metadata:
        raise ModelFileError(
            f"{path}: expected a training checkpoint of format {FORMAT}, found format "
            f"{metadata.get('format')}; {advice}"
        )
    plain = metadata["seisgeo-training"]
    if metadata.get("sha256") != _digest(plain, tensors):
        raise ModelFileError(
            f"{path}: the checkpoint does not match its checksum, it was altered; {advice}"
        )
    return _put_tensors(json.loads(plain), tensors)


def _digest(plain: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(plain.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _take_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """`value` with each tensor moved to `tensors` and its name left in its place.

    Dicts become lists of pairs: the state of an optimiser has numbers for keys.
    """
    if isinstance(value, Tensor):
        name = str(len(tensors))
        # A copy of its own in the usual order: channels-last and shared storage are not storable.
        tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _take_tensors(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_take_tensors(item, tensors) for item in value]
    return value


def _put_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _put_tensors(item, tensors) for key, item in value["dict"]}
    if isinstance(value, list):
        return [_put_tensors(item, tensors) for item in value]
    return value
