"""``seisgeo fit``: training."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter, validators

from seisgeo.cli.base import Count, Flag, Split, app
from seisgeo.cli.inputs import load_model, open_pairs, open_records
from seisgeo.cli.outputs import require_device, require_free
from seisgeo.errors import DataWarning, OutputExistsError, ParameterError

if TYPE_CHECKING:
    import xarray as xr

SEISBIND = cyclopts.Group("SeisBind", sort_key=10)
EVENTS = cyclopts.Group("Models of seismograms", sort_key=11)

_HEADS = ("classifier", "locator", "mechanism")
_DOMAINS = ("erm", "group-dro", "lacim")
#: Options that not every model has, and those that have them.
_OWNERS = {
    "encoder": ("seisbind", "seisclip", *_HEADS),
    "max_time": ("seisbind", "seisclip", "simclr"),
    "chunk_size": ("seisbind",),
    "loss": ("seisbind",),
    "families_per_batch": ("seisbind",),
    "ema_decay": ("seisbind",),
    "stretch": ("seisbind",),
    "start": ("seisbind",),
    "seismic_only": ("seisbind",),
    "window": ("seisclip", *_HEADS),
    "view": ("simclr",),
    "copies": ("simclr",),
    "features": _HEADS,
    "fine_tune": _HEADS,
    "label": ("classifier", *_DOMAINS),
    "domain": _DOMAINS,
    "split": ("seisclip", "simclr", *_HEADS, *_DOMAINS),
}


#: Labels without which a record teaches nothing; a locator makes use of any one.
_LABELS = {"classifier": ("source_type",), "mechanism": ("strike", "dip", "rake")}
_LABELS |= dict.fromkeys(_DOMAINS, ("source_type", "region"))


@app.command(sort_key=4)
def fit(
    train: Path,
    /,
    *,
    out: Path,
    model: Literal[
        "seisbind",
        "seisclip",
        "simclr",
        "classifier",
        "locator",
        "mechanism",
        "erm",
        "group-dro",
        "lacim",
    ] = "seisbind",
    encoder: Literal["small", "shots", "paper"] | None = None,
    max_epochs: Count | None = None,
    max_time: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
    batch_size: Annotated[int | None, Parameter(validator=validators.Number(gte=2))] = None,
    seed: int = 0,
    device: str | None = None,
    overwrite: Flag = False,
    checkpoint: Path | None = None,
    resume: Flag = False,
    loss: Annotated[Literal["info_nce", "sigmoid"] | None, Parameter(group=SEISBIND)] = None,
    chunk_size: Annotated[Count | None, Parameter(group=SEISBIND)] = None,
    families_per_batch: Annotated[Count | None, Parameter(group=SEISBIND)] = None,
    ema_decay: Annotated[float | None, Parameter(group=SEISBIND)] = None,
    stretch: Annotated[float | None, Parameter(group=SEISBIND)] = None,
    start: Annotated[Path | None, Parameter(group=SEISBIND)] = None,
    seismic_only: Annotated[Flag, Parameter(group=SEISBIND)] = False,
    window: Annotated[Count | None, Parameter(group=EVENTS)] = None,
    view: Annotated[Literal["spectrum", "waveform"] | None, Parameter(group=EVENTS)] = None,
    copies: Annotated[Literal["record", "event"] | None, Parameter(group=EVENTS)] = None,
    features: Annotated[Path | None, Parameter(group=EVENTS)] = None,
    fine_tune: Annotated[Flag, Parameter(group=EVENTS)] = False,
    label: Annotated[str | None, Parameter(group=EVENTS)] = None,
    domain: Annotated[str | None, Parameter(group=EVENTS)] = None,
    split: Annotated[Split, Parameter(group=EVENTS)] = None,
) -> None:
    """Train a model: SeisBind on gathers and velocity models, the others on seismograms.

    A tenth of the data is held out; the epoch that does best on them is kept. A training that was
    stopped goes on with --resume, to the very weights that it would have reached.

        seisgeo fit train.zarr --out line.seisbind
        torchrun --nproc-per-node 8 --no-python seisgeo fit train.zarr --out line.seisbind
        seisgeo fit line.zarr --start openfwi-small --out line.seisbind
        seisgeo fit icequakes.zarr --model simclr --out ice.simclr
        seisgeo fit stead.hdf5 --model seisclip --out local.seisclip
        seisgeo fit ethz/ --split train --model seisclip --out ethz.seisclip
        seisgeo fit labelled.zarr --model classifier --features local.seisclip --out kinds.model
        seisgeo fit labelled.zarr --model lacim --domain network --out travels.model

    Parameters
    ----------
    train
        Training set: of `seisgeo synth` or an OpenFWI folder for SeisBind; else seismograms, of
        `seisgeo detect --windows`, `seisgeo synth-events`, STEAD, SeisBench, ...
    out
        Model file to write, for instance line.seisbind.
    model
        What to train. seisbind: gathers, velocity models and descriptors in one space. seisclip:
        seismograms and what a catalogue knows of them. simclr: seismograms without labels, to
        cluster. On features of SeisCLIP: classifier (of source_type), locator (latitude,
        longitude, depth, magnitude), mechanism (strike, dip, rake). For labels that are wanted in
        a domain never seen: erm (the ordinary classifier), group-dro, lacim.
    encoder
        The encoders: "small", by default; "paper", as published; of SeisBind also "shots", which
        reads any sources and receivers.
    max_epochs
        Passes over the training set at most, by default 20 (simclr), 40 (seisbind), 60 (erm,
        group-dro, lacim) or 200; training stops early when it no longer helps, but for simclr.
    max_time
        Seconds of training at most; by default as long as it takes.
    batch_size
        Samples contrasted with each other, on all processes together; by default 128 (seisbind),
        64 (simclr) or 192 (seisclip). Of the others, events of a step: 16 (classifier, locator,
        mechanism) or 128.
    seed
        Of weights, split and batches.
    device
        cpu or cuda; by default CUDA where there is one.
    overwrite
        Replace the file, and begin anew.
    checkpoint
        Folder for the state and the curves (history.csv); by default a hidden one beside the
        model, which goes when the model is whole.
    resume
        Go on with the training that was stopped, if there is one.
    loss
        InfoNCE, by default, or SigLIP's sigmoid loss.
    chunk_size
        Samples that an encoder sees at once; a large batch then fits into a small memory.
    families_per_batch
        Fill each batch from this many families only: harder to tell apart.
    ema_decay
        Keep the moving average of the weights with this decay, by default 0.999.
    stretch
        Train on models up to this share faster or slower, too, and gathers as much shorter or
        longer, by default 0; 0.15 pays for some hundred pairs.
    start
        Model to go on from, with its own settings but for the length of training: a file, or the
        name of one that comes with seisgeo, for instance openfwi-small. Weights that fit the
        training set are kept.
    seismic_only
        Of the model that --start names, train only the encoder of gathers: for a few hundred pairs
        of another survey.
    window
        Samples of the windows of SeisCLIP's spectra, by default 100.
    view
        What SimCLR sees: log spectrograms, by default, or the waveforms.
    copies
        Whose copies SimCLR is to know as one: those of a record, by default, or those of an event
        that several stations recorded (of `seisgeo detect --moveout`).
    features
        SeisCLIP model on whose features a classifier, locator or mechanism is trained; without it
        the whole network is trained from scratch.
    fine_tune
        Train that model's network along with it, at a tenth of the rate; the file stays as it is.
    label
        Column of the training set that holds the labels, by default source_type.
    domain
        Column that says which domain a record belongs to (region, network, station, ...), by
        default region. It is needed to train, not to predict.
    split
        Records of this split alone, of a data set in SeisBench's format; by default all.
    """
    from seisgeo.devices import processes
    from seisgeo.files import remove

    options: dict[str, Any] = {
        name: value
        for name, value in {
            "encoder": encoder,
            "max_time": max_time,
            "loss": loss,
            "chunk_size": chunk_size,
            "families_per_batch": families_per_batch,
            "ema_decay": ema_decay,
            "stretch": stretch,
            "start": start,
            "seismic_only": seismic_only or None,
            "window": window,
            "view": view,
            "copies": copies,
            "features": features,
            "fine_tune": fine_tune or None,
            "label": label,
            "domain": domain,
            "split": split,
        }.items()
        if value is not None
    }
    _require_own(model, options)
    _require_free_of_a_run(out, checkpoint, overwrite=overwrite, resume=resume)
    require_device(device)
    common = {"max_epochs": max_epochs, "batch_size": batch_size, "device": device}
    options |= {name: value for name, value in common.items() if value is not None}
    options["random_state"] = seed
    folder = _run_of(out, checkpoint)
    if model == "seisbind":
        fitted = _seisbind(options).fit(open_pairs(train), checkpoint=folder)
    else:
        if processes()[2] > 1:
            raise ParameterError(
                f"--model {model} trains in one process: start it without torchrun"
            )
        records = _named(open_records(train, options.pop("split", None)), options, train)
        records = _labelled(records, model)
        fitted = _events_model(model, options).fit(records, checkpoint=folder)
    if processes()[0] != 0:  # the first process writes for all
        return
    fitted.save(out, overwrite=overwrite)
    if checkpoint is None:
        remove(folder)
    _say_written(out, fitted)


def _require_own(model: str, options: dict[str, Any]) -> None:
    """Refuse options of other models, and those that contradict each other."""
    for name in options:
        owners = _OWNERS[name]
        if model not in owners:
            raise cyclopts.CycloptsError(
                msg=f"{_option(name)} is an option of --model {', '.join(owners)}; this is "
                f"--model {model}."
            )
    if "start" in options and "encoder" in options:
        raise cyclopts.CycloptsError(
            msg="--encoder is that of the model that --start names: leave it out."
        )
    if "seismic_only" in options and "start" not in options:
        raise cyclopts.CycloptsError(
            msg="--seismic-only needs --start: from nothing, all encoders have to be trained."
        )
    if "features" in options:
        for name in ("encoder", "window"):
            if name in options:
                raise cyclopts.CycloptsError(
                    msg=f"{_option(name)} is that of the model that --features names: leave it out."
                )
    elif "fine_tune" in options:
        raise cyclopts.CycloptsError(
            msg="--fine-tune needs --features: without it everything is trained anyway."
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _run_of(out: Path, checkpoint: Path | None) -> Path:
    return checkpoint or out.with_name(f".{out.name}.training")


def _require_free_of_a_run(
    out: Path, checkpoint: Path | None, *, overwrite: bool, resume: bool
) -> None:
    from seisgeo.files import remove

    require_free(out, overwrite)
    folder = _run_of(out, checkpoint)
    if (folder / "checkpoint.safetensors").exists() and not resume:
        if not overwrite:
            raise OutputExistsError(
                f"{folder} holds a training that was stopped: go on with it by --resume, or begin "
                "anew by --overwrite"
            )
        remove(folder)


def _seisbind(options: dict[str, Any]) -> Any:
    """The SeisBind that was asked for, to be fitted."""
    from seisgeo import SeisBind

    seismic_only = options.pop("seismic_only", False)
    if not (start := options.pop("start", None)):
        return SeisBind(**options)
    model = load_model(start, "SeisBind")
    # How long it was trained then is no rule for what it goes on with now.
    usual = SeisBind().get_params()
    lengths = {name: usual[name] for name in ("max_epochs", "max_time", "patience")}
    start_with = "seismic" if seismic_only else True
    return model.set_params(warm_start=start_with, **{**lengths, **options})


def _named(records: xr.Dataset, options: dict[str, Any], train: Path) -> xr.Dataset:
    """The records with the columns that were named under the names that models read."""
    for option, name in (("label", "source_type"), ("domain", "region")):
        column = options.pop(option, name)
        if column == name:
            continue
        columns = [str(n) for n, v in records.variables.items() if v.dims == ("event",)]
        if column not in columns:
            raise ParameterError(
                f"{train}: {_option(option)} {column}: no such column; there are "
                f"{', '.join(sorted(columns)) or 'none'}"
            )
        records = records.assign_coords({name: records[column].variable})
    return records


def _labelled(records: xr.Dataset, model: str) -> xr.Dataset:
    """The records whose labels the model needs are known."""
    import numpy as np

    known = np.ones(records.sizes["event"], dtype=bool)
    for name in (n for n in _LABELS.get(model, ()) if n in records.variables):
        values = records[name].values.tolist()
        known &= [v is not None and v == v and str(v) != "" for v in values]
    if known.all() or not known.any():  # none at all: the model says what it expects
        return records
    warnings.warn(
        f"{int((~known).sum())} of {len(known)} records left out: their "
        f"{', '.join(_LABELS[model])} is not known",
        DataWarning,
        stacklevel=2,
    )
    return records.isel(event=known)


def _events_model(model: str, options: dict[str, Any]) -> Any:
    """The estimator of seismograms that was asked for, not fitted."""
    import seisgeo

    if model == "simclr":
        return seisgeo.SeisSimCLR(**options)
    if model == "seisclip":
        return seisgeo.SeisCLIP(**options)
    if model == "lacim":
        return seisgeo.LaCIMClassifier(**options)
    if model in _DOMAINS:
        return seisgeo.DomainClassifier(model.replace("-", "_"), **options)
    head = {
        "classifier": seisgeo.EventClassifier,
        "locator": seisgeo.EventLocator,
        "mechanism": seisgeo.MechanismRegressor,
    }[model]
    features = options.pop("features", None)
    size = {name: options.pop(name) for name in ("encoder", "window") if name in options}
    encoder = seisgeo.SeisCLIP(**size) if features is None else load_model(features, "SeisCLIP")
    return head(encoder, **options)


def _say_written(out: Path, fitted: Any) -> None:
    history = fitted.history_
    judged = [row for row in history if "val_loss" in row]
    if not judged:  # nothing was held out: the last epoch is kept
        epochs = f"{len(history)} epoch{'s' if len(history) > 1 else ''}"
        print(f"wrote {out}: {epochs}, training loss {history[-1]['train_loss']:.3f}")
        return
    best = min(judged, key=lambda row: row["val_loss"])
    recall = (
        f", validation recall at 1 {best['val_recall_1']:.3f}" if "val_recall_1" in best else ""
    )
    print(
        f"wrote {out}: epoch {int(best['epoch']) + 1} of {len(history)} was best, "
        f"training loss {best['train_loss']:.3f}{recall}"
    )
