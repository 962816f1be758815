"""The weights that come with the package: trained, measured, and written with their model card.

    python benchmarks/pretrain.py --minutes 60 [--name openfwi-small] [--encoder small]

The training pairs of benchmarks/seisbind.py (--size medium): OpenFWI's survey and ten families,
simulated with its own scheme. Probabilities and intervals are fitted on pairs that were not trained
on; every figure of the card comes from pairs of another seed. A run that was
killed goes on where it was (--work). The same command, on the same machine, measures the same
figures within what the time limit lets vary; with --epochs instead of --minutes it is exact.
--model packs weights that were trained so before. With --physics-epochs the physics encoder goes
on learning, the other two stay.
"""

from __future__ import annotations

import argparse
import datetime
import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import seisbind_data as data
import xarray as xr

HOME = Path(__file__).resolve().parents[1] / "seisgeo" / "pretrained"
LARGEST = 20e6  # bytes of a file that goes into the package
#: Options that say where, not what; and those that tell of the pairs of a given model.
PLACES, GIVEN = ("device", "work", "out"), ("model", "pairs", "train_seed")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, help="of training; otherwise --epochs ends it")
    parser.add_argument("--epochs", type=int, default=10_000)
    parser.add_argument("--name", default="openfwi-small")
    parser.add_argument("--version", default="1", help="of these weights")
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device")
    parser.add_argument("--size", choices=data.SIZES, default="medium")
    parser.add_argument("--model", type=Path, help="a trained model to pack")
    parser.add_argument("--physics-epochs", type=int, help="more, of the physics encoder alone")
    parser.add_argument("--pairs", type=int, help="that --model was trained on")
    parser.add_argument("--train-seed", type=int, help="of those pairs")
    parser.add_argument("--calibration", type=int, default=2000, help="held-out pairs")
    parser.add_argument("--test", type=int, default=100, help="test pairs of each family")
    parser.add_argument("--work", type=Path, default=Path("out/pretrain"), help="to go on from")
    parser.add_argument("--out", type=Path, default=HOME)
    return parser


