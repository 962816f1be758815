"""SeisBind: the open protocol, in parts whose results are merged in one JSON.

    python benchmarks/seisbind.py --data DIR [--size small] [--minutes 60 | --epochs N]
    python benchmarks/seisbind.py --data DIR --only left-out,paper
    python benchmarks/seisbind.py --data DIR --ablations --seeds 3 --minutes 10
    python benchmarks/seisbind.py --table

OpenFWI's survey and ten families, simulated with its own scheme. Training pairs and test pairs come
from other seeds; a sample's random stream belongs to its seed, family and number, so none is
shared. docs/benchmark_seisbind.md says what the parts and rows mean. Simulated data, trained models
and embedded galleries are kept in --data and used again where their settings are the same: a run
that was stopped goes on. Training ends after --minutes, or after --epochs or minutes of CPU time
(--minutes 8 --cpu, with OMP_NUM_THREADS=1), which do not depend on how busy the machine is.

"tiny" shows within minutes that the command works; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import functools
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import seisbind_baselines as baselines
import seisbind_data as data
import seisbind_table as tables
from machine import RESULTS, kept_as
from seisbind_ablations import PAPER, ablations
from seisbind_finetune import curve
from seisbind_physics import asked_by_physics
from seisbind_rows import MEAN, Run, recall_row
from seisbind_training import Budget, Shelf, digest, read_once
from seisbind_unet import Inversion

LEFT_OUT = ("curvefault-b", "style-b")
MINUTES = 60.0
TINY_EPOCHS = 1
#: Our settings; what is not here is SeisBind's default.
OURS: dict[str, Any] = {"encoder": "small"}


class Bench:
    """Options of a run, and what its parts share: made when first asked for."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.folder = options, options.data
        self.size, self.device = data.SIZES[options.size], options.device
        self.budget = Budget(options.minutes, options.epochs, options.cpu)
        self.shelf = Shelf(self.folder / "models", self.device, old_code=options.old_code)
        self._run: Run | None = None
        self.ours = OURS | dict(options.set or ()) | {"random_state": options.seed}

    @functools.cached_property
    def train(self):
        return data.training_pairs(self.folder, self.size, self.device)

    @functools.cached_property
    def queries(self):
        return data.test_queries(self.folder, self.size, self.device)

    def trained(
        self,
        name: str,
        settings: dict[str, Any],
        masks: bool = True,
        without: tuple[str, ...] | None = None,
    ) -> Any:
        """A model trained on all families, or `without` some."""

        def pairs():
            if without is None:
                return self.train
            families = self.train["family"].values.astype(object)
            return self.train.isel(sample=np.flatnonzero(~np.isin(families, without)))

        named = {"train": self.size.train, "seed": data.TRAIN_SEED, "without": without}
        return self.shelf.model(name, pairs, named, settings, self.budget, masks=masks)

    def run_of(self, model: Any) -> Run:
        return Run(model, self.queries, self.size, self.folder / "embedded")

    @property
    def run(self) -> Run:
        """Our model's; every part that asks for it notes how it was trained."""
        if self._run is None:
            self._run = self.run_of(self.trained("ours", self.full))
            self._record = self.shelf.used["ours"]
            note = self.shelf.folder / "ours.json"  # for benchmarks/retrieval.py
            note.write_text(json.dumps(self._record, indent=1) + "\n")
        self.shelf.used["ours"] = self._record
        return self._run

    @property
    def full(self) -> dict[str, Any]:
        """All of our settings, defaults too."""
        import seisgeo as sg

        own = ("device", "max_epochs", "max_time", "patience", "chunk_size")
        defaults = sg.SeisBind(verbose=False).get_params()
        return {k: v for k, v in (defaults | self.ours).items() if k not in own}


Tables = dict[str, dict[str, Any]]


