"""``seisgeo demo``: the whole chain."""

from __future__ import annotations

from pathlib import Path

from seisgeo.cli.base import Flag, app


@app.command(sort_key=8)
def demo(
    *,
    segy: Path | None = None,
    out: Path = Path("seisgeo-demo"),
    seed: int = 0,
    quick: Flag = False,
) -> None:
    """Run the whole chain on a field record, and leave pictures, model, hits and a report.

    It reads the record, simulates training data for its survey, trains, evaluates, and retrieves
    velocity models for each shot: some minutes on two cores.

        seisgeo demo
        seisgeo demo --segy line.sgy --out line-demo

    Parameters
    ----------
    segy
        Field SEG-Y of shot gathers; without it a field line of our own is made.
    out
        Folder for everything that is made; one of an earlier demo is replaced.
    seed
        Of models, training and noise.
    quick
        A few dozen models and a minute: to see that everything runs, not to believe the hits.
    """
    from seisgeo.demo import run

    try:
        run(segy, out, seed=seed, quick=quick)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the same command keeps what it has simulated") from None
