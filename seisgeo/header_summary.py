"""What the trace headers of a file hold: as data, as a screen of text, as a CSV file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seisgeo.files import whole_output

__all__ = ["headers_text", "summarise_headers", "write_headers"]

# Traces that are written at a time.
_BLOCK = 50_000


def summarise_headers(
    path: str | os.PathLike[str],
    names: Sequence[str] | None = None,
    *,
    raw: bool = False,
    headers: Any = None,
    sample_format: int | None = None,
) -> dict[str, Any]:
    """Describe the trace headers of a file.

    Parameters
    ----------
    path : path-like
        SEG-Y or SU.
    names, raw, headers, sample_format
        As of :func:`seisgeo.adapters.read_headers`.

    Returns
    -------
    dict
        Ready for JSON: ``file``, ``findings``, ``traces``, and ``fields``, each with ``field``,
        ``byte``, ``lowest``, ``highest``, ``first`` (values of the first traces) and ``units``.

    Raises
    ------
    MissingFileError, FormatError, ParameterError
        As of :func:`seisgeo.adapters.read_headers`.
    """
    from seisgeo.adapters.segy.file import SegyFile
    from seisgeo.adapters.segy.header_units import header_units
    from seisgeo.adapters.segy.table import header_ranges

    file = SegyFile(path, headers=headers, sample_format=sample_format)
    findings = [*file.findings, *([] if raw else header_units(file)[1])]
    return {
        "file": str(file.path),
        "findings": [str(finding) for finding in findings],
        "traces": file.n_traces,
        "fields": [
            {
                "field": r.name,
                "byte": r.byte,
                "lowest": _plain(r.low),
                "highest": _plain(r.high),
                "first": [_plain(v) for v in r.first],
                "units": r.units,
            }
            for r in header_ranges(file, names, raw=raw)
        ],
    }


def _plain(value: Any) -> Any:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def headers_text(summary: dict[str, Any], *, everything: bool = False) -> str:
    """Lay out a summary for a terminal.

    Parameters
    ----------
    summary : dict
        Of :func:`summarise_headers`.
    everything : bool, default False
        Give each field a row; by default those that vary have one, those that are the same in all
        traces share some lines, and those that are empty are counted.

    Returns
    -------
    str
        Contradictions first, then the table.
    """
    from seisgeo.summary_text import fill, number

    rows = summary["fields"]
    empty = [] if everything else [r for r in rows if not (r["lowest"] or r["highest"])]
    same = [] if everything else [r for r in rows if r["lowest"] == r["highest"] and r not in empty]
    lines = [f"{summary['file']}: {summary['traces']} traces"]
    lines += [fill(f"! {finding}", "  ") for finding in summary["findings"]]
    lines.append("")
    table = [
        (
            r["field"],
            str(r["byte"]),
            number(r["lowest"]),
            number(r["highest"]),
            r["units"] if r["units"] != "1" else "",
            "  ".join(map(number, r["first"])),
        )
        for r in rows
        if r not in empty and r not in same
    ]
    heads = ("field", "byte", "lowest", "highest", "unit", "first traces")
    widths = [max(map(len, column)) for column in zip(heads, *table, strict=True)]
    for field, byte, low, high, unit, first in (heads, *table):
        lines.append(
            f"{field:<{widths[0]}}  {byte:>{widths[1]}}  {low:>{widths[2]}}  {high:>{widths[3]}}  "
            f"{unit:<{widths[4]}}  {first}".rstrip()
        )
    if same:
        texts = (
            f"{r['field']} {number(r['lowest'])} {r['units'] if r['units'] != '1' else ''}".strip()
            for r in same
        )
        lines += ["", fill(f"the same in all traces: {', '.join(texts)}", "  ")]
    if empty:
        lines += ["", f"{len(empty)} more fields are zero in all traces"]
    return "\n".join(lines)


def write_headers(
    path: str | os.PathLike[str],
    out: Path,
    names: Sequence[str] | None = None,
    *,
    overwrite: bool = False,
    **options: Any,
) -> int:
    """Write trace headers to a CSV file: a line for each trace, numbered from 0.

    Parameters
    ----------
    path : path-like
        SEG-Y or SU.
    out : path
        What to write; it appears when it is whole.
    names
        Fields, by default all.
    overwrite : bool, default False
        Replace `out`.
    **options
        Of :func:`seisgeo.adapters.read_headers`.

    Returns
    -------
    int
        Number of traces.

    Raises
    ------
    OutputExistsError
        If `out` is there.
    MissingFileError, FormatError, ParameterError
        As of :func:`seisgeo.adapters.read_headers`.
    """
    from tqdm.auto import tqdm

    from seisgeo.adapters import read_headers

    table = read_headers(path, names, **options)
    n_traces = table.sizes["trace"]
    table = table.assign_coords(trace=range(n_traces))
    with (
        whole_output(out, overwrite=overwrite) as part,
        part.open("w", encoding="utf-8", newline="") as stream,
        tqdm(total=n_traces, unit="trace", desc=str(out), disable=n_traces <= _BLOCK) as bar,
    ):
        for a in range(0, n_traces, _BLOCK):
            block = table.isel(trace=slice(a, a + _BLOCK)).to_dataframe()
            block.to_csv(stream, header=a == 0)
            bar.update(len(block))
    return n_traces