def ours(bench: Bench) -> Tables:
    """Mixed galleries, each family alone, all directions."""
    run = bench.run
    rows = {"mixed 1 000": run.mixed(), "mixed 10 000": run.among(bench.size.gallery)}
    alone = run.of_families(data.FAMILIES, bench.size.gallery)
    rows |= {f"{family} alone": row for family, row in alone.items()}
    return {
        "Ours, seismic → velocity": {"kind": "retrieval", "rows": rows},
        "Ours, all directions": {"kind": "retrieval", "rows": run.directions()},
    }


def large(bench: Bench) -> Tables:
    """A gallery of 100 000, and 10 000 of each family."""
    rows = {"mixed 100 000": bench.run.among(bench.size.large)}
    alone = bench.run.of_families(data.FAMILIES, bench.size.large)
    rows |= {f"{family} alone, 10 000": row for family, row in alone.items()}
    return {"Ours, large gallery": {"kind": "retrieval", "rows": rows}}


def twins(bench: Bench) -> Tables:
    """Models that differ by one layer or a small fault."""
    rows = {"near-twins": bench.run.twins()}
    return {"Ours, near-twins": {"kind": "retrieval", "rows": rows}}


def field(bench: Bench) -> Tables:
    """Field conditions."""
    rows = bench.run.field(bench.folder)
    return {"Ours, field conditions": {"kind": "retrieval", "rows": rows}}


def physics(bench: Bench) -> Tables:
    """Asked by descriptors, some of them uncertain or unknown."""
    rows = asked_by_physics(bench.run)
    return {"Ours, asked by physics": {"kind": "retrieval", "rows": rows}}


def descriptors(bench: Bench) -> Tables:
    """Errors of inferred descriptors."""
    made = {}
    for label, models in (("1 000", None), ("10 000", bench.size.gallery)):
        rows = bench.run.descriptors(models)
        rows = {f"{n}, {label}" if n == MEAN else n: row for n, row in rows.items()}
        title = f"Ours, descriptors, gallery of {label} without the true model"
        made[title] = {"kind": "descriptors", "rows": rows}
    title = "Ours, mean relative error of descriptors, gallery of 10 000"
    many = bench.size.gallery
    more = {
        f"{title}, by family": bench.run.descriptors_by_family(many),
        f"{title}, by what counts as zero": bench.run.near_zero(many),
    }
    return made | {title: {"kind": "numbers", "rows": rows} for title, rows in more.items()}


def trust(bench: Bench) -> Tables:
    """Stated probabilities."""
    rows = bench.run.trust()
    return {"Ours, probability of the best hit": {"kind": "numbers", "rows": rows}}


def speed(bench: Bench) -> Tables:
    """Samples embedded in a second."""
    return {"Ours, speed": {"kind": "numbers", "rows": {"ours": bench.run.speed()}}}


def left_out(bench: Bench) -> Tables:
    """Trained without two families, asked with each of them alone."""
    name = f"without {' and '.join(LEFT_OUT)}"
    run = bench.run_of(bench.trained(name, bench.full, without=LEFT_OUT))
    alone = run.of_families(LEFT_OUT, bench.size.gallery)
    rows = {f"{family} left out": row for family, row in alone.items()}
    return {"Ours, family never seen": {"kind": "retrieval", "rows": rows}}


def paper(bench: Bench) -> Tables:
    """The paper's design."""
    settings = bench.full | PAPER
    run = bench.run_of(bench.trained("paper's design", settings))
    rows = {
        "paper's design, 1 000": run.mixed(),
        "paper's design, 10 000": run.among(bench.size.gallery),
    }
    rows |= {f"paper's design, {name}": row for name, row in run.directions().items()}
    return {"The paper's design": {"kind": "retrieval", "rows": rows}}


def without_learning(bench: Bench) -> Tables:
    """Nearest gather, principal components."""
    rows = {}
    for name, kind in (
        ("nearest raw gather", baselines.NearestGather),
        ("principal components", baselines.PrincipalComponents),
    ):
        rows |= ranked(bench, name, kind(bench.train))
    return {"Baselines, seismic → velocity": {"kind": "retrieval", "rows": rows}}


