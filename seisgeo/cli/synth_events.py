"""``seisgeo synth-events``: seismograms of events with truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from seisgeo.cli.base import Count, Flag, Range, app
from seisgeo.cli.outputs import require_free, require_suffix

Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]


@app.command(sort_key=3.2)
def synth_events(
    *,
    n: Annotated[Count, Parameter(name=["-n", "--n"])],
    out: Path,
    kinds: str | None = None,
    regions: str | None = None,
    seed: int = 0,
    sample_interval: Positive = 0.01,
    duration: Positive = 60.0,
    snr: Range = (5.0, 40.0),
    response: Literal["velocity", "displacement", "acceleration"] = "velocity",
    stations: Count | None = None,
    workers: Count | None = None,
    overwrite: Flag = False,
) -> None:
    r"""Generate seismograms of earthquakes, explosions and icequakes, with the truth.

    Three components of each event at one station, or several; kind, place, arrivals, magnitude and
    mechanism are kept beside them. The same call goes on where a stopped run ended.

        seisgeo synth-events -n 5000 --out events.zarr
        seisgeo synth-events -n 900 --kinds icequake,earthquake,spike --regions ice-stream \
            --sample-interval 0.002 --duration 10 --out ice.zarr

    Parameters
    ----------
    n
        Events.
    out
        Zarr store to write; `seisgeo convert` makes NetCDF of it.
    kinds
        Any of earthquake, explosion, icequake, spike and noise, separated by commas; they take
        turns. By default each region has its own mix.
    regions
        Where, separated by commas: plate-boundary, craton, subduction, volcano, ice-stream,
        ice-rise, glacier; they take turns. By default all that have the kinds.
    seed
        The same seed gives the same data, whatever the number of workers.
    sample_interval
        Sample interval in s.
    duration
        Length of a record in s.
    snr
        Lowest and highest signal-to-noise ratio in dB: --snr 0 20.
    response
        What the instrument records of the ground's motion.
    stations
        Records of each event, by the stations nearest to it; by default one, by any of them.
    workers
        Processes; by default one for each core.
    overwrite
        Replace what stands under `out`, and start anew.
    """
    from seisgeo import synth as synthesis

    require_suffix(out, ".zarr")
    require_free(out, overwrite, resumable=True)
    there = out.exists() and not overwrite
    recorder = synthesis.events.Recorder(
        dt=sample_interval,
        n_time=round(duration / sample_interval),
        response=response,
        snr=snr,
    )
    try:
        synthesis.generate_events(
            n,
            kinds=_names(kinds),
            regions=_names(regions),
            recorder=recorder,
            stations=stations,
            out=out,
            seed=seed,
            workers=workers,
            overwrite=overwrite,
        )
    except KeyboardInterrupt:
        goes_on = "" if overwrite else "the same command goes on from here"
        raise KeyboardInterrupt(goes_on) from None
    print(f"{out} is there already: {n} events" if there else f"wrote {out}: {n} events")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]
