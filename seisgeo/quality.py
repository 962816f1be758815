"""Quality of a record: dead and clipped traces, amplitudes, and a report that shows them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.sampling import even_traces

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["amplitude_figure", "trace_quality", "write_quality_report"]

#: Samples in a row at a trace's largest amplitude that make it clipped: a wave has one peak.
CLIPPED_RUN = 3
#: Traces looked at, evenly over the file.
MOST_TRACES = 4000


def trace_quality(ds: xr.Dataset, *, most_traces: int = MOST_TRACES) -> dict[str, Any]:
    """Look at traces spread evenly over a cube.

    Parameters
    ----------
    ds : xarray.Dataset
        A cube with ``amplitude`` or ``velocity``; only the traces that are looked at are loaded.
    most_traces : int, default 4000
        How many.

    Returns
    -------
    dict
        ``looked_at``, ``of`` (traces), ``missing`` (NaN), ``dead`` (constant), ``clipped`` (three
        or more samples in a row at the largest amplitude), ``rms`` (array, one value for each live
        trace) and ``samples`` (array, the live traces' values).

    Raises
    ------
    ConventionError
        If the cube has neither variable.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> traces = np.array([[0.0, 1, 0, -1], [0, 0, 0, 0], [0, 2, 2, 2]])
    >>> ds = xr.Dataset({"amplitude": (("cdp", "time"), traces)})
    >>> found = trace_quality(ds)
    >>> found["dead"], found["clipped"]
    (1, 1)
    """
    name = next((n for n in ("amplitude", "velocity") if n in ds.data_vars), None)
    if name is None:
        raise ConventionError(
            f"expected the variable 'amplitude' or 'velocity'; found {sorted(map(str, ds))}"
        )
    da = ds[name]
    axis = next(d for d in ("time", "depth") if d in da.dims)
    total = da.size // da.sizes[axis]
    traces = even_traces(da, axis, most_traces)
    finite = np.isfinite(traces).all(axis=1)
    present = traces[finite]
    constant = np.ptp(present, axis=1) == 0
    live = present[~constant]
    return {
        "looked_at": len(traces),
        "of": int(total),
        "missing": int((~finite).sum()),
        "dead": int(constant.sum()),
        "clipped": int(_clipped(live).sum()),
        "rms": np.sqrt((live**2).mean(axis=1)),
        "samples": live,
    }


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
        limits = np.percentile(samples, [0.1, 99.9])
        left.hist(samples, bins=100, range=(limits[0], max(limits[1], limits[0] + 1e-30)), log=True)
        right.hist(20 * np.log10(rms / np.median(rms) + 1e-30), bins=60, log=True)
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
    from seisgeo import adapters, plotting
    from seisgeo.report import Section, Table, write_report
    from seisgeo.summary import summarise, summary_text

    summary = summarise(Path(path), engine=engine, **options)
    findings = [str(f) for f in summary.get("findings", [])]
    with adapters.open_cube(path, engine=engine, **options) as ds:
        quality = trace_quality(ds)
        kinds = conventions.kinds(ds)
        figures = [plotting.plot(ds).figure]
        if "gathers" in kinds and "shot" in ds.dims and "receiver_x" in ds.coords:
            figures.append(plotting.plot_survey_map(ds, fold=True).figure)
        if "amplitude" in ds and "time" in ds["amplitude"].dims and len(quality["rms"]):
            figures.append(plotting.plot_spectrum(ds).figure)
        figures.append(amplitude_figure(quality, "velocity" if "velocity" in ds else "amplitude"))
    counts = {
        "traces": quality["of"],
        "looked at": quality["looked_at"],
        "missing": quality["missing"],
        "dead (constant)": quality["dead"],
        "clipped": quality["clipped"],
    }
    sections = [
        Section(
            "What is in it",
            tables=[Table([[f] for f in findings], header=["Contradictions"])] if findings else [],
            preformatted=summary_text(summary),
        ),
        Section("Traces", tables=[counts], figures=figures),
    ]
    if summary.get("text_header"):
        sections.append(Section("Text header", preformatted=str(summary["text_header"])))
    return write_report(out, title=f"{Path(path).name}", sections=sections, overwrite=overwrite)
