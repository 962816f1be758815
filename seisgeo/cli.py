"""The command line: ``seisgeo COMMAND``, with COMMAND from info to demo."""

from __future__ import annotations

import dataclasses
import errno
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter, validators

from seisgeo._version import __version__
from seisgeo.console import (
    as_options,
    evaluation_text,
    explain,
    first_line,
    hit_rows,
    hits_text,
    to_json,
)
from seisgeo.errors import FormatError, OutputExistsError, ParameterError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["app", "main"]

app = cyclopts.App(
    name="seisgeo",
    help="From field SEG-Y to the earth models that explain it.",
    version=__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,
)

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Json = Annotated[bool, Parameter(name="--json", negative="", show_default=False)]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
Neighbours = Annotated[int, Parameter(name=["--k", "-k"], validator=validators.Number(gte=1))]

SEGY = cyclopts.Group("SEG-Y, where the headers mislead", sort_key=10)

#: Files that only folders of our own formats hold: what --overwrite may replace.
_OURS = ("zarr.json", ".zgroup", "seisgeo-cube.json", "gathers.sgy")


@dataclasses.dataclass(frozen=True)
class SegyOptions:
    """How to read a SEG-Y file whose headers mislead."""

    layout: Literal["shots", "receivers", "cdp", "stack", "offset", "line"] | None = None
    """What the traces make: gathers of shots, receivers or CDPs, a 3-D stack, 3-D gathers by
    offset, a 2-D line."""
    keys: list[str] | None = None
    """Header fields that name the gathers, or inline and crossline: --keys source_point."""
    coordinate_scale: float | None = None
    """Metres for each unit of the coordinates in the headers, instead of their own scalar."""
    sample_interval: float | None = None
    """Sample interval in seconds (metres for depth) instead of the file's."""
    sample_format: int | None = None
    """Sample format code instead of the file's: 1 IBM float, 5 IEEE float, ..."""
    quantity: Literal["amplitude", "velocity"] | None = None
    """What the samples are."""
    vertical: Literal["time", "depth"] | None = None
    """What the sample axis is."""
    byte: dict[str, int] | None = None
    """Where header fields stand, where not as the standard says: --byte.inline 9."""
    mapping: Path | None = None
    """YAML file that says where header fields stand: lines as `inline: 9`, `gun: [233, int32]`."""

    def given(self) -> dict[str, Any]:
        """Those that are set, as arguments of the reader."""
        given = {k: v for k, v in dataclasses.asdict(self).items() if v is not None}
        headers = _as_headers(given.pop("mapping", None), given.pop("byte", None))
        return {**given, **headers}


def _as_headers(mapping: Path | None, byte: dict[str, int] | None) -> dict[str, Any]:
    """The two ways to place header fields as one argument of the reader."""
    if mapping is None:
        return {"headers": byte} if byte else {}
    from seisgeo.adapters.segy.mapping import read_mapping

    return {"headers": {**read_mapping(mapping), **(byte or {})}}