def unet(bench: Bench) -> Tables:
    """A U-Net's velocity, matched to the gallery."""
    budget, seed = bench.budget, bench.options.seed
    named = {"train": bench.size.train, "seed": data.TRAIN_SEED, "weights": seed} | vars(budget)
    path = bench.shelf.folder / f"unet-{digest(named)}.safetensors"
    network = Inversion.kept(path, bench.train, budget, bench.device, seed)
    bench.shelf.used["U-Net"] = network.record
    rows = ranked(bench, "U-Net, L2", network)
    return {"U-Net, seismic → velocity": {"kind": "retrieval", "rows": rows}}


def ranked(bench: Bench, name: str, baseline: Any) -> dict[str, dict[str, Any]]:
    """Rows of a baseline that guesses models, galleries of 1 000 and 10 000."""
    size, queries = bench.size, bench.queries
    velocity = queries["velocity"].values
    some = Run.first_hundred(queries)
    others = data.drawn_models(size.queries, size.gallery)[0]
    asked = queries.isel(sample=some)
    few = baselines.rank(baseline, asked, velocity[some])
    rest = np.setdiff1d(np.arange(len(velocity)), some)
    gallery = np.concatenate([velocity[some], velocity[rest], others])
    many = baselines.rank(baseline, asked, gallery)
    return {
        f"{name}, 1 000": recall_row(few, len(some)),
        f"{name}, 10 000": recall_row(many, len(gallery)),
    }


def ablate(bench: Bench) -> Tables:
    """Each ingredient off, over seeds."""
    seeds = range(bench.options.seed, bench.options.seed + bench.options.seeds)
    bench.queries.load()
    with read_once():
        rows = ablations(bench.full, seeds, bench.trained, bench.run_of, bench.options.variant)
    return {"Ablations": {"kind": "ablations", "rows": rows}}


def finetune(bench: Bench) -> Tables:
    """A new survey, from scratch and from the general model."""
    rows = curve(
        bench.run.model,
        bench.full,
        bench.shelf,
        bench.folder,
        bench.options.size,
        bench.device,
    )
    return {"A new survey, by pairs learned from": {"kind": "retrieval", "rows": rows}}


PARTS: dict[str, Callable[[Bench], Tables]] = {
    "ours": ours,
    "large": large,
    "twins": twins,
    "field": field,
    "physics": physics,
    "descriptors": descriptors,
    "trust": trust,
    "speed": speed,
    "left-out": left_out,
    "paper": paper,
    "baselines": without_learning,
    "unet": unet,
    "finetune": finetune,
    "ablations": ablate,
}
#: What is asked for by name.
EXTRA = ("finetune", "ablations")


def hardware(device: str | None) -> str:
    """The GPU's name where the device is one, else the processor's."""
    import torch

    from seisgeo.devices import default_device, processor

    device = default_device(device)
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else processor()


