"""Physical descriptors inferred: from neighbours, or read off the features of gathers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from seisgeo import conventions, descriptors
from seisgeo.errors import ParameterError
from seisgeo.estimators.embedding import features_of_samples, sample_coords

if TYPE_CHECKING:
    from seisgeo.estimators.binding import Binding

__all__ = ["of_neighbours", "read_off"]


def of_neighbours(hits: xr.Dataset) -> xr.Dataset:
    """Physics cube of the means, and spreads, of each query's hits.

    Parameters
    ----------
    hits : xarray.Dataset
        Of :meth:`seisgeo.SeisBind.retrieve`.
    """
    names = ["descriptor_mean", "descriptor_std"]
    found = hits[names].rename(query="sample", descriptor_mean="descriptor_value")
    unused = [c for c in found.coords if not set(found[c].dims) <= {"sample", "descriptor"}]
    found = found.drop_vars([*unused, "rank"], errors="ignore")
    found["descriptor_value"].attrs = conventions.ATTRS["descriptor_value"]
    return found


def read_off(model: Binding, gathers: xr.Dataset) -> xr.Dataset:
    """Physics cube, with intervals, that a model's head makes of gathers.

    Parameters
    ----------
    model : Binding
        Fitted.
    gathers : xarray.Dataset
        What :func:`~seisgeo.estimators.matching.prepare` has let pass.

    Raises
    ------
    ParameterError
        If the model has no head.
    """
    if model.head_ is None:
        raise ParameterError(
            "this model infers descriptors from neighbours only: give a gallery=, or "
            "calibrate(...) it on pairs it has not seen"
        )
    low, middle, high = model.head_.predict(features_of_samples(model, gathers))
    dims = ("sample", "descriptor")
    known = descriptors.DESCRIPTORS
    units = [known[n].units if n in known else "" for n in model.descriptors_]
    return conventions.describe(
        xr.Dataset(
            {
                "descriptor_value": (dims, middle),
                "descriptor_low": (dims, low, {"long_name": "low end of the interval"}),
                "descriptor_high": (dims, high, {"long_name": "high end of the interval"}),
            },
            coords={
                **sample_coords(gathers),
                "descriptor": model.descriptors_,
                "units": ("descriptor", units),
            },
            attrs=conventions.provenance(source=gathers.attrs.get("source"), model=model.model_id_),
        )
    )