Segy = Annotated[SegyOptions, Parameter(name="*", group=SEGY)]


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
    segy: Segy = SegyOptions(),
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
        or a model that `seisgeo fit` saved; SEG-Y also by its address (https://…, s3://…).
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
    from seisgeo.summary import summarise, summary_text

    options = segy.given()
    engine = engine or ("seisgeo-segy" if options else None)
    if html is not None:
        from seisgeo.quality import write_quality_report

        _require_free(html, overwrite)
        write_quality_report(file, html, engine=engine, overwrite=overwrite, **options)
        print(f"wrote {html}")
        return
    summary = summarise(file, engine=engine, **options)
    _say(summary, json, as_options(summary_text(summary, headers=headers)))


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
    options.update(_as_headers(mapping, byte))
    names = [name.strip() for name in fields.split(",")] if fields else None
    if csv is not None:
        _require_suffix(csv, ".csv")
        _require_free(csv, overwrite)
        n_traces = write_headers(file, csv, names, overwrite=overwrite, **options)
        print(f"wrote {csv}: {n_traces} traces")
        return
    summary = summarise_headers(file, names, **options)
    _say(summary, json, headers_text(summary, everything=names is not None))


@app.command(sort_key=2)
def convert(
    source: str,
    target: Path,
    /,
    *,
    engine: str | None = None,
    select: str | None = None,
    resample: str | None = None,
    revision: Literal["0", "1", "2.0", "2.1"] | None = None,
    output_format: Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16] | None = None,
    byte_order: Literal["big-endian", "little-endian", "pair-swapped"] | None = None,
    memory: str = "300 MB",
    new_headers: Flag = False,
    scheduler: str | None = None,
    checksum: Flag = False,
    overwrite: Flag = False,
    segy: Segy = SegyOptions(),
) -> None:
    """Convert between SEG-Y, SU, miniSEED, OpenFWI, Zarr and NetCDF; the target's suffix decides.

    Sources may also be SEG-2, SAC, GSE2, or data sets of STEAD, SeisBench and PhaseNet.

    Cubes larger than memory are no trouble: they are read and written block by block. The same
    command goes on where a stopped conversion to Zarr ended.

        seisgeo convert line.sgy line.zarr
        seisgeo convert cube.sgy part.zarr --select inline=100:200,time=0.5:2.0 --resample 0.004
        seisgeo convert line.sgy fixed.sgy --coordinate-scale 0.1
        seisgeo convert line.sgy new.sgy --revision 2.1 --output-format 5

    Parameters
    ----------
    source
        File or folder to read; SEG-Y also by its address (https://…, s3://…).
    target
        What to write: NAME.zarr, NAME.nc (NetCDF), NAME.sgy, NAME.su (Seismic Unix), NAME.mseed,
        NAME.npy (one OpenFWI file), or a name without a suffix for a folder of OpenFWI files.
    engine
        Reader to use: seisgeo-segy, seisgeo-su, seisgeo-seg2, seisgeo-events, seisgeo-openfwi, zarr
        or h5netcdf; found by the source's name.
    select
        What to keep, by label: NAME=FIRST:LAST, NAME=FIRST:LAST:STEP or NAME=VALUE,VALUE for any
        dimension or coordinate (inline, offset, field_record, time, ...), both ends included,
        separated by commas; s and m.
    resample
        Sample interval to bring the traces to, in s (m for depth), without aliases; time=0.004
        where there are samples in time and in depth.
    revision
        Revision of the SEG-Y that is written; by default the source's, or the first that will do.
    output_format
        Sample format code of the SEG-Y that is written: 1 IBM float, 3 int16, 5 IEEE float, ...
    byte_order
        Byte order of the SEG-Y that is written.
    memory
        All that the conversion may take, Python (150 MB) included; for Zarr and NetCDF.
    new_headers
        Make SEG-Y headers anew from the cube, instead of those of the file that it came from;
        Zarr is written without that file's.
    scheduler
        Address of a Dask scheduler (tcp://host:8786) whose workers write the Zarr store; they
        must see source and target under the same names.
    checksum
        Also write TARGET.sha256, which `seisgeo verify` and `sha256sum -c` check.
    overwrite
        Replace what stands under the target's name.
    """
    from seisgeo import adapters

    _require_free(target, overwrite)
    options = segy.given()
    engine = engine or ("seisgeo-segy" if options else None)
    try:
        written = adapters.convert(
            source,
            target,
            engine=engine,
            select=select,
            resample=resample,
            memory=memory,
            original=not new_headers,
            revision=revision,
            output_format=output_format,
            byte_order=byte_order,
            scheduler=scheduler,
            checksum=checksum,
            overwrite=overwrite,
            **options,
        )
    except KeyboardInterrupt:
        goes_on = "the same command goes on from here" if target.suffix.lower() == ".zarr" else ""
        raise KeyboardInterrupt(goes_on) from None
    print(f"wrote {written}")


