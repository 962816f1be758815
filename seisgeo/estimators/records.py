"""Waveform cubes as rows that the event networks read, checked on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.estimators.views import LOAD_BYTES, Views

__all__ = ["RecordForm", "Records", "group_of", "information_of", "numbers_of"]


@dataclass(frozen=True)
class RecordForm:
    """The records that a model reads.

    Parameters
    ----------
    components : tuple of str
        Their order in the network.
    nt : int
        Samples of a record.
    dt : float
        Sampling interval (s).
    """

    components: tuple[str, ...]
    nt: int
    dt: float

    @classmethod
    def of(cls, ds: xr.Dataset) -> RecordForm:
        """The form of a waveforms cube.

        Raises
        ------
        ConventionError
            If it is no waveforms cube, or its time axis is irregular.
        """
        conventions.validate(ds, "waveforms")
        if "component" not in ds.coords:
            raise ConventionError(
                "variable 'amplitude': dimension 'component' needs a name for each component, for "
                "instance Z, N, E; it has no coordinate"
            )
        time = np.asarray(ds["time"].values, dtype=float)
        if len(time) < 2:
            raise ConventionError("records of one sample: expected waveforms")
        dt = float(time[-1] - time[0]) / (len(time) - 1)
        if np.abs(np.diff(time) - dt).max() > 1e-3 * dt:
            raise ConventionError(
                "coordinate 'time': expected a regular axis, found steps from "
                f"{np.diff(time).min():g} to {np.diff(time).max():g} s"
            )
        return cls(tuple(str(c) for c in ds["component"].values), len(time), dt)

    @property
    def duration(self) -> float:
        """Seconds of a record."""
        return self.nt * self.dt

    def to_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> RecordForm:
        """What :meth:`to_dict` gave."""
        return cls(tuple(fields["components"]), int(fields["nt"]), float(fields["dt"]))

    def match(self, ds: xr.Dataset) -> xr.Dataset:
        """The cube with its components in this order.

        Raises
        ------
        ConventionError
            If components, sampling or length differ; the message says what brings them together.
        """
        found = RecordForm.of(ds)
        missing = [c for c in self.components if c not in found.components]
        if missing:
            raise ConventionError(
                f"the model reads the components {', '.join(self.components)}; these records have "
                f"{', '.join(found.components)}"
            )
        if abs(found.dt - self.dt) > 1e-4 * self.dt:
            raise ConventionError(
                f"the model reads records sampled every {self.dt:g} s, these are sampled every "
                f"{found.dt:g} s: seisgeo.adapters.resample(records, {self.dt:g})"
            )
        if found.nt < self.nt:
            raise ConventionError(
                f"the model reads records of {self.nt} samples ({self.duration:g} s), these have "
                f"{found.nt} ({found.duration:g} s): cut longer ones from the continuous data"
            )
        if found.nt > self.nt:
            raise ConventionError(
                f"the model reads records of {self.nt} samples ({self.duration:g} s), these have "
                f"{found.nt}: choose a window, for instance records.isel(time=slice({self.nt}))"
            )
        return ds.sel(component=list(self.components))


class Records(Views):
    """Rows of a waveforms cube, and what belongs to each.

    Components that are not live are zero. A lazy cube is read and checked batch by batch.

    Parameters
    ----------
    ds : xarray.Dataset
        Waveforms, in the form that the model reads (:meth:`RecordForm.match`).
    **beside : numpy.ndarray
        Other arrays, with a row for each record.

    Raises
    ------
    ConventionError
        If a live component holds NaN or infinity; the message names the record.
    """

    def __init__(self, ds: xr.Dataset, **beside: np.ndarray) -> None:
        amplitude = ds["amplitude"].transpose("event", "component", "time")
        if amplitude.nbytes <= LOAD_BYTES:
            amplitude = amplitude.load()
        super().__init__({"waveforms": amplitude, **beside})
        self.components = [str(c) for c in ds["component"].values]
        self.live = np.ones(amplitude.shape[:2], dtype=bool)
        if "live" in ds:
            live = ds["live"].transpose("event", "component")
            self.live = np.asarray(live.values, dtype=bool)
        if amplitude.nbytes <= LOAD_BYTES:
            for start in range(0, len(self), 256):
                self[list(range(start, min(start + 256, len(self))))]

    def __getitem__(self, rows: Sequence[int]) -> dict[str, np.ndarray]:
        found = super().__getitem__(rows)
        index, waveforms = np.sort(np.asarray(rows)), found["waveforms"]
        live = self.live[index]
        if not live.all():
            waveforms = found["waveforms"] = np.where(live[:, :, None], waveforms, np.float32(0))
        finite = np.isfinite(waveforms)
        if not finite.all():
            row, component, sample = (int(i) for i in np.argwhere(~finite)[0])
            name = self.components[component]
            raise ConventionError(
                f"event {index[row]}, component {name}: NaN or infinity at sample {sample} of "
                f"{waveforms.shape[2]}; drop records that are shorter, fill gaps, or mark dead "
                "components in live (event, component)"
            )
        return found


def numbers_of(ds: xr.Dataset, name: str) -> np.ndarray | None:
    """Values of a coordinate or variable along ``event`` as float64; None where there is none."""
    if name not in ds.variables:
        return None
    if ds[name].dims != ("event",):
        raise ConventionError(
            f"coordinate {name!r}: expected the dimension event, found {ds[name].dims}"
        )
    try:
        return np.asarray(ds[name].values, dtype=float)
    except (TypeError, ValueError) as error:
        raise ConventionError(
            f"coordinate {name!r}: expected numbers, found {ds[name].dtype}"
        ) from error


def information_of(ds: xr.Dataset, fields: Sequence[str], duration: float) -> np.ndarray:
    """What a catalogue knows about each record, scaled for the information encoder.

    Parameters
    ----------
    ds : xarray.Dataset
        Coordinates along ``event`` in SI units, named as in :data:`seisgeo.encoders.INFORMATION`.
    fields : sequence of str
        Which of them, in order.
    duration : float
        Length of the records (s).

    Returns
    -------
    numpy.ndarray
        Shape (event, field), float32; what is missing is 0.

    Raises
    ------
    ConventionError
        If nothing at all is known of a record's event.
    """
    from seisgeo.encoders import INFORMATION

    start = float(ds["time"].values[0]) if "time" in ds.coords else 0.0
    rows = np.full((ds.sizes["event"], len(fields)), np.nan)
    for column, name in enumerate(fields):
        values = numbers_of(ds, name)
        if values is not None:
            scale = INFORMATION[name]
            # Times are those of the record's own first sample, also where it was cut out.
            rows[:, column] = (values - start) / duration if scale is None else values / scale
    known = np.isfinite(rows)
    if not known.any(axis=1).all():
        nothing = np.flatnonzero(~known.any(axis=1))
        raise ConventionError(
            f"{len(nothing)} of {len(rows)} records carry no information, the first is event "
            f"{nothing[0]}: expected at least one of the coordinates {', '.join(fields)}"
        )
    return np.where(known, rows, 0.0).astype(np.float32)


def group_of(ds: xr.Dataset) -> np.ndarray:
    """Number of the earthquake that each record belongs to: by ``event_id``, else each its own."""
    if "event_id" not in ds.coords:
        return np.arange(ds.sizes["event"])
    # As objects first: Zarr gives texts of a type that NumPy does not cast.
    names = ds["event_id"].values.astype(object).astype(str)
    labels = np.unique(names, return_inverse=True)[1]
    unknown = np.isin(names, ["", "nan", "None"])
    labels[unknown] = labels.max() + 1 + np.arange(unknown.sum())
    return np.unique(labels, return_inverse=True)[1]
