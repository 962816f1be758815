"""The weights that come with the package: those of the SeisBind benchmark, with their model card.

    OMP_NUM_THREADS=1 python benchmarks/seisbind.py --data DIR --size medium --minutes 60 --cpu \\
        --set validation_fraction=0.05 --only ours
    python benchmarks/pretrain.py --data DIR --version 4

The first command simulates the pairs, trains, and asks the rows that docs show; this one takes the
model that its part `ours` used last, measures it on the same test pairs and writes the card. So
every figure of the card is of the file that lies beside it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pooch
import seisbind_data as data
from seisbind import OURS

HOME = Path(__file__).resolve().parents[1] / "seisgeo" / "pretrained"
LARGEST = 20e6  # bytes of a file that goes into the package
#: Settings that a budget makes, and those that are told in another way.
_BUDGET = ("max_epochs", "max_time", "patience", "random_state")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of benchmarks/seisbind.py")
    parser.add_argument("--size", choices=data.SIZES, default="medium", help="that it was run with")
    parser.add_argument("--name", default="openfwi-small")
    parser.add_argument("--version", default="1", help="of these weights")
    parser.add_argument("--device")
    parser.add_argument("--out", type=Path, default=HOME)
    return parser


def main() -> None:
    options = parser().parse_args()

    import seisgeo as sg
    from seisgeo.devices import hardware
    from seisgeo.evaluation import evaluate

    note = options.data / "models" / "ours.json"
    if not note.exists():
        raise SystemExit(f"{note}: train first, python benchmarks/seisbind.py --only ours")
    trained = json.loads(note.read_text(encoding="utf-8"))
    size = data.SIZES[options.size]
    if trained["data"]["train"] != size.train:
        raise SystemExit(
            f"{note}: trained on {trained['data']['train']} pairs of each family; --size "
            f"{options.size} has {size.train}"
        )
    source = note.parent / trained["file"]
    if source.stat().st_size > LARGEST:
        raise SystemExit(f"{source}: more than {LARGEST / 1e6:.0f} MB")
    model = sg.load(source).set_params(device=options.device)
    test = data.test_queries(options.data, size, options.device).load()
    result = evaluate(model, test)

    folder = options.out / options.name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / "model.seisbind")
    facts = {
        "name": options.name,
        "version": options.version,
        "size": options.size,
        "date": datetime.date.today().isoformat(),
        "seisgeo": sg.__version__,
        "hardware": hardware(model.device or "cpu"),
        "megabytes": round(source.stat().st_size / 1e6, 1),
        "training": trained,
        "evaluation": result,
    }
    (folder / "README.md").write_text(card(facts), encoding="utf-8")
    (folder / "facts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    about = f"OpenFWI's survey and ten families, encoder {trained['settings']['encoder']!r}"
    enter(options.out, options.name, options.version, about)
    print((folder / "README.md").read_text(encoding="utf-8"))


def command(facts: dict[str, Any]) -> str:
    """The command that trained the model: what is not a default."""
    import seisgeo as sg

    trained = facts["training"]
    settings, seed = trained["settings"], trained["settings"]["random_state"]
    defaults = sg.SeisBind(verbose=False).get_params() | OURS
    limit = settings["max_time"]
    parts = [f"--size {facts['size']}"]
    parts += [f"--minutes {limit / 60:g}"] if limit else [f"--epochs {settings['max_epochs']}"]
    parts += ["--cpu"] if trained.get("clock") == "cpu" else []
    parts += [f"--seed {seed}"] if seed else []
    parts += [
        f"--set {name}={value}"
        for name, value in settings.items()
        if name not in _BUDGET and value != defaults[name]
    ]
    return " ".join(["python benchmarks/seisbind.py --data DIR", *parts, "--only ours"])


def card(facts: dict[str, Any]) -> str:
    """The model card: what it was made of, how, and what was measured."""
    from seisgeo.console import evaluation_text

    trained, size = facts["training"], data.SIZES[facts["size"]]
    settings = trained["settings"]
    table = textwrap.indent(evaluation_text(facts["evaluation"]), "    ")
    held = round(settings["validation_fraction"] * trained["pairs"])
    text = f"""# {facts["name"]}, version {facts["version"]}

    model = sg.SeisBind.from_pretrained("{facts["name"]}")

Encoders `{settings["encoder"]}` of `seisgeo.SeisBind`, {facts["megabytes"]} MB, safetensors.
Licence: BSD-3-Clause, as seisgeo; no data of others went into it.

## Data

Simulated: OpenFWI's survey (5 shots, 70 receivers, 1 s at 1 ms, Ricker 15 Hz, 70 x 70 cells of
10 m) over velocity models of seisgeo's families {", ".join(data.FAMILIES)}, 1500 to 4500 m/s, with
the finite-difference scheme of OpenFWI's own data. These are models with the statistics of
OpenFWI's, not OpenFWI's models, which were not used. {trained["pairs"]} pairs, {data.PART} of each
family from each of the seeds {data.TRAIN_SEED} and up; {held} of them held out.

## Training

{trained["date"]}, seisgeo {facts["seisgeo"]}, {facts["hardware"]}:
{trained["cpu_seconds"] / 60:.0f} minutes of CPU time, all in all,
{trained["train_seconds"] / 60:.0f} of them of training, {trained["epochs"]} epochs, batches of
{settings["batch_size"]} pairs. Half of the gathers were augmented with noise, dead traces, gain
errors, and changes of phase, delay and spectrum; half of the pairs were mirrored; gathers were told
from near-twins of their models, too. Kept: the epoch of lowest loss on held-out pairs. On these,
probabilities and the intervals of descriptors are calibrated. Again, on one thread:

    {command(facts)}

## Measured

On {len(data.FAMILIES) * size.queries} pairs of another seed ({data.TEST_SEED}), {size.queries} of
each family; they are their own gallery. Descriptors by the 5 nearest others ("floor": the 5 best
there are) and by the head.

{table}

`facts.json` has all figures. `benchmarks/seisbind.py` asks harder questions.

## Limits

- It knows 700 m of depth, 15 Hz and flat, dry surfaces, in two dimensions, constant density,
  without shear waves. Field records lie outside of that: go on training on pairs simulated for
  their survey (`model.set_params(warm_start=True).fit(pairs)`).
- Gathers have to be of OpenFWI's survey{_any(settings["encoder"])}.
- Retrieval names models of a gallery; it inverts nothing. Probabilities hold for galleries and
  gathers like those it was calibrated on.
"""
    return "\n\n".join(_filled(part) for part in text.split("\n\n"))


def _filled(part: str) -> str:
    """A paragraph, its lines filled; headings, lists and what is indented stay."""
    if part.lstrip("\n").startswith(("#", "-", "    ")):
        return part
    return textwrap.fill(" ".join(part.split()), 100, break_on_hyphens=False)


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
