"""``seisgeo synth``: training data in bulk."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter

from seisgeo.cli.base import Count, Flag, Range, app
from seisgeo.cli.outputs import require_device, require_free


@app.command(sort_key=3)
def synth(
    *,
    families: str | None = None,
    n: Annotated[Count | None, Parameter(name=["-n", "--n"])] = None,
    out: Path | None = None,
    seed: int = 0,
    format: Literal["zarr", "npy", "segy"] = "zarr",
    survey: str = "openfwi",
    wavelet: str = "ricker",
    engine: Literal["deepwave", "openfwi"] = "deepwave",
    physics: Literal["scalar", "acoustic", "viscoacoustic", "elastic"] = "scalar",
    component: Literal["pressure", "x", "y", "depth"] = "pressure",
    velocity_range: Range = (1500.0, 4500.0),
    vp_vs: float | None = None,
    workers: Count | None = None,
    scheduler: str | None = None,
    device: str | None = None,
    batch_size: Count | None = None,
    overwrite: Flag = False,
    verify: Path | None = None,
) -> None:
    """Generate velocity models and their gathers in bulk, for training.

    The same call goes on where a stopped run ended, and finds a finished one done.

        seisgeo synth --families flatvel-a,curvefault-b -n 1000 --out train.zarr
        seisgeo synth --families all -n 500 --survey line.sgy --out train.zarr
        seisgeo synth --families folded -n 50 --survey areal --physics acoustic --out cubes.zarr
        seisgeo synth --verify train.zarr

    Parameters
    ----------
    families
        Families of velocity models, separated by commas. OpenFWI's ten, "openfwi" for short:
        flatvel-a, flatvel-b, curvevel-a, curvevel-b, flatfault-a, flatfault-b, curvefault-a,
        curvefault-b, style-a, style-b; A is gentle, B is strong. For field data: compaction,
        folded, unconformity, listric, crossfault, channel, salt, plume, marine, land. "all" is
        every one of them. A file of velocities in depth, such as marmousi.segy, is a family of
        random crops.
    n
        Models of each family.
    out
        What to write: a Zarr store, or a folder of OpenFWI files (npy) or of gathers.sgy and
        velocity.sgy (segy). In it, manifest.json has every setting, versions and checksums.
    seed
        The same seed gives the same data, whatever the number of workers.
    format
        What kind of files.
    survey
        What records the models: openfwi (5 sources, 70 receivers, 1000 samples of 1 ms), land,
        streamer, ocean-bottom, crosswell, vsp or areal (3-D); field SEG-Y (or any gathers), whose
        sources, receivers and sampling it has; or JSON that Survey.to_json wrote.
    wavelet
        What the source of a field file's survey emits: ricker, or minimum-phase, zero-phase or a
        constant phase in degrees, with the amplitude spectrum of the field data.
    engine
        What simulates: deepwave takes any survey; openfwi is the scheme that OpenFWI's data were
        made with, for surveys on grid cells without a free surface.
    physics
        Wave equation. Density (all but scalar), quality factor (viscoacoustic) and S velocity
        (elastic) are made from the velocity and kept beside it.
    component
        What the receivers record: pressure, or particle velocity along an axis.
    velocity_range
        Lowest and highest velocity of the rock in m/s: --velocity-range 2000 5000.
    vp_vs
        Ratio of P to S velocity of elastic waves; by default the mudrock line.
    workers
        Processes on a CPU; by default one for each core.
    scheduler
        Address of a Dask scheduler (tcp://host:8786) whose workers generate instead; they must see
        OUT under the same name.
    device
        cpu or cuda; by default CUDA where there is one.
    batch_size
        Models simulated at once; of use on a GPU.
    overwrite
        Replace what stands under `out`, and start anew.
    verify
        Generate nothing; compare the files of this folder with the checksums in its manifest.
    """
    from seisgeo import synth as synthesis

    if verify is not None:
        count = synthesis.verify_manifest(verify)
        print(f"{verify}: {count} files as they were written")
        return
    if families is None or n is None or out is None:
        missing = "--families" if families is None else "-n" if n is None else "--out"
        raise cyclopts.CycloptsError(
            msg=f'Command "synth" parameter {missing} requires an argument.'
        )
    names = [name.strip() for name in families.split(",")]
    groups = {"all": list(synthesis.FAMILIES), "openfwi": list(synthesis.geology.OPENFWI_FAMILIES)}
    names = [member for name in names for member in groups.get(name, [name])]
    require_free(out, overwrite, resumable=True)
    require_device(device)
    there = out.exists() and not overwrite
    try:
        synthesis.generate(
            names,
            n,
            survey=synthesis.named_survey(survey, wavelet=_number(wavelet)),
            engine=engine,
            physics=physics,
            component=component,
            out=out,
            format=format,
            seed=seed,
            velocity_range=velocity_range,
            vp_vs=vp_vs,
            workers=workers,
            scheduler=scheduler,
            device=device,
            batch_size=batch_size,
            overwrite=overwrite,
        )
    except KeyboardInterrupt:
        goes_on = "" if overwrite else "the same command goes on from here"
        raise KeyboardInterrupt(goes_on) from None
    except OSError as error:
        if error.errno == errno.ENOSPC and not overwrite:
            error.strerror = "no space left; make room, and the same command goes on from here"
            error.filename = error.filename or str(out)
        raise
    done = f"{out} is there already" if there else f"wrote {out}"
    print(f"{done}: {n * len(names)} pairs of gathers and velocity models")


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
