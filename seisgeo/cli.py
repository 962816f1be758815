"""The command line: ``seisgeo COMMAND``, with COMMAND from info to demo."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter

from seisgeo._version import __version__
from seisgeo.errors import OutputExistsError, SeisgeoError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["app", "main"]

app = cyclopts.App(
    name="seisgeo",
    help="From field SEG-Y to the earth models that explain it.",
    version=__version__,
    help_format="plaintext",
)

Json = Annotated[bool, Parameter(name="--json", negative="")]
Overwrite = Annotated[bool, Parameter(negative="")]


@app.command
def info(file: Path, *, json: Json = False) -> None:
    """Say what is in a file, contradictions first.

    Parameters
    ----------
    file
        SEG-Y, OpenFWI .npy or folder, Zarr store, NetCDF, or a model that `seisgeo fit` saved.
    json
        Print JSON instead of text.
    """
    from seisgeo.summary import summarise

    summary = summarise(file)
    _say(summary, json, _info_text(summary))


@app.command
def convert(
    source: Path,
    target: Path,
    *,
    engine: str | None = None,
    layout: str | None = None,
    coordinate_scale: float | None = None,
    quantity: Literal["amplitude", "velocity"] | None = None,
    vertical: Literal["time", "depth"] | None = None,
    overwrite: Overwrite = False,
) -> None:
    """Convert between SEG-Y, OpenFWI, Zarr and NetCDF; the target's suffix decides.

    Parameters
    ----------
    source
        File or folder to read.
    target
        What to write: NAME.zarr, NAME.nc, NAME.sgy, or a folder for OpenFWI files.
    engine
        Reader to use instead of the one that recognises the file (seisgeo-segy, seisgeo-openfwi,
        zarr, h5netcdf).
    layout
        SEG-Y: how the traces are arranged, where it was guessed wrong.
    coordinate_scale
        SEG-Y: multiply coordinates with this, where their scalar is missing or wrong.
    quantity
        SEG-Y: what the samples are.
    vertical
        SEG-Y: what the sample axis is.
    overwrite
        Replace what stands under the target's name.
    """
    from seisgeo import adapters

    asked = {
        "layout": layout,
        "coordinate_scale": coordinate_scale,
        "quantity": quantity,
        "vertical": vertical,
    }
    options: dict[str, Any] = {k: v for k, v in asked.items() if v is not None}
    written = adapters.convert(source, target, engine=engine, overwrite=overwrite, **options)
    print(f"wrote {written}")


@app.command
def synth(
    *,
    families: str,
    n: Annotated[int, Parameter(name=["-n", "--n"])],
    out: Path,
    seed: int = 0,
    format: Literal["zarr", "npy", "segy"] = "zarr",
    survey: Path | None = None,
    workers: int | None = None,
    device: str | None = None,
    engine: Literal["deepwave"] = "deepwave",
    overwrite: Overwrite = False,
) -> None:
    """Generate velocity models and their gathers in bulk; the same call resumes a stopped run.

    Parameters
    ----------
    families
        Families of velocity models, separated by commas (flatvel-a, curvefault-b, style-a, ...),
        or "all".
    n
        Models of each family.
    out
        What to write: a Zarr store, a folder of OpenFWI files (npy), or a SEG-Y file.
    seed
        The same seed gives the same data, whatever the number of workers.
    format
        zarr, npy (OpenFWI) or segy.
    survey
        SEG-Y file (or any gathers) whose survey records the models; OpenFWI's by default.
    workers
        Processes on a CPU; by default one for each core.
    device
        cpu, cuda, ...; by default CUDA where there is one.
    engine
        What simulates the waves.
    overwrite
        Replace what stands under `out`.
    """
    from seisgeo import synth as synthesis

    if format != "zarr" and out.exists() and not overwrite:
        raise OutputExistsError(f"{out} already exists; choose another name or pass --overwrite")
    names = list(synthesis.FAMILIES) if families == "all" else families.split(",")
    chosen = synthesis.Survey.from_gathers(_open(survey)) if survey else None
    store = out if format == "zarr" else out.with_name(f"{out.name}.zarr")
    pairs = synthesis.generate(
        names,
        n,
        survey=chosen,
        out=store,
        seed=seed,
        workers=workers,
        device=device,
        overwrite=overwrite,
    )
    if format != "zarr":
        from seisgeo import adapters
        from seisgeo.files import remove

        write = adapters.write_openfwi if format == "npy" else adapters.write_segy
        write(pairs, out, overwrite=overwrite)
        remove(store)
    print(f"wrote {out}: {pairs.sizes['sample']} pairs of gathers and velocity models")


@app.command
def fit(
    train: Path,
    *,
    out: Path,
    encoder: Literal["small", "paper"] = "small",
    max_epochs: int = 40,
    max_time: float | None = None,
    batch_size: int = 128,
    seed: int = 0,
    device: str | None = None,
    overwrite: Overwrite = False,
) -> None:
    """Train SeisBind on pairs of gathers and velocity models.

    Parameters
    ----------
    train
        Training set, as `seisgeo synth` writes it, or an OpenFWI folder.
    out
        Model file to write, for instance line.seisbind.
    encoder
        Size of the encoders; "paper" is ResNet-18.
    max_epochs
        Passes over the training set at most; training stops early when it no longer helps.
    max_time
        Seconds of training at most.
    batch_size
        Samples contrasted with each other.
    seed
        Of weights, split and batches.
    device
        cpu, cuda, ...; by default CUDA where there is one.
    overwrite
        Replace the file.
    """
    from seisgeo import SeisBind

    model = SeisBind(
        encoder,
        max_epochs=max_epochs,
        max_time=max_time,
        batch_size=batch_size,
        device=device,
        random_state=seed,
    ).fit(_open(train))
    model.save(out, overwrite=overwrite)
    last = min(model.history_, key=lambda row: row.get("val_loss", row["train_loss"]))
    print(f"wrote {out}: best epoch {int(last['epoch']) + 1}, loss {last['train_loss']:.3f}")


@app.command
def embed(
    model: Path,
    data: Path,
    *,
    out: Path,
    modality: Literal["seismic", "velocity", "physics"] | None = None,
    overwrite: Overwrite = False,
) -> None:
    """Embed gathers, velocity models or descriptors.

    Parameters
    ----------
    model
        Model file of `seisgeo fit`.
    data
        What to embed: a field SEG-Y, a training set, velocity models.
    out
        NAME.nc or NAME.zarr to write.
    modality
        What to embed, where the data hold several.
    overwrite
        Replace the file.
    """
    import seisgeo

    embedding = seisgeo.load(model).transform(_open(data), modality)
    _write(embedding, out, overwrite)
    print(f"wrote {out}: {embedding.sizes['sample']} embeddings of {embedding.sizes['feature']}")


@app.command
def retrieve(
    model: Path,
    query: Path,
    gallery: Path,
    *,
    k: Annotated[int, Parameter(name=["-k", "--k"])] = 5,
    out: Path | None = None,
    plot: Path | None = None,
    json: Json = False,
    overwrite: Overwrite = False,
) -> None:
    """Find the velocity models and attributes that explain each field shot.

    Parameters
    ----------
    model
        Model file of `seisgeo fit`.
    query
        Field SEG-Y, or any gathers of the model's survey.
    gallery
        Known velocity models, for instance the training set.
    k
        Hits for each shot.
    out
        NAME.nc or NAME.zarr for the hits.
    plot
        Picture of the first shot's hits.
    json
        Print scores and attributes as JSON.
    overwrite
        Replace the files.
    """
    import seisgeo
    from seisgeo import plotting
    from seisgeo.files import whole_output

    hits = seisgeo.load(model).retrieve(_open(query), _open(gallery), k=k)
    if out:
        _write(hits, out, overwrite)
    if plot:
        with whole_output(plot, overwrite=overwrite) as part:
            plotting.plot_hits(hits).savefig(part, format=plot.suffix[1:] or "png", dpi=150)
    rows = _hit_rows(hits)
    _say(rows, json, "\n".join(_hit_line(row) for row in rows))


@app.command
def evaluate(
    model: Path, data: Path, *, limit: int | None = None, k: int = 5, json: Json = False
) -> None:
    """Score a model on pairs that it has not seen.

    Parameters
    ----------
    model
        Model file of `seisgeo fit`.
    data
        Pairs of gathers and velocity models, not those it was trained on.
    limit
        Look at the first so many only.
    k
        Neighbours averaged to infer descriptors; the true model is taken out of the gallery.
    json
        Print JSON instead of a table.
    """
    import seisgeo
    from seisgeo.evaluation import evaluate as score

    pairs = _open(data)
    result = score(seisgeo.load(model), pairs.isel(sample=slice(limit)), k=k)
    _say(result, json, evaluation_text(result))


@app.command
def demo(
    *,
    segy: Path | None = None,
    out: Path = Path("seisgeo-demo"),
    seed: int = 0,
    quick: bool = False,
) -> None:
    """Run the whole chain on a field record, and leave pictures, model, hits and a report.

    Parameters
    ----------
    segy
        Field SEG-Y of shot gathers; without it a field line of our own is made.
    out
        Folder for everything that is made.
    seed
        Of models, training and noise.
    quick
        A few dozen models and one minute: to see that everything runs, not to believe the hits.
    """
    from seisgeo.demo import run

    run(segy, out, seed=seed, quick=quick)


def _open(path: Path) -> xr.Dataset:
    import xarray as xr

    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    return xr.open_dataset(path)


def _write(ds: xr.Dataset, out: Path, overwrite: bool) -> None:
    from seisgeo import adapters

    (adapters.write_zarr if out.suffix == ".zarr" else adapters.write_netcdf)(
        ds, out, overwrite=overwrite
    )


def _say(value: Any, as_json: bool, text: str) -> None:
    print(json.dumps(value, indent=2, allow_nan=False) if as_json else text)


def _info_text(summary: dict[str, Any]) -> str:
    lines = []
    for finding in summary.get("findings", []):
        lines.append(f"! {finding}")
    for key, value in summary.items():
        if key in ("findings", "text_header"):
            continue
        lines.append(f"{key.replace('_', ' '):<18} {_plain(value)}")
    if summary.get("text_header"):
        lines += ["", "text header", summary["text_header"]]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " to ".join(map(_plain, value)) if len(value) == 2 else ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _hit_rows(hits: xr.Dataset) -> list[dict[str, Any]]:
    rows = []
    for q in range(hits.sizes["query"]):
        one = hits.isel(query=q)
        names = [str(n) for n in one["descriptor"].values] if "descriptor" in one.coords else []
        rows.append(
            {
                "query": q,
                **({"field_record": int(one["field_record"])} if "field_record" in one else {}),
                "gallery_index": [int(i) for i in one["gallery_index"].values],
                "score": [round(float(s), 4) for s in one["score"].values],
                "attributes": {
                    name: {
                        "mean": float(one["descriptor_mean"].values[i]),
                        "std": float(one["descriptor_std"].values[i]),
                        "units": str(one["units"].values[i]),
                    }
                    for i, name in enumerate(names)
                },
            }
        )
    return rows


def _hit_line(row: dict[str, Any]) -> str:
    name = (
        f"field record {row['field_record']}" if "field_record" in row else f"query {row['query']}"
    )
    models = ", ".join(
        f"{i} ({s:.2f})" for i, s in zip(row["gallery_index"], row["score"], strict=True)
    )
    lines = [f"{name}: models {models}"]
    for label, value in row["attributes"].items():
        lines.append(
            f"    {label:<28} {value['mean']:>9.4g} ± {value['std']:<8.3g} {value['units']}"
        )
    return "\n".join(lines)


def evaluation_text(result: dict[str, Any]) -> str:
    """Table of an evaluation, as :func:`seisgeo.evaluation.evaluate` gives it."""
    lines = [f"{'':<24}{'R@1':>8}{'R@5':>8}{'R@10':>8}{'chance':>8}{'median rank':>13}"]
    for name, s in result["retrieval"].items():
        lines.append(
            f"{name:<24}{s['recall_1']:>8.3f}{s['recall_5']:>8.3f}{s['recall_10']:>8.3f}"
            f"{s['chance_1']:>8.4f}{s['median_rank']:>13g}"
        )
    lines += ["", f"{'descriptor':<32}{'relative error':>15}{'over its IQR':>14}"]
    for name, e in result["descriptors"].items():
        relative = "-" if e["relative"] is None else f"{100 * e['relative']:.1f} %"
        spread = "-" if e["over_iqr"] is None else f"{e['over_iqr']:.2f}"
        lines.append(f"{name:<32}{relative:>15}{spread:>14}")
    return "\n".join(lines)


def _print_warning(message: Warning | str, *args: Any, **kwargs: Any) -> None:
    print(f"seisgeo: warning: {message}", file=sys.stderr)


def main() -> None:
    """Entry point: exit code 0 when all went well, 1 when it did not, 130 when interrupted."""
    warnings.showwarning = _print_warning
    try:
        app()
    except (SeisgeoError, ValueError, OSError) as error:
        print(f"seisgeo: error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("seisgeo: interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