@app.command(sort_key=9)
def verify(file: Path, /) -> None:
    """Compare a file or a store with the checksums that `seisgeo convert --checksum` wrote.

        seisgeo verify line.zarr

    Parameters
    ----------
    file
        What was written; its checksums stand beside it, in FILE.sha256.
    """
    from seisgeo import adapters

    count = adapters.verify_checksums(file)
    print(f"{file}: {count} file{'s' if count != 1 else ''} as they were written")


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
    velocity_range: tuple[float, float] = (1500.0, 4500.0),
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
    _require_free(out, overwrite, resumable=True)
    _require_device(device)
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
    before: float = 1.0,
    after: float = 5.0,
    workers: Count | None = None,
    overwrite: Flag = False,
) -> None:
    """Find events in continuous records, by the ratio of short-term to long-term energy (STA/LTA).

    Of a day no more than a piece is in memory. Each file is searched by itself.

        seisgeo detect day.mseed --out triggers.csv
        seisgeo detect *.mseed --sta 0.05 --lta 1 --band 10:300 --out ice.csv --windows ice.zarr

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

    _require_suffix(out, ".csv", ".xml", ".qml")
    _require_free(out, overwrite)
    if windows:
        _require_suffix(windows, ".zarr", ".nc", ".mseed")
        _require_free(windows, overwrite)
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
    cut = detection.windows(files, found, before=before, after=after) if windows else None
    detection.write_catalogue(found, out, overwrite=overwrite)
    print(f"wrote {out}: {len(found)} triggers, {found['event_id'].nunique()} events")
    names = found["network"] + "." + found["station"]
    for name, count in names.value_counts(sort=False).sort_index().items():
        print(f"  {name:<12} {count}")
    if windows and cut is not None:
        if windows.suffix.lower() == ".mseed":
            adapters.seismology.write_mseed(cut, windows, overwrite=overwrite)
        else:
            _write(cut, windows, overwrite)
        print(f"wrote {windows}: {cut.sizes['event']} windows of {before + after:g} s")


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


@app.command(sort_key=4)
def fit(
    train: Path,
    /,
    *,
    out: Path,
    encoder: Literal["small", "shots", "paper"] = "small",
    max_epochs: Count = 40,
    max_time: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    batch_size: Annotated[int, Parameter(validator=validators.Number(gte=2))] = 128,
    chunk_size: Count | None = None,
    loss: Literal["info_nce", "sigmoid"] = "info_nce",
    families_per_batch: Count | None = None,
    ema_decay: float | None = None,
    seed: int = 0,
    device: str | None = None,
    checkpoint: Path | None = None,
    resume: Flag = False,
    overwrite: Flag = False,
) -> None:
    """Train SeisBind on pairs of gathers and velocity models.

    A tenth of the pairs is held out; the epoch that does best on them is kept. A training that was
    stopped goes on with --resume, to the very weights that it would have reached.

        seisgeo fit train.zarr --out line.seisbind
        torchrun --nproc-per-node 8 --no-python seisgeo fit train.zarr --out line.seisbind

    Parameters
    ----------
    train
        Training set, as `seisgeo synth` writes it, or an OpenFWI folder.
    out
        Model file to write, for instance line.seisbind.
    encoder
        The encoders: "small", "shots" (reads any sources and receivers), "paper" (ResNet-18).
    max_epochs
        Passes over the training set at most; training stops early when it no longer helps.
    max_time
        Seconds of training at most; by default as long as it takes.
    batch_size
        Samples contrasted with each other, on all processes together.
    chunk_size
        Samples that an encoder sees at once; a large batch then fits into a small memory.
    loss
        InfoNCE, or SigLIP's sigmoid loss.
    families_per_batch
        Fill each batch from this many families only: harder to tell apart.
    ema_decay
        Keep the moving average of the weights with this decay, for instance 0.999.
    seed
        Of weights, split and batches.
    device
        cpu or cuda; by default CUDA where there is one.
    checkpoint
        Folder for the state and the curves (history.csv, TensorBoard); by default a hidden one
        beside the model, which goes when the model is whole.
    resume
        Go on with the training that was stopped, if there is one.
    overwrite
        Replace the file, and begin anew.
    """
    from seisgeo import SeisBind
    from seisgeo.devices import processes
    from seisgeo.files import remove

    _require_free(out, overwrite)
    _require_device(device)
    folder = checkpoint or out.with_name(f".{out.name}.training")
    if (folder / "checkpoint.safetensors").exists() and not resume:
        if not overwrite:
            raise OutputExistsError(
                f"{folder} holds a training that was stopped: go on with it by --resume, or begin "
                "anew by --overwrite"
            )
        remove(folder)
    model = SeisBind(
        encoder,
        max_epochs=max_epochs,
        max_time=max_time,
        batch_size=batch_size,
        chunk_size=chunk_size,
        loss=loss,
        families_per_batch=families_per_batch,
        ema_decay=ema_decay,
        device=device,
        random_state=seed,
    ).fit(_open_pairs(train), checkpoint=folder)
    if processes()[0] != 0:  # the first process writes for all
        return
    model.save(out, overwrite=overwrite)
    if checkpoint is None:
        remove(folder)
    best = min(model.history_, key=lambda row: row.get("val_loss", row["train_loss"]))
    recall = (
        f", validation recall at 1 {best['val_recall_1']:.3f}" if "val_recall_1" in best else ""
    )
    print(
        f"wrote {out}: epoch {int(best['epoch']) + 1} of {len(model.history_)} was best, "
        f"training loss {best['train_loss']:.3f}{recall}"
    )


@app.command(sort_key=5)
def embed(
    model: Path,
    data: Path,
    /,
    *,
    out: Path,
    modality: Literal["seismic", "velocity", "physics"] | None = None,
    overwrite: Flag = False,
) -> None:
    """Embed gathers, velocity models or descriptors: a vector of length one for each.

    Field gathers are first brought to the model's survey: offsets, sampling, band.

        seisgeo embed line.seisbind line.sgy --out line-embedding.nc

    Parameters
    ----------
    model
        Model file of `seisgeo fit`.
    data
        What to embed: a field SEG-Y, a training set, velocity models.
    out
        NAME.nc or NAME.zarr to write.
    modality
        What to embed, where the data hold several; by default the first of these that they hold.
    overwrite
        Replace the file.
    """
    import seisgeo

    _require_suffix(out, ".nc", ".zarr")
    _require_free(out, overwrite)
    embedding = seisgeo.load(model).transform(_open(data), modality)
    _write(embedding, out, overwrite)
    print(f"wrote {out}: {embedding.sizes['sample']} embeddings of {embedding.sizes['feature']}")


@app.command(sort_key=6)
def retrieve(
    model: Path,
    query: Path,
    gallery: Path,
    /,
    *,
    k: Neighbours = 5,
    out: Path | None = None,
    plot: Path | None = None,
    json: Json = False,
    overwrite: Flag = False,
) -> None:
    """Find the velocity models and attributes that explain each field shot.

    Prints for each shot the best models with their scores (cosine similarity, 1 at most), and
    each attribute's mean and standard deviation over them.

        seisgeo retrieve line.seisbind line.sgy train.zarr --out hits.nc

    Parameters
    ----------
    model
        Model file of `seisgeo fit`.
    query
        Field SEG-Y, or any gathers of the model's survey.
    gallery
        Known velocity models, for instance the training set.
    k
        Models for each shot.
    out
        NAME.nc or NAME.zarr for the hits: models, scores, attributes.
    plot
        Picture of the first shot's hits: NAME.png, .pdf, .svg or .jpg.
    json
        Print scores and attributes as JSON.
    overwrite
        Replace the files.
    """
    import seisgeo
    from seisgeo import plotting
    from seisgeo.files import whole_output

    for path, suffixes in ((out, (".nc", ".zarr")), (plot, (".png", ".pdf", ".svg", ".jpg"))):
        if path:
            _require_suffix(path, *suffixes)
            _require_free(path, overwrite)
    hits = seisgeo.load(model).retrieve(_open(query), _open(gallery), k=k)
    if out:
        _write(hits, out, overwrite)
    if plot:
        with whole_output(plot, overwrite=overwrite) as part:
            plotting.plot_hits(hits).savefig(part, format=plot.suffix[1:].lower(), dpi=150)
    rows = hit_rows(hits)
    _say(rows, json, hits_text(rows))


@app.command(sort_key=7)
def evaluate(
    model: Path,
    data: Path,
    /,
    *,
    limit: Annotated[int | None, Parameter(validator=validators.Number(gte=2))] = None,
    k: Neighbours = 5,
    json: Json = False,
) -> None:
    """Score a model on pairs that it has not seen.

    R@k is the share of samples whose true partner is among the k nearest; chance is that of a
    blind guess at 1. Descriptors are inferred as means over the nearest models.

        seisgeo evaluate line.seisbind test.zarr --limit 1000

    Parameters
    ----------
    model
        Model file of `seisgeo fit`.
    data
        Pairs of gathers and velocity models, not those it was trained on: another seed.
    limit
        Look at the first so many only; by default at all.
    k
        Neighbours averaged to infer descriptors; the true model is taken out of the gallery.
    json
        Print JSON instead of a table.
    """
    import seisgeo
    from seisgeo.evaluation import evaluate as score

    pairs = _open_pairs(data)
    result = score(seisgeo.load(model), pairs.isel(sample=slice(limit)), k=k)
    _say(result, json, evaluation_text(result))


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


def _open(path: Path) -> xr.Dataset:
    from seisgeo import adapters

    return adapters.open_cube(path)


def _open_pairs(path: Path) -> xr.Dataset:
    ds = _open(path)
    if not all(v in ds and "sample" in ds[v].dims for v in ("amplitude", "velocity")):
        found = ", ".join(f"{k} ({', '.join(map(str, v.dims))})" for k, v in ds.data_vars.items())
        raise FormatError(
            f"{path}: expected pairs of gathers, amplitude (sample, source, time, receiver), and "
            "models, velocity (sample, depth, x), as `seisgeo synth` writes them; found "
            f"{found or 'no variables'}"
        )
    if ds.sizes["sample"] < 2:
        raise FormatError(f"{path}: at least 2 pairs are needed, found {ds.sizes['sample']}")
    return ds


def _require_free(out: Path, overwrite: bool, *, resumable: bool = False) -> None:
    """Refuse early what cannot be written at the end, and to replace a folder of someone else's."""
    if not out.exists():
        return
    if overwrite and out.is_dir():
        if any(out.iterdir()) and not any((out / name).exists() for name in _OURS):
            raise OutputExistsError(
                f"{out} is a folder of other things: --overwrite does not replace it; choose "
                "another name, or remove it yourself"
            )
    elif not overwrite and not resumable:
        raise OutputExistsError(f"{out} already exists; choose another name or pass --overwrite")


