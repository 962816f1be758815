"""Labels in a domain never seen: LaCIM against the ordinary classifier and group DRO.

    python benchmarks/seismology.py --only lacim [--part truth digits events] [--seeds 5]

Three questions, a table each; docs/labels_that_travel.md says what the rows mean. All data
are made or come with scikit-learn. No method sees a test sample before the end, and none is chosen
by it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

REGIONS = ("plate-boundary", "craton", "subduction", "volcano")
#: Of each setting of the digits: how often colour and class agree in the two training domains, and
#: the share of wrong labels. The first two are LaCIM's, the third that of invariant risk
#: minimisation (Arjovsky et al. 2019, arXiv:1907.02893).
DIGITS = {
    "digits, colour .9 and .8": ((0.9, 0.8), 0.0),
    "digits, colour .99 and .95": ((0.99, 0.95), 0.0),
    "digits, colour .9 and .8, a quarter of labels wrong": ((0.9, 0.8), 0.25),
}
#: Agreement in the unseen domain.
UNSEEN = 0.1
#: Weights that make LaCIM's loss the evidence bound of a sample, up to a factor, where it has 24
#: features of which half the variance is noise, and 32 latents.
BOUND_NAME = "LaCIM, evidence bound"
BOUND = {"reconstruction_weight": 0.75, "label_weight": 1 / 32}

Split = tuple[Any, np.ndarray, np.ndarray]
#: Name, schedule of the training, training set and test sets of a run.
Question = tuple[str, dict[str, int], Split, dict[str, Split]]


def methods(seed: int, device: str | None, schedule: dict[str, int]) -> dict[str, Any]:
    import seisgeo as sg

    same = {"random_state": seed, "device": device, "verbose": False, **schedule}
    return {
        "ERM": sg.DomainClassifier("erm", **same),
        "group DRO": sg.DomainClassifier("group_dro", **same),
        "LaCIM": sg.LaCIMClassifier(**same),
        BOUND_NAME: sg.LaCIMClassifier(**BOUND, **same),
    }


def coloured_digits(
    seed: int, agreement: tuple[float, float], wrong: float
) -> tuple[Split, dict[str, Split]]:
    """Digits below five and from five on, green or red: training set, and the same test digits
    coloured as in training and the other way round."""
    from sklearn.datasets import load_digits

    random = np.random.default_rng(seed)
    images, digit = load_digits(return_X_y=True)
    order = random.permutation(len(images))
    images, label = images[order] / 16, (digit[order] >= 5).astype(int)
    label = np.where(random.random(len(label)) < wrong, 1 - label, label)

    def coloured(part: slice, agrees: float) -> Split:
        y = label[part]
        colour = np.where(random.random(len(y)) < agrees, y, 1 - y)
        X = np.zeros((len(y), 2, 64))
        # The authors' brightness of 204 of 255, which varies by 0.02.
        X[np.arange(len(y)), colour] = images[part] * random.normal(0.8, 0.02, (len(y), 1))
        return X.reshape(len(y), -1), y, np.full(len(y), round(agrees, 2))

    first, second = coloured(slice(550), agreement[0]), coloured(slice(550, 1100), agreement[1])
    train = tuple(np.concatenate(pair) for pair in zip(first, second, strict=True))
    rest = slice(1100, None)
    seen = coloured(rest, sum(agreement) / 2)
    return train, {"seen": seen, "unseen": coloured(rest, UNSEEN)}  # type: ignore[return-value]


def latent_problem(seed: int, correlations: tuple[float, ...], n: int) -> Split:
    """A problem whose truth is known: s makes the label and is seen through 4 noisy features, z,
    which goes along with s as the domain has it, through 20."""
    random = np.random.default_rng(seed)
    parts = []
    for r in correlations:
        s = random.normal(size=n)
        z = r * s + np.sqrt(1 - r**2) * random.normal(size=n)
        X = np.repeat(np.column_stack([s, z]), [4, 20], axis=1) + random.normal(size=(n, 24))
        y = (random.random(n) < 1 / (1 + np.exp(-4 * s))).astype(int)
        parts.append((X, y, np.full(n, r)))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))  # type: ignore[return-value]


def truth(options: argparse.Namespace) -> Iterator[Question]:
    for seed in range(options.seeds):
        train = latent_problem(seed, (0.95, 0.7, 0.4), 800)
        tests = {
            "seen": latent_problem(1000 + seed, (0.95, 0.7, 0.4), 300),
            "unseen": latent_problem(2000 + seed, (-0.9,), 900),
        }
        yield "known truth", {"max_epochs": 60}, train, tests


def digits(options: argparse.Namespace) -> Iterator[Question]:
    for name, setting in DIGITS.items():
        for seed in range(options.seeds):
            yield name, {"max_epochs": 60}, *coloured_digits(seed, *setting)


def events(options: argparse.Namespace) -> Iterator[Question]:
    """Each region in turn is left out, and asked for; of the others a fifth is kept back."""
    from seisgeo import synth

    n = len(REGIONS) * options.region_events
    cube = synth.generate_events(
        n,
        kinds=["earthquake", "explosion"],
        regions=REGIONS,
        recorder=synth.events.Recorder(snr=(0.0, 20.0)),
        seed=11,
        workers=options.workers,
        out=options.lacim_data,
    ).load()
    region = cube["region"].values
    kept_back = np.random.default_rng(0).random(n) < 0.2
    for held in REGIONS:
        inside = region != held
        masks = (inside & ~kept_back, inside & kept_back, ~inside)
        train, seen, unseen = (
            (part, part["source_type"].values, part["region"].values)
            for part in (cube.isel(event=np.flatnonzero(mask)) for mask in masks)
        )
        schedule = {"max_epochs": 12, "batch_size": 32}
        yield f"events, {held} held out", schedule, train, {"seen": seen, "unseen": unseen}


#: What can be asked -> its questions, the title of its table and the settings that it depends on.
PARTS = {
    "truth": (truth, "Known truth", ["seeds"]),
    "digits": (digits, "Coloured digits", ["seeds"]),
    "events": (events, "Regions never seen", ["region_events"]),
}


def interval(runs: list[np.ndarray], draws: int = 2000) -> list[float]:
    """95 % bootstrap interval of a mean: runs are drawn, and samples within each."""
    random = np.random.default_rng(0)
    means = []
    for _ in range(draws):
        chosen = random.integers(len(runs), size=len(runs))
        means.append(
            np.mean(
                [runs[i][random.integers(len(runs[i]), size=len(runs[i]))].mean() for i in chosen]
            )
        )
    return [float(q) for q in np.quantile(means, [0.025, 0.975])]


def measure(questions: Iterable[Question], device: str | None) -> dict[str, dict[str, Any]]:
    """Row -> method -> accuracies, and what it gains on ERM, with intervals."""
    right: dict[str, dict[str, dict[str, list[np.ndarray]]]] = {}
    for number, (name, schedule, train, tests) in enumerate(questions):
        for method, model in methods(number, device, schedule).items():
            if method == BOUND_NAME and name != "known truth":
                continue  # these weights belong to that problem
            model.fit(*train)
            for where, (X, y, _) in tests.items():
                hits = (model.predict(X) == y).astype(float)
                right.setdefault(name, {}).setdefault(method, {}).setdefault(where, []).append(hits)
            shown = {w: round(float(h[-1].mean()), 3) for w, h in right[name][method].items()}
            print(name, method, shown, flush=True)
    rows: dict[str, dict[str, Any]] = {}
    for name, by_method in right.items():
        for method, hits in by_method.items():
            runs = hits["unseen"]
            row: dict[str, Any] = {
                "seen": float(np.mean([r.mean() for r in hits["seen"]])),
                "unseen": float(np.mean([r.mean() for r in runs])),
                "unseen_interval": interval(runs),
                "runs": len(runs),
                "samples": int(sum(map(len, runs))),
            }
            if method != "ERM":
                gain = [a - b for a, b in zip(runs, by_method["ERM"]["unseen"], strict=True)]
                row["gain"] = float(np.mean([g.mean() for g in gain]))
                row["gain_interval"] = interval(gain)
            rows.setdefault(name, {})[method] = row
    return rows


def table(rows: dict[str, dict[str, Any]]) -> str:
    """A part as it stands in the documentation."""
    lines = [
        "| | method | seen domains | unseen domain (95 %) | gain on ERM (95 %) |",
        "|---|---|---|---|---|",
    ]
    for name, by_method in rows.items():
        for method, r in by_method.items():
            low, high = r["unseen_interval"]
            gain = ""
            if "gain" in r:
                gain = "{:+.3f} ({:+.3f} to {:+.3f})".format(r["gain"], *r["gain_interval"])
            first = name if method == "ERM" else ""
            lines.append(
                f"| {first} | {method} | {r['seen']:.3f} | {r['unseen']:.3f} ({low:.3f} to "
                f"{high:.3f}) | {gain} |"
            )
    return "\n".join(lines)


def add_arguments(parser: Any) -> None:
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=5, help="of the made problems and the digits")
    parser.add_argument("--region-events", type=int, default=400, help="records of each region")
    parser.add_argument("--lacim-data", help="where the events are kept, and used again (Zarr)")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """A table of all methods for each part that is asked for."""
    tables = {}
    for part in options.part:
        questions, title, settings = PARTS[part]
        rows = measure(questions(options), options.device)
        tables[title] = {"kind": "domains", "settings": settings, "rows": rows}
    return {"tables": tables}
