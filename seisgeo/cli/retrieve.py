"""``seisgeo embed``, ``retrieve`` and ``evaluate``: what a trained model is for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from seisgeo.cli.base import Flag, Json, Neighbours, app
from seisgeo.cli.inputs import open_cube, open_pairs
from seisgeo.cli.outputs import require_free, require_suffix, say, write_cube
from seisgeo.console import evaluation_text, hit_rows, hits_text


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

    require_suffix(out, ".nc", ".zarr")
    require_free(out, overwrite)
    embedding = seisgeo.load(model).transform(open_cube(data), modality)
    write_cube(embedding, out, overwrite)
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
            require_suffix(path, *suffixes)
            require_free(path, overwrite)
    hits = seisgeo.load(model).retrieve(open_cube(query), open_cube(gallery), k=k)
    if out:
        write_cube(hits, out, overwrite)
    if plot:
        with whole_output(plot, overwrite=overwrite) as part:
            plotting.plot_hits(hits).savefig(part, format=plot.suffix[1:].lower(), dpi=150)
    rows = hit_rows(hits)
    say(rows, json, hits_text(rows))


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

    pairs = open_pairs(data)
    result = score(seisgeo.load(model), pairs.isel(sample=slice(limit)), k=k)
    say(result, json, evaluation_text(result))
