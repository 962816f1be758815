"""``seisgeo info`` and ``seisgeo headers``: what is in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seisgeo.cli.base import Flag, Json, app
from seisgeo.cli.outputs import require_free, require_suffix, say
from seisgeo.cli.segy_options import AS_THE_FILE_SAYS, Segy, as_headers
from seisgeo.console import as_options


@app.command(sort_key=1)
def info(
    file: str,
    /,
    *,
    headers: Flag = False,
    engine: str | None = None,
    json: Json = False,
    html: Path | None = None,
    overwrite: Flag = False,
    segy: Segy = AS_THE_FILE_SAYS,
) -> None:
    """Say what is in a file, contradictions first.

    Distances are in metres, velocities in m/s. Samples are not read, so it is quick on any size;
    only the report looks at some thousand traces.

        seisgeo info line.sgy
        seisgeo info train.zarr --json
        seisgeo info line.sgy --html line-qc.html

    Parameters
    ----------
    file
        SEG-Y, seismograms (miniSEED, SAC, STEAD, ...), OpenFWI .npy or folder, Zarr store, NetCDF,
        a gallery, or a model that `seisgeo fit` saved or (by its name) that comes with seisgeo;
        SEG-Y also by its address (https://…, s3://…).
    headers
        Show the binary, trace and text headers too.
    engine
        Reader to use: seisgeo-segy, seisgeo-su, seisgeo-seg2, seisgeo-events, seisgeo-openfwi, zarr
        or h5netcdf; found by the file's name.
    json
        Print JSON instead of text: everything, headers too.
    html
        Write a report with pictures instead: survey and fold, spectrum, amplitudes, dead and
        clipped traces.
    overwrite
        Replace a report that is there.
    """
    from seisgeo.summary import summarise
    from seisgeo.summary_text import summary_text

    options = segy.given()
    engine = engine or ("seisgeo-segy" if options else None)
    if html is not None:
        from seisgeo.quality import write_quality_report

        require_free(html, overwrite)
        write_quality_report(file, html, engine=engine, overwrite=overwrite, **options)
        print(f"wrote {html}")
        return
    summary = summarise(file, engine=engine, **options)
    say(summary, json, as_options(summary_text(summary, headers=headers)))


@app.command(sort_key=1.5)
def headers(
    file: Path,
    /,
    *,
    fields: str | None = None,
    raw: Flag = False,
    csv: Path | None = None,
    json: Json = False,
    overwrite: Flag = False,
    byte: dict[str, int] | None = None,
    mapping: Path | None = None,
    sample_format: int | None = None,
) -> None:
    """Show the trace headers of SEG-Y or SU: which fields are filled, with what.

    Scalars are applied; times are in seconds, lengths in metres.

        seisgeo headers line.sgy
        seisgeo headers line.sgy --fields source_x,receiver_x --csv geometry.csv

    Parameters
    ----------
    file
        SEG-Y or SU.
    fields
        Fields, separated by commas; by default all that are not zero throughout.
    raw
        Numbers as they are stored: no scalars, no units.
    csv
        Write the values of all traces to this file instead, a line for each trace.
    json
        Print JSON instead of a table.
    overwrite
        Replace the CSV file.
    byte
        Where header fields stand, where not as the file says: --byte.inline 9.
    mapping
        YAML file that says where header fields stand: lines as `inline: 9`, `gun: [233, int32]`.
    sample_format
        Sample format code instead of the file's: 1 IBM float, 5 IEEE float, ...
    """
    from seisgeo.header_summary import headers_text, summarise_headers, write_headers

    options: dict[str, Any] = {"raw": raw, "sample_format": sample_format}
    options.update(as_headers(mapping, byte))
    names = [name.strip() for name in fields.split(",")] if fields else None
    if csv is not None:
        require_suffix(csv, ".csv")
        require_free(csv, overwrite)
        n_traces = write_headers(file, csv, names, overwrite=overwrite, **options)
        print(f"wrote {csv}: {n_traces} traces")
        return
    summary = summarise_headers(file, names, **options)
    say(summary, json, headers_text(summary, everything=names is not None))
