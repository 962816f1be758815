"""Records in HDF5 files: checked places, and reading of what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xarray.backends import CachingFileManager

from seisgeo.errors import FormatError

if TYPE_CHECKING:
    import h5py

__all__ = ["Hdf5Records", "Place", "open_hdf5"]

#: A dataset in one of the files, and what of it is the record (None: all).
Place = tuple[int, str, tuple[int | slice, ...] | None]


def open_hdf5(path: Path) -> h5py.File:
    """Open a file for reading, with an error that names it."""
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise FormatError(
            f"{path}: this HDF5 file is broken or cut short ({error}); copy or download it again"
        ) from error


class Hdf5Records:
    """Reads records from datasets of HDF5 files.

    Parameters
    ----------
    files : sequence of pathlib.Path
        The files; few are open at a time, none is while this is pickled.
    places : sequence of Place
        Where each record is.
    orders : sequence of tuple
        For each record, how the cube's components stand in it: an index each, -1 for none.
    transposed : bool
        Whether datasets are (time, component).
    lengths : ndarray
        Samples of each record; one that has others in the file is refused.
    """

    def __init__(
        self,
        files: Sequence[Path],
        places: Sequence[Place],
        orders: Sequence[tuple[int, ...]],
        transposed: bool,
        lengths: np.ndarray,
    ) -> None:
        self.files = [str(path) for path in files]
        self.places = list(places)
        self.orders = list(orders)
        self.transposed = transposed
        self.lengths = lengths
        self._managers: list[Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_managers": None}

    def _open(self, number: int) -> Any:
        import h5py

        if self._managers is None:
            self._managers = [CachingFileManager(h5py.File, path, mode="r") for path in self.files]
        return self._managers[number].acquire()

    def read(self, row: int, start: int, stop: int) -> np.ndarray:
        """Samples of a record, (component, time)."""
        number, name, place = self.places[row]
        order = self.orders[row]
        length = int(self.lengths[row])
        try:
            dataset = self._open(number)[name]
            values = self._cut(dataset, place, min(start, length), min(stop, length))
        except (OSError, KeyError) as error:
            raise FormatError(
                f"{self.files[number]}: trace {name!r} cannot be read ({error}); the file is "
                "broken, or has changed since it was opened"
            ) from error
        wanted = min(stop, length) - min(start, length)
        if values.shape[1] != wanted or values.shape[0] <= max(order, default=-1):
            raise FormatError(
                f"{self.files[number]}: trace {name!r} has shape {dataset.shape}; expected "
                f"{max(order) + 1} components of {length} samples, as the others have"
            )
        out = np.full((len(order), stop - start), np.nan, np.result_type(values.dtype, np.float32))
        for at, index in enumerate(order):
            if index >= 0:
                out[at, : values.shape[1]] = values[index]
        return out

    def _cut(self, dataset: Any, place: Any, start: int, stop: int) -> np.ndarray:
        """(component, time) from `start` to `stop` of a record."""
        index: list[Any] = [*(place or ())]
        index += [slice(None)] * (dataset.ndim - len(index))
        axes = [i for i, k in enumerate(index) if isinstance(k, slice)]
        if not 1 <= len(axes) <= 2:
            raise KeyError(f"{place or ''} of shape {dataset.shape} is no table")
        time = axes[0] if self.transposed else axes[-1]
        first = index[time].indices(dataset.shape[time])[0]
        index[time] = slice(first + start, first + stop)
        values = dataset[tuple(index)]
        if len(axes) == 1:
            return values[None]
        return values.T if self.transposed else values
