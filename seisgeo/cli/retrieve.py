"""``seisgeo embed``, ``retrieve`` and ``evaluate``: what a trained model is for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter, validators

from seisgeo.cli.base import Flag, Json, Neighbours, Split, app
from seisgeo.cli.conditions import as_conditions
from seisgeo.cli.inputs import load_model, open_cube, open_pairs, open_records
from seisgeo.cli.outputs import (
    PICTURES,
    require_free,
    require_suffix,
    say,
    write_cube,
    write_picture,
)
from seisgeo.console import (
    evaluation_text,
    event_hit_rows,
    event_hits_text,
    hit_rows,
    hits_text,
)
from seisgeo.errors import ParameterError

if TYPE_CHECKING:
    import xarray as xr

    from seisgeo.retrieval import Gallery

#: Suffix of galleries.
GALLERY = ".gallery"

IndexKind = Annotated[Literal["exact", "faiss"] | None, Parameter(name="--index")]
KeptIndexKind = Annotated[Literal["exact", "faiss", "pgvector"] | None, Parameter(name="--index")]


@app.command(sort_key=5)
def embed(
    model: Path,
    data: Path,
    /,
    *,
    out: Path,
    modality: Literal["seismic", "velocity", "physics", "waveforms", "information"] | None = None,
    index: KeptIndexKind = None,
    location: str | None = None,
    overwrite: Flag = False,
) -> None:
    """Embed gathers, velocity models, descriptors or seismograms: a vector of length one for each.

    Field gathers are first brought to the model's survey: offsets, sampling, band.

        seisgeo embed line.seisbind line.sgy --out line-embedding.nc
        seisgeo embed line.seisbind train.zarr --out train.gallery --index faiss
        seisgeo embed ice.simclr icequakes.zarr --out icequakes.nc

    Parameters
    ----------
    model
        Model file of `seisgeo fit`: seisbind, seisclip or simclr.
    data
        What to embed: a field SEG-Y, a training set, velocity models, seismograms.
    out
        NAME.nc or NAME.zarr for the embeddings; NAME.gallery for a gallery of velocity models with
        their embeddings, which `seisgeo retrieve` searches without making it again.
    modality
        What to embed, where the data hold several; by default the first of these that they hold,
        for a gallery velocity. Of SeisCLIP information is what a catalogue knows of the events.
    index
        What searches in a gallery: exact, by default, faiss, for millions, or pgvector, a table of
        a PostgreSQL database.
    location
        That database, postgresql://user@host/database or service=NAME; by default what PGHOST,
        PGDATABASE and so on say. The password is read from PGPASSWORD or ~/.pgpass.
    overwrite
        Replace the file.
    """
    require_suffix(out, ".nc", ".zarr", GALLERY)
    require_free(out, overwrite)
    if out.suffix.lower() == GALLERY:
        if location is not None and index != "pgvector":
            raise ParameterError("--location is of a database: name --index pgvector too")
        samples = open_cube(data)
        options = {} if location is None else {"location": location}
        gallery = load_model(model, "SeisBind").make_gallery(
            samples, modality or "velocity", index=index or "exact", **options
        )
        gallery.save(out, overwrite=overwrite)
        print(f"wrote {out}: a gallery of {len(gallery)} samples")
        return
    for option, value in (("--index", index), ("--location", location)):
        if value is not None:
            raise ParameterError(
                f"{option} is of a gallery: {out} would be embeddings; name {GALLERY}"
            )
    estimator = load_model(model, "SeisBind", "SeisCLIP", "SeisSimCLR")
    if type(estimator).__name__ == "SeisSimCLR":
        if modality not in (None, "waveforms"):
            raise ParameterError(f"{model}: SeisSimCLR embeds waveforms, not {modality}")
        embedding = estimator.transform(open_records(data))
    else:
        embedding = estimator.transform(open_cube(data), modality)
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
    where: list[str] | None = None,
    index: IndexKind = None,
    modality: Literal["seismic", "velocity", "physics", "waveforms", "information"] | None = None,
    out: Path | None = None,
    plot: Path | None = None,
    json: Json = False,
    overwrite: Flag = False,
) -> None:
    r"""Find the velocity models and attributes that explain each field shot.

    Prints for each shot the best models with their scores (cosine similarity, 1 at most), and
    each attribute's mean and standard deviation over them. With a SeisCLIP model: the catalogue
    entries that fit each seismogram, or with --modality information the seismograms that fit each
    entry.

        seisgeo retrieve line.seisbind line.sgy train.zarr --out hits.nc
        seisgeo retrieve line.seisbind line.sgy train.gallery \
            --where family=curvefault-a,curvefault-b --where interface_depth=200:600

    Parameters
    ----------
    model
        Model file of `seisgeo fit`: seisbind or seisclip.
    query
        Field SEG-Y, or any gathers of the model's survey; seismograms for SeisCLIP.
    gallery
        Known velocity models, for instance the training set, or a gallery of `seisgeo embed`;
        known events for SeisCLIP.
    k
        Models for each shot.
    where
        Which of the gallery may be found: NAME=VALUE, NAME=VALUE,VALUE or NAME=LOW:HIGH of any
        coordinate or descriptor; may be given several times, and all must hold.
    index
        What searches: exact, by default, or faiss, for millions; a saved gallery has its own.
    modality
        What the queries are, where they hold several; by default the first of these that they hold.
    out
        NAME.nc or NAME.zarr for the hits: models, scores, attributes.
    plot
        Picture of the first shot's hits: NAME.png, .pdf, .svg or .jpg.
    json
        Print scores and attributes as JSON.
    overwrite
        Replace the files.
    """
    from seisgeo import plotting

    for path, suffixes in ((out, (".nc", ".zarr")), (plot, PICTURES)):
        if path:
            require_suffix(path, *suffixes)
            require_free(path, overwrite)
    estimator = load_model(model, "SeisBind", "SeisCLIP")
    if type(estimator).__name__ == "SeisCLIP":
        for option, value in (("--index", index), ("--plot", plot)):
            if value is not None:
                raise ParameterError(f"{option} is of SeisBind's hits; {model} is a SeisCLIP model")
        hits = _event_hits(estimator, query, gallery, k, where or [], modality)
        rows = event_hit_rows(hits)
        text = event_hits_text(rows)
    else:
        queries = open_cube(query)
        space = _gallery(estimator, gallery, index)
        conditions = as_conditions(where or [], space.labels)
        hits = estimator.retrieve(queries, space, k=k, modality=modality, where=conditions)
        rows = hit_rows(hits)
        text = hits_text(rows)
    if out:
        write_cube(hits, out, overwrite)
    if plot:
        write_picture(plotting.plot_hits(hits), plot, overwrite)
    say(rows, json, text)


def _gallery(estimator: Any, path: Path, index: str | None) -> Gallery:
    """A saved gallery, or one made of samples."""
    from seisgeo.retrieval import Gallery
    from seisgeo.retrieval.stored import is_gallery

    if not is_gallery(path) and path.suffix.lower() != GALLERY:
        return estimator.make_gallery(open_cube(path), index=index or "exact")
    space = Gallery.load(path)
    if index not in (None, space.kind):
        raise ParameterError(
            f"--index {index}: {path} was saved with the index {space.kind}; make another by "
            f"`seisgeo embed MODEL DATA --out NAME{GALLERY} --index {index}`"
        )
    return space


def _event_hits(
    estimator: Any, query: Path, gallery: Path, k: int, where: list[str], modality: str | None
) -> xr.Dataset:
    from seisgeo.retrieval import label_table

    known = open_cube(gallery)
    labels = label_table(known.rename(event="sample")) if "event" in known.dims else None
    conditions = as_conditions(where, labels) if labels is not None else None
    return estimator.retrieve(
        open_cube(query), known, k=k, modality=modality or "waveforms", where=conditions
    )


@app.command(sort_key=7)
def evaluate(
    model: Path,
    data: Path,
    /,
    *,
    limit: Annotated[int | None, Parameter(validator=validators.Number(gte=2))] = None,
    k: Neighbours = 5,
    split: Split = None,
    json: Json = False,
) -> None:
    """Score a model on data that it has not seen.

    R@k is the share of samples whose true partner is among the k nearest; chance is that of a
    blind guess at 1. Descriptors are inferred as means over the nearest models. Of a classifier
    the accuracy is given, of a locator the coefficient of determination, of mechanisms the mean
    Kagan angle to the true ones, of SimCLR the share of records that find their changed copies.

        seisgeo evaluate line.seisbind test.zarr --limit 1000

    Parameters
    ----------
    model
        Model file of `seisgeo fit`.
    data
        Pairs of gathers and velocity models, or labelled seismograms; not those it was trained on:
        another seed.
    limit
        Look at the first so many only; by default at all.
    k
        Neighbours averaged to infer descriptors; the true model is taken out of the gallery.
    split
        Records of this split alone, of a data set in SeisBench's format; by default all.
    json
        Print JSON instead of a table.
    """
    from seisgeo import evaluation

    estimator = load_model(model)
    if type(estimator).__name__ == "SeisBind":
        if split is not None:
            raise ParameterError("--split is for models of seismograms; this is SeisBind")
        result = evaluation.evaluate(estimator, open_pairs(data).isel(sample=slice(limit)), k=k)
    else:
        records = open_records(data, split).isel(event=slice(limit))
        result = evaluation.evaluate_events(estimator, records)
    say(result, json, evaluation_text(result))
