"""Quality of a record: dead and clipped traces, amplitudes, and a report that shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.sampling import even_part

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["amplitude_figure", "trace_quality", "write_quality_report"]

#: Samples in a row at a trace's largest amplitude that make it clipped: a wave has one peak.
CLIPPED_RUN = 3
#: Traces looked at, evenly over the file.
MOST_TRACES = 4000
# Samples of these traces in all.
_MOST_SAMPLES = 6_000_000
# What lies beyond is no amplitude, and its square no number.
_LARGEST = 1e150
_BARS = "#5b8fb9"
# Dead and clipped traces named in a report.
_MOST_NAMED = 10
# Coordinates that name the traces along a dimension.
_LABELS = {"shot": "field_record", "receiver": "channel"}


def trace_quality(ds: xr.Dataset, *, most_traces: int = MOST_TRACES) -> dict[str, Any]:
    """Look at traces spread evenly over a cube.

    Parameters
    ----------
    ds : xarray.Dataset
        A cube with ``amplitude`` or ``velocity``; only the traces that are looked at are loaded.
    most_traces : int, default 4000
        How many at most; fewer where they are long (in all 6 million samples).

    Returns
    -------
    dict
        ``looked_at``, ``of`` (traces), ``missing`` (NaN), ``dead`` (constant), ``clipped`` (three
        or more samples in a row at the largest amplitude), ``dead_at`` and ``clipped_at`` (where
        the first ten of each are), ``rms`` (array, one value for each live trace) and ``samples``
        (array, the live traces' values).

    Raises
    ------
    ConventionError
        If the cube has neither variable.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> traces = np.array([[0.0, 1, 0, -1], [0, 0, 0, 0], [0, 2, 2, 2]])
    >>> ds = xr.Dataset({"amplitude": (("cdp", "time"), traces)}, coords={"cdp": [101, 102, 103]})
    >>> found = trace_quality(ds)
    >>> found["dead"], found["dead_at"], found["clipped"]
    (1, ['cdp 102'], 1)
    """
    name = next((n for n in ("amplitude", "velocity") if n in ds.data_vars), None)
    axis = next((d for d in ("time", "depth") if name and d in ds[name].dims), None)
    if name is None or axis is None:
        raise ConventionError(
            "expected the variable 'amplitude' or 'velocity' against time or depth; found "
            f"{ {str(n): v.dims for n, v in ds.data_vars.items()} }"
        )
    da = ds[name]
    part = even_part(da, axis, max(1, min(most_traces, _MOST_SAMPLES // da.sizes[axis])))
    traces = np.array(part.values, dtype=float).reshape(-1, da.sizes[axis])
    finite = (np.abs(traces) <= _LARGEST).all(axis=1)
    constant = np.zeros(len(traces), dtype=bool)
    constant[finite] = np.ptp(traces[finite], axis=1) == 0
    clipped = np.zeros(len(traces), dtype=bool)
    clipped[finite & ~constant] = _clipped(traces[finite & ~constant])
    good = finite & ~constant
    live = traces if good.all() else traces[good]
    return {
        "looked_at": len(traces),
        "of": int(da.size // da.sizes[axis]),
        "missing": int((~finite).sum()),
        "dead": int(constant.sum()),
        "clipped": int(clipped.sum()),
        "dead_at": _places(part, np.flatnonzero(constant)[:_MOST_NAMED]),
        "clipped_at": _places(part, np.flatnonzero(clipped)[:_MOST_NAMED]),
        "rms": np.sqrt((live**2).mean(axis=1)),
        "samples": live,
    }


def _places(part: xr.DataArray, numbers: np.ndarray) -> list[str]:
    """Names of traces by what labels them: ``field record 3, channel 17``."""
    dims = part.dims[:-1]
    named = []
    for at in zip(*np.unravel_index(numbers, part.shape[:-1]), strict=True):
        words = []
        for dim, i in zip(dims, at, strict=True):
            label = part.coords.get(_LABELS.get(str(dim), str(dim)))
            value = label[i].values.item() if label is not None and label.dims == (dim,) else int(i)
            known = label is not None and label.dims == (dim,)
            words.append(f"{(label.name if known else dim)} {value:g}".replace("_", " "))  # type: ignore[union-attr]
        named.append(", ".join(words))
    return named


def _clipped(traces: np.ndarray) -> np.ndarray:
    """Whether a trace stays at its largest magnitude, of one sign, for some samples in a row."""
    if not len(traces):
        return np.zeros(0, dtype=bool)
    result = np.zeros(len(traces), dtype=bool)
    for extreme in (traces.max(axis=1), traces.min(axis=1)):
        at = (traces == extreme[:, None]) & (extreme != 0)[:, None]
        run = at[:, : at.shape[1] - CLIPPED_RUN + 1].copy()
        for k in range(1, CLIPPED_RUN):
            run &= at[:, k : at.shape[1] - CLIPPED_RUN + 1 + k]
        result |= run.any(axis=1)
    return result


def amplitude_figure(quality: dict[str, Any], label: str = "amplitude") -> Figure:
    """Histogram of the samples, and of the traces' RMS.

    Parameters
    ----------
    quality : dict
        From :func:`trace_quality`.
    label : str, default "amplitude"
        What the samples are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    samples, rms = quality["samples"].ravel(), quality["rms"]
    if samples.size:
        low, high = (float(v) for v in np.percentile(samples, [0.1, 99.9]))
        if not high > low:
            low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
        left.hist(samples, bins=100, range=(low, high), log=True, color=_BARS)
        decibel = 20 * np.log10(np.maximum(rms / np.median(rms), 1e-15))
        right.hist(decibel, bins=60, log=True, color=_BARS)
    left.set_xlabel(f"{label} (0.1 to 99.9 %)")
    left.set_ylabel("samples")
    right.set_xlabel("RMS of a trace against the median (dB)")
    right.set_ylabel("traces")
    return figure


def write_quality_report(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    engine: str | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Path:
    """Write an HTML report on a seismic file: what is in it, and what is wrong with it.

    Parameters
    ----------
    path : path-like
        The file.
    out : path-like
        The report; it opens without a network.
    engine : str, optional
        Reader to use.
    overwrite : bool, default False
        Replace a report that is there.
    **options
        Of the reader, as ``xarray.open_dataset`` takes them.

    Returns
    -------
    pathlib.Path
        `out`.

    Raises
    ------
    FormatError
        If the file cannot be read.
    OutputExistsError
        If `out` is there and `overwrite` is False.
    """
    from seisgeo import adapters
    from seisgeo.adapters.opening import find_engine
    from seisgeo.adapters.segy.source import as_place
    from seisgeo.report import Section, Table, write_report
    from seisgeo.summary import summarise_cube
    from seisgeo.summary_text import summary_text

    engine = find_engine(path, engine)
    with adapters.open_cube(path, engine=engine, **options) as ds:
        summary = summarise_cube(path, ds, engine)
        quality = trace_quality(ds)
        pictures, remarks = _pictures(ds, quality)
    findings = [str(f) for f in summary.get("findings", [])]
    sections = [
        Section(
            "What is in it",
            tables=[Table([[f] for f in findings], header=["Contradictions"])] if findings else [],
            preformatted=summary_text(summary),
        ),
        Section("Traces", text=_how_many(quality), tables=[_counts(quality)]),
        Section("Pictures", text=remarks, figures=pictures),
        Section("Headers", tables=_header_tables(summary)),
    ]
    if summary.get("text_header"):
        sections.append(Section("Text header", preformatted=str(summary["text_header"])))
    return write_report(out, title=as_place(path).name, sections=sections, overwrite=overwrite)


def _how_many(quality: dict[str, Any]) -> str:
    n, of = quality["looked_at"], quality["of"]
    if n == of:
        return f"All {of:,} traces were looked at."
    return (
        f"{n:,} of {of:,} traces were looked at, spread evenly over the file; the counts, the "
        "histograms and the spectrum are theirs."
    )


def _counts(quality: dict[str, Any]) -> dict[str, str]:
    n = quality["looked_at"]

    def share(kind: str) -> str:
        text = f"{quality[kind]:,} ({quality[kind] / n:.2%})"
        named = quality.get(f"{kind}_at")
        more = "; …" if named and quality[kind] > len(named) else ""
        return text + (": " + "; ".join(named) + more if named else "")

    return {
        "traces": f"{quality['of']:,}",
        "looked at": f"{n:,}",
        "missing (no number)": share("missing"),
        "dead (constant)": share("dead"),
        "clipped": share("clipped"),
    }


def _pictures(ds: xr.Dataset, quality: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """Pictures of the cube by kind, the histograms, and why others could not be drawn."""
    from seisgeo import plotting
    from seisgeo.report import Picture

    found: list[Any] = []
    remarks: list[str] = []
    shown = plotting.kinds_of_picture(ds)
    if "fold" in shown and not {"cdp_x", "offset"} <= set(ds.variables) - {"source_x"}:
        shown = tuple(k for k in shown if k != "map")  # the fold's map shows the positions, too
    for kind in shown:
        try:
            figure: Any = plotting.plot(ds, kind=kind).figure
            found.append(Picture(figure, caption=_CAPTIONS[kind]))
        except ConventionError as error:
            remarks.append(f"No {kind}: {error}")
    label = "velocity" if "velocity" in ds else "amplitude"
    found.append(Picture(amplitude_figure(quality, label), caption=_CAPTIONS["histogram"]))
    return found, remarks


def _header_tables(summary: dict[str, Any]) -> list[Any]:
    """What the headers hold: lowest and highest value of each field that is filled."""
    from seisgeo.report import Table

    tables = []
    for name, caption in (
        ("coordinates", "Coordinates (SI units)"),
        ("trace_headers", "Trace headers, as they stand in the file"),
        ("binary_header", "Binary header"),
        ("attributes", "Attributes"),
    ):
        rows = []
        for field, value in (summary.get(name) or {}).items():
            low, high = value if isinstance(value, list) else (value, value)
            units = conventions.ATTRS.get(field, {}).get("units", "1")
            unit = units if name == "coordinates" and units != "1" else ""
            rows.append([field.replace("_", " "), low, high if high != low else "", unit])
        if rows:
            header = ["field", "lowest", "highest", "unit"]
            last = 4 if name == "coordinates" else 3
            if name in ("binary_header", "attributes"):
                header, last = ["field", "value"], 2
            tables.append(Table([r[:last] for r in rows], caption=caption, header=header[:last]))
    return tables


_CAPTIONS = {
    "gather": "A gather. Colours saturate at the 99th percentile; grey traces are missing.",
    "section": "The middle line. Colours saturate at the 99th percentile; grey traces are missing.",
    "velocity": "The velocity model, or its middle line.",
    "waveforms": "The first record: its components on one scale, P and S where they are known.",
    "record_section": "Records by epicentral distance, or in their order, each on its own scale.",
    "slice": "The slice in the middle of the vertical axis.",
    "map": "Where the traces are.",
    "fold": "Where sources and receivers are, and how many live traces share each bin.",
    "spectrum": "Mean amplitude spectrum.",
    "histogram": "Amplitudes of the traces that were looked at, and their RMS.",
}