def _require_suffix(out: Path, *suffixes: str) -> None:
    if out.suffix.lower() not in suffixes:
        raise ParameterError(f"{out}: expected a name that ends in {', '.join(suffixes)}")


def _require_device(device: str | None) -> None:
    if device is None:
        return
    import torch

    try:
        torch.zeros(1, device=device)
    except (AssertionError, RuntimeError) as error:  # torch has either
        raise ParameterError(
            f"--device {device} cannot be used here ({first_line(error)}); expected cpu, or cuda "
            "where there is a GPU"
        ) from error


def _write(ds: xr.Dataset, out: Path, overwrite: bool) -> None:
    from seisgeo import adapters

    (adapters.write_zarr if out.suffix.lower() == ".zarr" else adapters.write_netcdf)(
        ds, out, overwrite=overwrite
    )


def _write_segy_folder(pairs: xr.Dataset, folder: Path, *, overwrite: bool) -> None:
    from seisgeo import adapters
    from seisgeo.files import whole_output

    with whole_output(folder, overwrite=overwrite) as part:
        part.mkdir()
        for variable, name in (("amplitude", "gathers.sgy"), ("velocity", "velocity.sgy")):
            adapters.write_segy(pairs, part / name, variable=variable)


def _say(value: Any, as_json: bool, text: str) -> None:
    print(to_json(value) if as_json else text)


def _print_warning(message: Warning | str, *args: Any, **kwargs: Any) -> None:
    print(f"seisgeo: warning: {as_options(str(message))}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit.

    Parameters
    ----------
    arguments : list of str, optional
        What was typed after ``seisgeo``; by default the process's own.

    Raises
    ------
    SystemExit
        Always. The code is 0 when all went well, 1 when it did not, 2 for arguments that make no
        command, 130 when interrupted.
    """
    # Remarks on code, not on data, are for developers: those of numpy and others, and those of
    # Python about the workers that Ctrl-C has ended.
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker")
    for category in (FutureWarning, RuntimeWarning):
        warnings.simplefilter("ignore", category)
    warnings.showwarning = _print_warning
    try:
        app(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        print(f"seisgeo: error: {error}\nsee seisgeo COMMAND --help", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as interrupt:
        hint = f"; {interrupt}" if str(interrupt) else ""
        print(f"\nseisgeo: interrupted{hint}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `| head` has seen enough: what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("SEISGEO_TRACEBACK"):
            raise
        print(f"seisgeo: error: {explain(error)}", file=sys.stderr)
        sys.exit(1)
