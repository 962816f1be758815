"""Data against the survey and the axes that a model was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError, SurveyMismatchError
from seisgeo.estimators.views import modality_of
from seisgeo.field import match_to_survey
from seisgeo.synth.survey import Survey

if TYPE_CHECKING:
    import torch

    from seisgeo.estimators.binding import Binding

__all__ = [
    "axes_of",
    "is_even",
    "positions_of",
    "prepare",
    "reads_any_positions",
]

_SEISMIC_COORDS = ("time", "source_x", "source_depth", "receiver_x", "receiver_depth", "offset")
_VELOCITY_COORDS = ("depth", "x")


def prepare(model: Binding, ds: xr.Dataset, modality: str | None) -> xr.Dataset:
    """Bring field gathers to a model's training survey, and refuse what does not fit it.

    Parameters
    ----------
    model : Binding
        Fitted.
    ds : xarray.Dataset
        What is to be embedded.
    modality : str or None
        As what; None takes the first that it holds.

    Raises
    ------
    ConventionError
        If the model does not embed this modality.
    SurveyMismatchError
        If the survey or the grid is another; the message says how they differ.
    """
    name = modality
    if name is None:
        name = "seismic" if "amplitude" in ds else modality_of(ds)
    if name not in model.encoders_:
        raise ConventionError(
            f"this model embeds {', '.join(model.encoders_)}, not {name}: it was fitted on "
            "other data"
        )
    if name == "seismic" and "amplitude" in ds and "shot" in ds["amplitude"].dims:
        if model.survey_ is None:
            raise SurveyMismatchError(
                "the training set carried no survey, so field gathers cannot be matched to it: "
                "train on data of seisgeo.synth.generate, or call seisgeo.match_to_survey"
            )
        return match_to_survey(ds, model.survey_, spectrum=model.spectrum_)
    what = {"seismic": "these gathers", "velocity": "these velocity models"}.get(name)
    if what is None:
        return ds
    anywhere = name == "seismic" and reads_any_positions(model)
    if model.survey_ is not None:
        if name == "seismic" and "survey" in ds.attrs:
            survey = Survey.from_attrs(ds)
            model.survey_.require_same(survey, what, positions=not anywhere)
        relevant: tuple[str, ...] = _VELOCITY_COORDS
        if name == "seismic":
            relevant = ("time",) if anywhere else _SEISMIC_COORDS
        model.survey_.require_coords(ds[[c for c in ds.coords if c in relevant]], what)
    else:
        axes = model.axes_
        if anywhere:
            axes = {k: v for k, v in axes.items() if k == "time"}
        _require_axes(axes, axes_of(ds), what)
    return ds


def reads_any_positions(model: Binding) -> bool:
    """Whether a model embeds gathers of any sources and receivers."""
    from seisgeo.encoders import ShotEncoder

    return "seismic" in model.encoders_ and isinstance(model.encoders_["seismic"], ShotEncoder)


def positions_of(ds: xr.Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions, x and depth, of sources (source, 2) and of their receivers (source, receiver, 2).

    Raises
    ------
    ConventionError
        If a coordinate is missing.
    """
    import torch

    names = [f"{of}_{axis}" for of in ("source", "receiver") for axis in ("x", "depth")]
    missing = [name for name in names if name not in ds.coords]
    if missing:
        raise ConventionError(
            f"an encoder of shots needs the coordinates {', '.join(names)}; this dataset lacks "
            f"{', '.join(missing)}"
        )
    both = xr.DataArray(
        np.zeros((ds.sizes["source"], ds.sizes["receiver"])), dims=("source", "receiver")
    )
    spread = [(ds[name] + both).transpose(*both.dims).values for name in names]
    source, receiver = (
        torch.from_numpy(np.stack(axes, axis=-1).astype(np.float32))
        for axes in (spread[:2], spread[2:])
    )
    return source[:, 0], receiver


def is_even(ds: xr.Dataset) -> bool:
    """Whether a survey is its own mirror image, to within a cell of the velocity models."""
    names = [f"{of}_{axis}" for of in ("source", "receiver") for axis in ("x", "depth")]
    if not {*names, "x"} <= set(ds.coords):
        return False
    x = ds["x"].values
    if len(x) < 2:
        return False
    (source, receiver), cell = positions_of(ds), float(x[1] - x[0])
    for positions in (source, receiver):
        turned = positions.flip(*range(positions.ndim - 1)).clone()
        turned[..., 0] = float(x[0] + x[-1]) - turned[..., 0]
        if float((turned - positions).abs().max()) > cell:
            return False
    return True


def axes_of(ds: xr.Dataset) -> dict[str, dict[str, float]]:
    """Start, end and step of the coordinates that encoders rely on."""
    found = {}
    for name in (*_SEISMIC_COORDS, *_VELOCITY_COORDS):
        if name in ds.coords:
            values = np.ravel(ds[name].values).astype(float)
            step = float(values[1] - values[0]) if values.size > 1 else 0.0
            found[name] = {"first": float(values[0]), "last": float(values[-1]), "step": step}
    return found


def _require_axes(
    expected: dict[str, dict[str, float]], found: dict[str, dict[str, float]], what: str
) -> None:
    lines = [
        f"{name}: {mine['first']:g} to {mine['last']:g} in steps of {mine['step']:g}, the model's: "
        f"{axis['first']:g} to {axis['last']:g} in steps of {axis['step']:g}"
        for name, axis in expected.items()
        if (mine := found.get(name)) is not None
        and not np.allclose(list(mine.values()), list(axis.values()), rtol=1e-6, atol=1e-6)
    ]
    if lines:
        raise SurveyMismatchError(
            f"the coordinates of {what} are not those that the model was trained with:\n  "
            + "\n  ".join(lines)
        )
