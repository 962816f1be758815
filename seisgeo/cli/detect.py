"""``seisgeo detect``: events in continuous records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from seisgeo.cli.base import Count, Flag, app
from seisgeo.cli.outputs import require_free, require_suffix, write_cube
from seisgeo.errors import FormatError, ParameterError


@app.command(sort_key=3.5)
def detect(
    files: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    out: Path,
    windows: Path | None = None,
    sta: float = 0.5,
    lta: float = 10.0,
    on: float = 4.0,
    off: float = 1.5,
    band: str | None = None,
    component: str = "Z",
    stations: Count = 1,
    delay: float = 0.0,
    moveout: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    before: float = 1.0,
    after: float = 5.0,
    workers: Count | None = None,
    overwrite: Flag = False,
) -> None:
    """Find events in continuous records, by the ratio of short-term to long-term energy (STA/LTA).

    Of a day no more than a piece is in memory. Files of one channel that follow each other are
    one record. Where files cannot be read, the others are searched and written, the broken ones
    are named, and the exit code is 1.

        seisgeo detect day.mseed --out triggers.csv
        seisgeo detect *.mseed --sta 0.05 --lta 1 --band 10:300 --out ice.csv --windows ice.zarr
        seisgeo detect net/ --moveout 0.4 --out ice.csv --windows ice.zarr

    Parameters
    ----------
    files
        miniSEED, SAC, GSE2, ..., or folders of them.
    out
        Catalogue to write: NAME.csv, a line for each trigger, or NAME.xml (QuakeML).
    windows
        NAME.zarr, NAME.nc or NAME.mseed for the waveforms around the triggers, all components.
    sta
        Length of the short window in s: about as long as the onset of an event.
    lta
        Length of the long window in s: longer than any event.
    on
        Ratio at which a trigger begins.
    off
        Ratio at which it ends.
    band
        Pass band in Hz, LOW:HIGH; LOW: is a high-pass. By default only the mean is removed.
    component
        Component to search; an instrument without it is searched by its first.
    stations
        Keep what so many stations see at the same time.
    delay
        Longest travel time between stations in s, which still counts as the same time.
    moveout
        Longest difference in s between the onsets of an event at several stations: triggers that
        are each other's nearest share an event_id. All are kept.
    before
        Seconds of a window before the trigger.
    after
        Seconds of a window after the trigger.
    workers
        Processes; by default one for each core.
    overwrite
        Replace the files.
    """
    from seisgeo import adapters, detection

    require_suffix(out, ".csv", ".xml", ".qml")
    require_free(out, overwrite)
    if windows:
        require_suffix(windows, ".zarr", ".nc", ".mseed")
        require_free(windows, overwrite)
    found = detection.detect(
        files,
        sta=sta,
        lta=lta,
        on=on,
        off=off,
        band=_as_band(band),
        component=component,
        stations=stations,
        delay=delay,
        workers=workers,
    )
    if moveout is not None:
        found = detection.associate(found, moveout)
    detection.write_catalogue(found, out, overwrite=overwrite)
    print(f"wrote {out}: {len(found)} triggers, {found['event_id'].nunique()} events")
    names = found["network"] + "." + found["station"]
    for name, count in names.value_counts(sort=False).sort_index().items():
        print(f"  {name:<12} {count}")
    if windows:  # only now: a catalogue without any window is one, too
        cut = detection.windows(files, found, before=before, after=after, workers=workers)
        if windows.suffix.lower() == ".mseed":
            adapters.seismology.write_mseed(cut, windows, overwrite=overwrite)
        else:
            write_cube(cut, windows, overwrite)
        print(f"wrote {windows}: {cut.sizes['event']} windows of {before + after:g} s")
    if broken := len(found.attrs["not_searched"]):
        raise FormatError(
            f"{broken} of the files cannot be read and were not searched: they are named "
            f"above; what stands in {out} is of the others"
        )


def _as_band(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        return float(low), float(high or "inf")
    except ValueError:
        raise ParameterError(
            f"--band {text}: expected two frequencies in Hz, LOW:HIGH, for instance 2:20"
        ) from None
