"""Descriptors as the physics encoder takes them: in its order, and some of them uncertain."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from seisgeo import conventions, descriptors
from seisgeo.errors import ConventionError, DataWarning
from seisgeo.estimators.views import MODALITIES, require_views

if TYPE_CHECKING:
    from seisgeo.estimators.binding import Binding

__all__ = ["in_trained_order", "physics_rows"]


def in_trained_order(model: Binding, ds: xr.Dataset) -> xr.Dataset:
    """Descriptors in the order of the training set; computed where only velocity is given.

    Raises
    ------
    ConventionError
        If one that the model was trained with is missing.
    """
    if "descriptor_value" not in ds:
        ds = ds.merge(descriptors.compute(ds), compat="override")
    names = _names(ds)
    missing = [n for n in model.descriptors_ if n not in names]
    if missing:
        raise ConventionError(
            f"the model was trained with descriptors that are not here: {', '.join(missing)}"
        )
    return ds.isel(descriptor=[names.index(n) for n in model.descriptors_])


def physics_rows(model: Binding, ds: xr.Dataset) -> np.ndarray:
    """Rows for a model's physics encoder: descriptors, and how uncertain they are.

    Parameters
    ----------
    model : Binding
        Fitted.
    ds : xarray.Dataset
        Physics cube: NaN, and a descriptor that is not there, are unknown; where it has
        ``descriptor_std (sample, descriptor)``, the others are uncertain by so much. Or a velocity
        cube, whose descriptors are computed.

    Returns
    -------
    numpy.ndarray
        float32, shape (sample, descriptor) where everything is known exactly, otherwise (sample, 2
        descriptor): standard deviations follow.

    Raises
    ------
    ConventionError
        If a name is not one of the model's while others are missing, values are infinite, standard
        deviations are negative or missing, or nothing is known of a sample.

    Warns
    -----
    DataWarning
        If something is uncertain, and the model has learned from certain descriptors alone.
    """
    if "descriptor_value" not in ds:
        ds = in_trained_order(model, ds)
    ds = _named_alike(model, require_views(ds, ["physics"]))
    dims = MODALITIES["physics"][1]
    values = ds["descriptor_value"].transpose(*dims).values.astype(np.float32)
    known = ~np.isnan(values)
    values = np.where(known, values, np.float32(0))
    conventions.check_finite(values, "descriptor_value")
    std = np.zeros_like(values)
    if "descriptor_std" in ds:
        if set(ds["descriptor_std"].dims) != set(dims):
            raise ConventionError(
                f"variable 'descriptor_std': expected dimensions {dims}, found "
                f"{ds['descriptor_std'].dims}"
            )
        std = ds["descriptor_std"].transpose(*dims).values.astype(np.float32)
        wrong = known & ~(std >= 0)
        if wrong.any():
            sample, column = np.argwhere(wrong)[0]
            raise ConventionError(
                "variable 'descriptor_std': expected zero or more for each descriptor that has a "
                f"value, found {std[sample, column]:g} for {model.descriptors_[column]!r} of "
                f"sample {sample}"
            )
    std = np.where(known, std, np.float32(np.inf))
    if not std.any():
        return np.ascontiguousarray(values)
    nothing = np.flatnonzero(np.isinf(std).all(axis=1))
    if len(nothing):
        raise ConventionError(
            f"variable 'descriptor_value': nothing is known of {len(nothing)} of {len(std)} "
            f"samples, the first is sample {nothing[0]}"
        )
    if not model.encoders_["physics"].knows_doubt:
        warnings.warn(
            "this model has not learned from uncertain descriptors (augment=False, or an earlier "
            "version of seisgeo): what is unknown is taken for the mean of its training set",
            DataWarning,
            stacklevel=2,
        )
    return np.concatenate([values, std], axis=1)


def _names(ds: xr.Dataset) -> list[str]:
    return [str(n) for n in ds["descriptor"].values] if "descriptor" in ds.coords else []


def _named_alike(model: Binding, ds: xr.Dataset) -> xr.Dataset:
    """The model's descriptors, in its order; NaN for those that are not there."""
    names = _names(ds)
    found = [n for n in model.descriptors_ if n in names]
    strange = [n for n in names if n not in model.descriptors_]
    if not found or (strange and len(found) < len(model.descriptors_)):
        raise ConventionError(
            f"expected descriptors of {', '.join(model.descriptors_)}; found "
            f"{', '.join(strange or names) or 'no coordinate descriptor'}"
        )
    if len(found) == len(model.descriptors_):
        return ds.isel(descriptor=[names.index(n) for n in model.descriptors_])
    kept = [n for n in ("descriptor_value", "descriptor_std") if n in ds]
    return ds[kept].reindex(descriptor=model.descriptors_)
