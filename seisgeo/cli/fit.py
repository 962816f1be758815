"""``seisgeo fit``: training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from seisgeo.cli.base import Count, Flag, app
from seisgeo.cli.inputs import open_pairs
from seisgeo.cli.outputs import require_device, require_free
from seisgeo.errors import OutputExistsError


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

    require_free(out, overwrite)
    require_device(device)
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
    ).fit(open_pairs(train), checkpoint=folder)
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
