"""Tables of events, a line for each, as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seisgeo.errors import FormatError, MissingFileError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["event_table", "read_labels", "write_table"]


def event_table(ds: xr.Dataset) -> pd.DataFrame:
    """All that a dataset has along ``event``, a row for each, under the event's number."""
    import pandas as pd

    names = [str(n) for n, v in ds.variables.items() if v.dims == ("event",) and n != "event"]
    columns = {name: ds[name].values for name in names}
    for name, values in columns.items():
        if values.dtype.kind == "M":
            texts = np.datetime_as_string(values.astype("M8[ns]"), "ns")
            columns[name] = np.where(np.isnat(values), "", np.char.add(texts, "Z"))
    return pd.DataFrame(columns, index=pd.RangeIndex(ds.sizes["event"], name="event"))


def write_table(table: pd.DataFrame, out: Path, overwrite: bool) -> None:
    """Write a table with its index as CSV."""
    from seisgeo.files import whole_output

    with whole_output(out, overwrite=overwrite) as part:
        table.to_csv(part)


def read_labels(path: Path, n_events: int) -> np.ndarray:
    """Labels of events from the columns ``event`` and ``label`` of a CSV; None where none is."""
    import pandas as pd

    if not path.is_file():
        raise MissingFileError(f"{path}: no such file")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: no CSV that can be read ({error})") from error
    if missing := [name for name in ("event", "label") if name not in table]:
        raise FormatError(
            f"{path}: expected the columns event and label, found no {' and no '.join(missing)}; "
            f"it has {', '.join(map(str, table.columns))}"
        )
    labels = np.full(n_events, None, dtype=object)
    for line, (event, label) in enumerate(zip(table["event"], table["label"], strict=True), 2):
        if not event.isdigit() or int(event) >= n_events:
            raise FormatError(
                f"{path}, line {line}: event {event!r} is none of the {n_events} records, 0 to "
                f"{n_events - 1}"
            )
        if label.strip():
            labels[int(event)] = label.strip()
    return labels