def setting(text: str) -> tuple[str, Any]:
    """``name=value`` of --set."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of pairs, models and embeddings")
    parser.add_argument("--size", choices=data.SIZES, default="small")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=[name for name in PARTS if name not in EXTRA],
        help=f"parts, with commas: {', '.join(PARTS)}; by default all but {' and '.join(EXTRA)}",
    )
    parser.add_argument("--ablations", action="store_true", help="the same as --only ablations")
    parser.add_argument("--minutes", type=float, help=f"of each training; by default {MINUTES:g}")
    parser.add_argument("--epochs", type=int, help="of each training, instead of --minutes")
    parser.add_argument(
        "--cpu", action="store_true", help="--minutes are of CPU time, for one thread"
    )
    parser.add_argument(
        "--set",
        type=setting,
        action="append",
        metavar="NAME=VALUE",
        help="a parameter of our model, for instance encoder=shots; again for more",
    )
    parser.add_argument("--seeds", type=int, default=3, help="of each ablation")
    parser.add_argument(
        "--variant",
        action="append",
        metavar="NAME",
        help="an ablation, for instance 'no read-out'; again for more; by default all",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="cpu or cuda; by default CUDA where there is one")
    parser.add_argument(
        "--old-code", action="store_true", help="use kept models that other code has trained"
    )
    parser.add_argument("--out", type=Path, help="JSON file; by default in benchmarks/results")
    parser.add_argument(
        "--table", action="store_true", help="fill docs and README from the kept JSON, and stop"
    )
    options = parser.parse_args()
    if options.ablations:
        options.only = ["ablations"]
    unknown = [name for name in options.only if name not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if options.minutes is not None and options.epochs is not None:
        parser.error("a training ends after --minutes or after --epochs: give one of them")
    if options.epochs is None and options.minutes is None:
        tiny = options.size == "tiny"
        options.epochs, options.minutes = (TINY_EPOCHS, None) if tiny else (None, MINUTES)
    if options.data is None and not options.table:
        parser.error("--data: name a folder; it keeps gigabytes of pairs, and trained models")
    return options


def keep(out: Path, part: str, result: dict[str, Any], options: argparse.Namespace) -> None:
    """Merge the result of a part into the JSON, in the order of the parts."""
    from seisgeo.devices import default_device

    report: dict[str, Any] = {
        "size": {"name": options.size, **vars(data.SIZES[options.size])},
        "hardware": hardware(options.device),
        "device": default_device(options.device),
        "cores": os.cpu_count(),
        "parts": {},
    }
    if out.exists():
        report["parts"] = json.loads(out.read_text(encoding="utf-8"))["parts"]
    parts = report["parts"] | {part: result}
    report["parts"] = {name: parts[name] for name in PARTS if name in parts}
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(out)


def reports_in(folder: Path) -> list[dict[str, Any]]:
    """The reports that docs show, each with what benchmarks/retrieval.py found on its machine."""
    reports = []
    for file in sorted(folder.glob("seisbind-*.json")):
        report = json.loads(file.read_text(encoding="utf-8"))
        if report["size"]["name"] in tables.SHOWN_ONLY:
            continue
        beside = folder / f"retrieval-{kept_as(report['hardware'])}.json"
        if beside.exists():
            found = json.loads(beside.read_text(encoding="utf-8"))
            if found["settings"]["size"] == report["size"]["name"]:
                report["parts"]["retrieval"] = found
        reports.append(report)
    return reports


def main() -> None:
    import seisgeo as sg

    options = parse()
    if options.table:
        tables.write_pages(reports_in(RESULTS), RESULTS.parents[1])
        return
    out = (
        options.out or RESULTS / f"seisbind-{options.size}-{kept_as(hardware(options.device))}.json"
    )
    bench = Bench(options)
    for part in options.only:
        print(f"\n== {part}", flush=True)
        bench.shelf.used = {}
        wall, cpu = time.monotonic(), time.process_time()
        made = PARTS[part](bench)
        result = {
            "date": datetime.date.today().isoformat(),
            "seisgeo": sg.__version__,
            "settings": {**vars(bench.budget), "seed": options.seed, "ours": bench.full},
            "models": bench.shelf.used,
            "wall_seconds": time.monotonic() - wall,
            "cpu_seconds": time.process_time() - cpu,
            "tables": made,
        }
        keep(out, part, result, options)
        for title, table in made.items():
            tables.show(title, table)
    report = json.loads(out.read_text(encoding="utf-8"))
    print(f"\nGoals\n{tables.text(tables.goals_table(report))}")
    print(f"\nTraining\n{tables.text(tables.training_table(report))}\n\nkept as {out}")


if __name__ == "__main__":
    main()
