"""Samples of several domains: tables, images and waveforms as arrays that one network reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from seisgeo.errors import ConventionError
from seisgeo.estimators.records import RecordForm, Records

__all__ = ["SampleForm", "codes_of", "labelled", "require_diverse"]

#: Spectrograms are averaged to at most this many rows and columns.
CELLS = 24
_BATCH = 256


@dataclass(frozen=True)
class SampleForm:
    """What a model reads.

    Parameters
    ----------
    shape : tuple of int
        Shape of a sample as the network sees it: (features,) or (channels, rows, columns).
    records : RecordForm or None, default None
        The records that spectrograms are made of.
    """

    shape: tuple[int, ...]
    records: RecordForm | None = None

    @classmethod
    def of(cls, X: np.ndarray | xr.Dataset) -> SampleForm:
        """The form of a training set."""
        if isinstance(X, xr.Dataset):
            records = RecordForm.of(X)
            one = _spectrograms(X.isel(event=slice(1)), records)
            return cls(one.shape[1:], records)
        if X.ndim not in (2, 3, 4):
            raise ConventionError(
                "X: expected a table (sample, feature), images (sample, row, column) or (sample, "
                f"channel, row, column), or a waveforms cube; found the shape {X.shape}"
            )
        return cls(_with_channel(X).shape[1:])

    def rows(self, X: np.ndarray | xr.Dataset) -> np.ndarray:
        """Samples as the network reads them, shape (sample, *shape), float32.

        Raises
        ------
        ConventionError
            If they are of another form.
        """
        if isinstance(X, xr.Dataset) != (self.records is not None):
            kinds = ("arrays", "a waveforms cube")
            trained = kinds[self.records is not None]
            raise ConventionError(f"the model was trained on {trained}, found {type(X).__name__}")
        if isinstance(X, xr.Dataset):
            assert self.records is not None
            return _spectrograms(X, self.records)
        rows = _with_channel(X).astype(np.float32)
        if rows.shape[1:] != self.shape:
            raise ConventionError(
                f"X: the model reads samples of the shape {self.shape}, found {rows.shape[1:]}"
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {
            "shape": list(self.shape),
            "records": self.records.to_dict() if self.records else None,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> SampleForm:
        """What :meth:`to_dict` gave."""
        records = fields["records"]
        return cls(tuple(fields["shape"]), RecordForm.from_dict(records) if records else None)


def _with_channel(X: np.ndarray) -> np.ndarray:
    return X[:, None] if X.ndim == 3 else X


def _spectrograms(X: xr.Dataset, form: RecordForm) -> np.ndarray:
    """Log spectrograms (event, component, row, column), averaged to a small grid."""
    import torch
    from torch.nn import functional

    from seisgeo.encoders.spectrum import log_spectrogram, unit_rms

    records = Records(form.match(X))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(records), _BATCH):
            index = list(range(start, min(start + _BATCH, len(records))))
            image = log_spectrogram(unit_rms(torch.from_numpy(records[index]["waveforms"])))
            grid = (min(image.shape[2], CELLS), min(image.shape[3], CELLS))
            parts.append(functional.adaptive_avg_pool2d(image, grid).numpy())
    return np.concatenate(parts)


def labelled(X: np.ndarray | xr.Dataset, y: Any, name: str, what: str) -> np.ndarray:
    """A label or domain for each sample, none missing; of a waveforms cube by default `name`."""
    samples = X.sizes["event"] if isinstance(X, xr.Dataset) else len(X)
    if y is None and isinstance(X, xr.Dataset) and name in X.variables:
        y = X[name].values
    if y is None:
        also = f", or give the records the coordinate {name!r}" if isinstance(X, xr.Dataset) else ""
        raise ConventionError(f"{what}: missing, pass one for each of {samples} samples{also}")
    values = np.asarray(y)
    if values.shape != (samples,):
        raise ConventionError(
            f"{what}: expected one for each of {samples} samples, found the shape {values.shape}"
        )
    missing = np.array([v is None or v != v or str(v) == "" for v in values.tolist()])
    if missing.any():
        raise ConventionError(
            f"{what}: missing for {missing.sum()} of {len(values)} samples, the first is sample "
            f"{int(np.argmax(missing))}: fit on those that have one"
        )
    return values.astype(str) if values.dtype.kind == "O" else values


def codes_of(values: np.ndarray, names: np.ndarray, what: str) -> np.ndarray:
    """Number of each value among sorted `names`.

    Raises
    ------
    ConventionError
        If one is not among them.
    """
    unknown = ~np.isin(values, names)
    if unknown.any():
        raise ConventionError(
            f"{what}: {values[unknown][0].item()!r} was not in the training set, which has "
            f"{', '.join(map(str, names.tolist()))}"
        )
    return np.searchsorted(names, values)


def require_diverse(
    target: np.ndarray, domain: np.ndarray, classes: np.ndarray, domains: np.ndarray
) -> None:
    """Check that labels can be told from domains.

    Raises
    ------
    ConventionError
        If there is one domain only, a domain holds one class only, or a class is in one domain
        only: then nothing tells the label from the domain.
    """
    if len(domains) < 2:
        raise ConventionError(
            "domain: expected samples of at least 2 domains, found only "
            f"{domains[0].item()!r}: what holds in every domain cannot be seen in one"
        )
    table = np.zeros((len(domains), len(classes)), dtype=int)
    np.add.at(table, (domain, target), 1)
    present = table > 0
    if (present.sum(axis=1) < 2).any():
        poor = int(np.argmax(present.sum(axis=1) < 2))
        only = classes[present[poor]][0]
        raise ConventionError(
            f"domain {domains[poor].item()!r} holds {only.item()!r} alone: expected at least 2 "
            "classes in each domain, or the domain gives the label away"
        )
    if (present.sum(axis=0) < 2).any():
        poor = int(np.argmax(present.sum(axis=0) < 2))
        only = domains[present[:, poor]][0]
        raise ConventionError(
            f"class {classes[poor].item()!r} is in the domain {only.item()!r} alone: expected each "
            "class in at least 2 domains, or the domain gives the label away"
        )
