"""The checkpoints that the authors of SeisCLIP published, by their names and ours."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path
from typing import Any

from seisgeo.errors import ModelFileError

__all__ = ["read_checkpoint"]

#: Parameters by the authors' names (regular expressions) and ours.
_NAMES = {
    r"spec\.conv1\.(weight)": r"waveforms.mix.\1",
    r"spec\.v\.patch_embed\.proj\.(weight|bias)": r"waveforms.patches.\1",
    r"spec\.v\.cls_token": "waveforms.class_token",
    r"spec\.v\.dist_token": "waveforms.distillation_token",
    r"spec\.v\.pos_embed": "waveforms.positions",
    r"spec\.v\.blocks\.(\d+)\.norm([12])\.(weight|bias)": r"waveforms.blocks.\1.norm\2.\3",
    r"spec\.v\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)": (
        r"waveforms.blocks.\1.self_attn.in_proj_\2"
    ),
    r"spec\.v\.blocks\.(\d+)\.attn\.proj\.(weight|bias)": (
        r"waveforms.blocks.\1.self_attn.out_proj.\2"
    ),
    r"spec\.v\.blocks\.(\d+)\.mlp\.fc([12])\.(weight|bias)": r"waveforms.blocks.\1.linear\2.\3",
    r"spec\.v\.norm\.(weight|bias)": r"waveforms.norm.\1",
    r"info\.FCN_input\.linear\.(weight|bias)": r"information.layers.0.0.\1",
    r"info\.FCN_input\.batchnorm\.(weight|bias)": r"information.layers.0.1.\1",
    r"info\.FCN\.0\.linear\.(weight|bias)": r"information.layers.1.0.\1",
    r"info\.FCN\.0\.batchnorm\.(weight|bias)": r"information.layers.1.1.\1",
    r"info\.FCN\.1\.linear\.(weight|bias)": r"information.layers.2.0.\1",
    r"info\.FCN\.1\.batchnorm\.(weight|bias)": r"information.layers.2.1.\1",
    r"info\.proj": "information.projection.weight",
}
#: What is there and not used: heads for the classes of photographs and sounds, the temperature.
_UNUSED = r"spec\.v\.head(_dist)?\..*|spec\.mlp_head\..*|logit_scale_at"
#: Window of the spectra (samples) by the number of tokens: patches, class and distillation.
_WINDOWS = {44 + 2: 100, 236 + 2: 20}


def read_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Any], int]:
    """Weights of a published checkpoint under our names, and the window of its spectra.

    Parameters
    ----------
    path : path-like
        The ``.pt`` file. Nothing in it is executed: tensors are read and all else is refused.

    Raises
    ------
    ModelFileError
        If it cannot be read so, or holds other parameters.
    """
    import torch

    file = Path(path)
    if not file.is_file():
        raise ModelFileError(f"{file}: no such checkpoint")
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelFileError(f"{file}: not a file of tensors alone ({first})") from error
    if not isinstance(found, dict) or not all(torch.is_tensor(v) for v in found.values()):
        raise ModelFileError(
            f"{file}: expected named tensors, found {type(found).__name__}; models that were "
            "saved whole have to be saved as a state_dict first"
        )
    weights: dict[str, Any] = {}
    for name, tensor in found.items():
        short = str(name).removeprefix("module.")  # from distributed training
        if re.fullmatch(_UNUSED, short):
            continue
        pattern = next((p for p in _NAMES if re.fullmatch(p, short)), None)
        if pattern is None:
            raise ModelFileError(f"{file}: {name} is no parameter of SeisCLIP")
        # The authors multiply rows by this matrix, a linear layer by its transpose.
        ours = re.sub(pattern, _NAMES[pattern], short)
        weights[ours] = tensor.T.contiguous() if short == "info.proj" else tensor
    positions = weights.get("waveforms.positions")
    tokens = positions.shape[1] if positions is not None and positions.ndim == 3 else None
    if tokens not in _WINDOWS:
        raise ModelFileError(
            f"{file}: expected {' or '.join(map(str, _WINDOWS))} tokens (120 or 600 frames), found "
            f"{tokens}"
        )
    window = _WINDOWS[tokens]
    _require_complete(file, weights, window)
    return {name: tensor.float() for name, tensor in weights.items()}, window


def _require_complete(file: Path, weights: dict[str, Any], window: int) -> None:
    """Refuse weights that are not exactly those of the two encoders, by name."""
    from seisgeo.estimators.records import RecordForm
    from seisgeo.estimators.seisclip import AUTHORS_FIELDS, SeisCLIP

    form = RecordForm(("E", "N", "Z"), 6000, 0.01)
    expected = SeisCLIP("paper", window=window)._build(form, AUTHORS_FIELDS, 0).state_dict()
    missing = sorted(expected.keys() - weights.keys())
    if missing:
        raise ModelFileError(
            f"{file}: {len(missing)} parameters are missing, the first is {missing[0]}"
        )
    for name, tensor in weights.items():
        if name not in expected or tensor.shape != expected[name].shape:
            shape = tuple(expected[name].shape) if name in expected else "nothing"
            raise ModelFileError(f"{file}: {name} is {tuple(tensor.shape)}, expected {shape}")