def main() -> None:
    options = parser().parse_args()
    given = [getattr(options, name) is not None for name in GIVEN]
    if any(given) and not all(given):
        parser().error("--model, --pairs and --train-seed go together")

    import torch

    import seisgeo as sg
    from seisgeo.devices import hardware
    from seisgeo.evaluation import evaluate

    stream = sg.synth.PairStream(
        data.FAMILIES, engine="openfwi", seed=data.TRAIN_SEED, device=options.device
    )
    if options.model is None or options.physics_epochs:
        pairs = data.training_pairs(options.work, data.SIZES[options.size], options.device)
    if options.model is not None:
        model = sg.load(options.model)
    else:
        model = sg.SeisBind(
            options.encoder,
            validation_fraction=0.05,
            max_time=options.minutes and 60 * options.minutes,
            max_epochs=options.epochs,
            patience=options.epochs,
            random_state=options.seed,
            device=options.device,
        ).fit(pairs, checkpoint=options.work / options.name)
    if options.physics_epochs:
        learn_physics(model, *embedded(model, pairs), options.physics_epochs)
    model.calibrate(stream.held_out(options.calibration))
    test = tested(options)
    result = evaluate(model, test)

    folder = options.out / options.name
    model.save(folder / "model.seisbind", overwrite=True)
    size = (folder / "model.seisbind").stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{folder}: {size / 1e6:.0f} MB, more than {LARGEST / 1e6:.0f} MB")
    facts = {
        "date": datetime.date.today().isoformat(),
        "seisgeo": sg.__version__,
        "hardware": hardware(stream.device),
        "device": stream.device,
        "threads": torch.get_num_threads(),
        "encoder": options.encoder,
        "megabytes": round(size / 1e6, 1),
        "seconds": round(model.history_[-1]["seconds"]),
        "epochs": len(model.history_),
        "pairs": options.pairs or pairs.sizes["sample"],
        "batch_size": model.batch_size,
        "intervals": f"half of the {options.calibration} further pairs",
        "options": {
            name: value.name if isinstance(value, Path) else value
            for name, value in vars(options).items()
            if name not in PLACES
        },
        "evaluation": result,
    }
    (folder / "README.md").write_text(card(facts), encoding="utf-8")
    (folder / "facts.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    about = f"OpenFWI's survey and ten families, encoder {options.encoder!r}"
    enter(options.out, options.name, options.version, about)
    print((folder / "README.md").read_text(encoding="utf-8"))


def embedded(model: Any, pairs: xr.Dataset) -> tuple[np.ndarray, ...]:
    """Embeddings of gathers and of models, mirror images after the rest, and their descriptors."""
    from seisgeo import descriptors

    turned = pairs.isel(source=slice(None, None, -1), receiver=slice(None, None, -1))
    turned["amplitude"] = pairs["amplitude"].copy(data=turned["amplitude"].data)
    turned["velocity"] = pairs["velocity"].copy(data=pairs["velocity"].data[:, :, ::-1])
    found = [
        np.concatenate(
            [model.transform(part, name)["embedding"].values for part in (pairs, turned)]
        )
        for name in ("seismic", "velocity")
    ]
    values = descriptors.compute(pairs[["velocity"]])["descriptor_value"].values
    return (*found, np.concatenate([values, values]))


def learn_physics(
    model: Any, seismic: np.ndarray, velocity: np.ndarray, physics: np.ndarray, epochs: int
) -> None:
    """Train a model's physics encoder against embeddings that stay, as `fit` does with all."""
    import torch

    from seisgeo.estimators.networks import near_copies_of, uncertain_physics
    from seisgeo.estimators.views import Views
    from seisgeo.training import TrainingPlan, train

    encoder = model.encoders_["physics"]
    still = {"seismic": torch.nn.Identity(), "velocity": torch.nn.Identity()}
    plan = TrainingPlan(
        pairs={("velocity", "physics"): model.physics_weight},
        max_epochs=epochs,
        batch_size=512,
        max_time=None,
        learning_rate=model.learning_rate,
        weight_decay=model.weight_decay,
        temperature=model.temperature,
        patience=epochs,
        device="cpu",
        seed=0,
        progress=True,
        ema_decay=model.ema_decay,
        copies={"physics": near_copies_of({"physics": encoder})["physics"]},
        uncertain=uncertain_physics(model),
    )
    rows = Views({"seismic": seismic, "velocity": velocity, "physics": physics})
    train(torch.nn.ModuleDict({**still, "physics": encoder}), rows, None, plan)


def tested(options: argparse.Namespace) -> xr.Dataset:
    """Pairs of another seed, simulated once."""
    from seisgeo.synth import generate

    return generate(
        data.FAMILIES,
        options.test,
        engine="openfwi",
        seed=data.TEST_SEED,
        out=options.work / f"test-{options.test}.zarr",
        device=options.device,
    ).load()


def command(options: argparse.Namespace) -> str:
    """The command that does the same from the start: the options that are not the defaults."""
    default = vars(parser().parse_args([]))
    given = [
        f"--{name.replace('_', '-')} {format(value, 'g') if isinstance(value, float) else value}"
        for name, value in vars(options).items()
        if name not in (*PLACES, *GIVEN) and value != default[name]
    ]
    return " ".join(["python benchmarks/pretrain.py", *given])


def card(facts: dict[str, Any]) -> str:
    """The model card: what it was made of, how, and what was measured."""
    from seisgeo.console import evaluation_text

    options = argparse.Namespace(**facts["options"])
    gallery = len(data.FAMILIES) * options.test
    table = textwrap.indent(evaluation_text(facts["evaluation"]), "    ")
    text = f"""# {options.name}, version {options.version}

    model = sg.SeisBind.from_pretrained("{options.name}")

Encoders `{facts["encoder"]}` of `seisgeo.SeisBind`, {facts["megabytes"]} MB, safetensors. Licence:
BSD-3-Clause, as seisgeo; no data of others went into it.

## Data

Simulated: OpenFWI's survey (5 shots, 70 receivers, 1 s at 1 ms, Ricker 15 Hz, 70 x 70 cells of
10 m) over velocity models of seisgeo's families {", ".join(data.FAMILIES)}, 1500 to 4500 m/s, with
the finite-difference scheme of OpenFWI's own data. These are models with the statistics of
OpenFWI's, not OpenFWI's models, which were not used. {_pairs(options, facts["pairs"])}

## Training

{facts["date"]}, seisgeo {facts["seisgeo"]}, {facts["seconds"] / 60:.0f} minutes on
{facts["hardware"]} (threads used: {facts["threads"]}): {facts["epochs"]} epochs, batches of
{facts["batch_size"]} pairs. Half of the gathers were augmented with noise, dead traces, gain
errors, and changes of phase, delay and spectrum; half of the pairs were mirrored. Kept: the epoch
of lowest loss on held-out pairs. {_alone(options)}
Probabilities are calibrated on {options.calibration} further pairs. The network that reads
descriptors learned from the training pairs, clean and noisy; its intervals are calibrated on
{facts["intervals"]}. {_again(options)}

    {command(options)}

## Measured

On {gallery} pairs of another seed ({data.TEST_SEED}), {options.test} of each family; they are
their own gallery. Descriptors by the 5 nearest others ("floor": the 5 best there are) and by the
head.

{table}

`facts.json` has all figures. `benchmarks/seisbind.py` asks harder questions.

## Limits

- It knows 700 m of depth, 15 Hz and flat, dry surfaces, in two dimensions, constant density,
  without shear waves. Field records lie outside of that: go on training on pairs simulated for
  their survey (`model.set_params(warm_start=True).fit(pairs)`).
- Gathers have to be of OpenFWI's survey{_any(facts["encoder"])}.
- Retrieval names models of a gallery; it inverts nothing. Probabilities hold for galleries and
  gathers like those it was calibrated on.
"""
    return "\n\n".join(_filled(part) for part in text.split("\n\n"))


def _filled(part: str) -> str:
    """A paragraph, its lines filled; headings, lists and what is indented stay."""
    if part.lstrip("\n").startswith(("#", "-", "    ")):
        return part
    return textwrap.fill(" ".join(part.split()), 100, break_on_hyphens=False)


def _pairs(options: argparse.Namespace, count: int) -> str:
    if options.model is None:
        return (
            f"{count} pairs, {data.PART} of each family from each of the seeds {data.TRAIN_SEED} "
            "and up, 5 % of them held out."
        )
    return f"{count} pairs of seed {options.train_seed} alone, 5 % of them held out."


def _again(options: argparse.Namespace) -> str:
    if options.model is None:
        return "Again:"
    return (
        "The pairs were drawn by an earlier program. The command repeats the recipe, not the very "
        f"pairs: those of today are {data.PART} of each family from each of the seeds "
        f"{data.TRAIN_SEED} and up:"
    )


def _alone(options: argparse.Namespace) -> str:
    if not options.physics_epochs:
        return ""
    return (
        f"The physics encoder then learned for {options.physics_epochs} more epochs, from "
        "descriptors of which some are uncertain or unknown, while the other two stayed. "
    )


def _any(encoder: str) -> str:
    from seisgeo.encoders import ENCODERS

    if not ENCODERS[encoder].shots:
        return ""
    return " in record length and sampling; sources and receivers may be others"


def enter(home: Path, name: str, version: str, description: str) -> None:
    """Put the model in ``home/name`` into the index of the models that come with the package."""
    from seisgeo.files import whole_output

    index, file = home / "index.json", home / name / "model.seisbind"
    known = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {}
    known[name] = {
        "estimator": "SeisBind",
        "file": file.relative_to(home).as_posix(),
        "sha256": pooch.file_hash(str(file), alg="sha256"),
        "version": version,
        "description": description,
    }
    with whole_output(index, overwrite=True) as part:
        part.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
