"""SeisCLIP on synthetic events with truth and on real records: rows of benchmarks/seismology.py.

docs/earthquakes.md says what the rows mean. Events, the trained model and what each head answered
are kept in --data and used again where their settings are the same: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from machine import DATA

REGIONS = ("plate-boundary", "craton", "subduction", "volcano")
#: Records contrasted with each other in the published figure, and the figure of 120 frames.
BATCH, GOAL = 192, 182.9
LABELS = (100, 1000)
#: Events that no head was trained with.
ASKED = 400
#: Ways to train a head; the last one is what the others are compared with.
WAYS = ("frozen", "fine-tuned", "from scratch")
#: Events of a step, and stations of each event that is located or explained.
EVENTS, STATIONS = 8, 4
#: Events that retrieval is tried with. The second seed was looked at once, for the table.
TESTS = (2, 11)
#: Raised when the heads learn in another way: answers that were kept are of one.
REVISION = 2
#: Records of a training step: half of the published batch, twice the steps.
TRAINED_IN = 96

Row = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=5000, help="to train SeisCLIP with")
    parser.add_argument("--epochs", type=int, default=12, help="of SeisCLIP's training")
    parser.add_argument("--clip-seeds", type=int, default=1, help="trainings of SeisCLIP")
    parser.add_argument("--head-steps", type=int, default=400, help="of each head's training")
    parser.add_argument("--head-seeds", type=int, default=3, help="of labelled events and heads")
    parser.add_argument("--clip-data", type=Path, default=Path("out/seisclip"), help="kept files")
    parser.add_argument(
        "--real",
        type=Path,
        default=DATA / "events",
        help="folder of the STEAD file and the PhaseNet records",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Tables of retrieval, heads and arrivals."""
    train = events(options, options.events, "earthquake", seed=1)
    models = [trained(options, train, seed) for seed in range(options.clip_seeds)]
    tests = [events(options, 5 * BATCH, "earthquake", seed=seed).load() for seed in TESTS]
    found: dict[str, Any] = {}

    def keep(name: str, rows: dict[str, Row], *settings: str) -> None:
        trained_with = ["events", "epochs", *settings]
        found[name] = {"kind": "numbers", "settings": trained_with, "rows": rows}

    keep(f"Retrieval in batches of {BATCH}", batches(models[0], tests[0]))
    keep("Retrieval: other trainings, other events", others(models, tests), "clip_seeds")
    real = real_records(options.real)
    if real:
        rows = {}
        for name, records in real.items():
            rows |= arrivals(models[0], records, train, name)
        keep("Arrivals of real records, read off the five nearest catalogue entries", rows)
    if options.head_seeds:
        for name, rows in heads(options, models[0]).items():
            keep(name, rows, "head_steps", "head_seeds")
    return {"tables": found}


def events(
    options: argparse.Namespace,
    n: int,
    kinds: Any,
    seed: int,
    regions: Any = REGIONS,
    stations: int | None = None,
) -> Any:
    from seisgeo import synth

    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    several = "" if stations is None else f"-{stations}-stations"
    out = options.clip_data / f"{'-'.join(kinds)}-{n}-{seed}{several}.zarr"
    options.clip_data.mkdir(parents=True, exist_ok=True)
    return synth.generate_events(
        n,
        kinds=kinds,
        regions=regions,
        stations=stations,
        seed=seed,
        out=out,
        workers=options.workers,
    )


def digest(**settings: Any) -> str:
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def trained(options: argparse.Namespace, train: Any, seed: int) -> Any:
    import seisgeo as sg

    settings = {"seed": seed} if seed else {}
    key = digest(events=options.events, epochs=options.epochs, **settings)
    path = options.clip_data / f"{key}.seisclip"
    if path.exists():
        return sg.load(path)
    model = sg.SeisCLIP(
        batch_size=TRAINED_IN,
        max_epochs=options.epochs,
        validation_fraction=0.0,
        random_state=seed,
        device=options.device,
    ).fit(train.load())
    model.save(path)
    return model


def mean_row(values: np.ndarray, name: str) -> Row:
    from seisgeo.metrics import bootstrap_interval

    return {name: float(np.mean(values)), f"{name}_interval": bootstrap_interval(values)}


def batches(model: Any, test: Any) -> dict[str, Row]:
    """Ranks within batches of 192, both ways: top-1 and top-5 in per cent, and their sum."""
    from seisgeo.metrics import pair_ranks

    spaces = [model.transform(test, m)["embedding"].values for m in ("waveforms", "information")]
    rows: dict[str, Row] = {}
    for name, (a, b) in {
        "information by waveform": spaces,
        "waveform by information": spaces[::-1],
    }.items():
        ranks = np.concatenate(
            [pair_ranks(a[i : i + BATCH], b[i : i + BATCH]) for i in range(0, len(a), BATCH)]
        )
        first, five = 100.0 * (ranks <= 1), 100.0 * (ranks <= 5)
        rows[name] = {
            **mean_row(first, "top_1_percent"),
            **mean_row(five, "top_5_percent"),
            **mean_row(first + five, "sum_of_200"),
            "goal": str(GOAL),
            "queries": len(ranks),
        }
    rows["chance"] = {
        "top_1_percent": 100 / BATCH,
        "top_5_percent": 500 / BATCH,
        "sum_of_200": 600 / BATCH,
    }
    return rows


def others(models: list[Any], tests: list[Any]) -> dict[str, Row]:
    """The sum of 200 after each training, on each set of events."""
    rows: dict[str, Row] = {}
    for i, model in enumerate(models):
        for j, test in enumerate(tests):
            row: Row = {}
            for name, found in batches(model, test).items():
                if name != "chance":
                    row[name] = found["sum_of_200"]
                    row[f"{name}_interval"] = found["sum_of_200_interval"]
            rows[f"training {i + 1}, events {j + 1}"] = row
    return rows


def real_records(folder: Path) -> dict[str, Any]:
    """The real records, in windows of 6000 samples."""
    import xarray as xr

    found = {}
    stead = folder / "stead_format_50_earthquakes.hdf5"
    if stead.exists():
        found["STEAD format"] = xr.open_dataset(stead, engine="seisgeo-events").load()
    table = folder / "phasenet/waveform.csv"
    if table.exists():
        found["PhaseNet"] = cut(xr.open_dataset(table, engine="seisgeo-events").load())
    if not found:
        print(f"{folder}: no real records, their rows are left out")
    return found


def cut(records: Any, nt: int = 6000) -> Any:
    """Windows in which P comes after 5 to 15 s, drawn at random; those without S are left out."""
    import xarray as xr

    random = np.random.default_rng(0)
    dt = float(records.time[1] - records.time[0])
    windows = []
    for i in range(records.sizes["event"]):
        one = records.isel(event=[i])
        wanted = float(one.p_arrival.item()) - random.uniform(5.0, 15.0)
        start = int(np.clip(round(wanted / dt), 0, records.sizes["time"] - nt))
        seconds = {"units": "s"}
        window = one.isel(time=slice(start, start + nt)).assign_coords(
            time=("time", np.arange(nt) * dt, seconds),
            p_arrival=("event", one["p_arrival"].values - start * dt, seconds),
            s_arrival=("event", one["s_arrival"].values - start * dt, seconds),
        )
        if float(window.s_arrival.item()) < nt * dt:
            windows.append(window)
    return xr.concat(windows, "event", coords="different", compat="equals")


def arrivals(model: Any, records: Any, gallery: Any, name: str) -> dict[str, Row]:
    """Times of the five nearest of the training events, beside those found for other records."""
    from seisgeo.metrics import bootstrap_interval

    known = gallery.drop_vars("amplitude")
    hits = model.retrieve(records, known, k=5)
    rows = {}
    for phase, coordinate in (("P", "p_arrival"), ("S", "s_arrival")):
        true = records[coordinate].values.astype(float)
        answer = np.median(hits[coordinate].values, axis=1)
        usable = np.isfinite(true)
        true, answer = true[usable], answer[usable]
        error = np.abs(answer - true)
        # Each record with the answers of all others: what an embedding that says nothing reaches.
        others = np.abs(answer[None, :] - true[:, None])
        apart = ~np.eye(len(true), dtype=bool)
        closer = np.array(
            [
                np.mean((error[i] < others[i, apart[i]]) + 0.5 * (error[i] == others[i, apart[i]]))
                for i in range(len(true))
            ]
        )
        rows[f"{name}, {phase}"] = {
            "median_error_seconds": float(np.median(error)),
            "median_error_seconds_interval": bootstrap_interval(error, np.median),
            "chance_seconds": float(np.median(others[apart])),
            **mean_row(100.0 * (error < 1), "within_1_s_percent"),
            "by_chance_percent": float(100 * np.mean(others[apart] < 1)),
            **mean_row(closer, "closer_than_another_record's_answer"),
            "records": len(true),
        }
    return rows


def heads(options: argparse.Namespace, model: Any) -> dict[str, dict[str, Row]]:
    """Heads on frozen and fine-tuned features, and the same network from scratch."""
    total = max(LABELS) + ASKED
    near = {"regions": REGIONS[:1], "stations": STATIONS}
    quakes = events(options, total, "earthquake", seed=3, **near)
    kinds = events(options, total, ("earthquake", "explosion"), seed=4)
    tasks = {
        "Kinds": ("EventClassifier", kinds),
        "Places and magnitudes": ("EventLocator", quakes),
        "Mechanisms": ("MechanismRegressor", quakes),
    }
    answers: dict[tuple[str, int, str], list[np.ndarray]] = {}
    for seed in range(options.head_seeds):
        for n in LABELS:
            for task, (head, cube) in tasks.items():
                for way in WAYS:
                    found = answer(options, model, cube, head, way, n, seed)
                    answers.setdefault((task, n, way), []).append(found)
    tables: dict[str, dict[str, Row]] = {task: {} for task in tasks}
    for (task, n, way), runs in answers.items():
        scratch = None if way == WAYS[-1] else answers[task, n, WAYS[-1]]
        row = {**measured(task, runs, scratch), "seeds": len(runs)}
        tables[task][f"{n} labels, {way}"] = row
    return tables


def answer(
    options: argparse.Namespace, model: Any, cube: Any, head: str, way: str, n: int, seed: int
) -> np.ndarray:
    """What a head reaches on each event asked for, a row of numbers each; kept in a file."""
    import seisgeo as sg

    each = cube.sizes["event"] // (max(LABELS) + ASKED)
    key = digest(
        model=model.model_id_,
        head=head,
        way=way,
        n=n,
        seed=seed,
        steps=options.head_steps,
        batch=EVENTS,
        stations=each,
        revision=REVISION,
    )
    path = options.clip_data / f"{key}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False)
    order = np.random.default_rng(seed).permutation(max(LABELS) + ASKED)

    def records(chosen: np.ndarray) -> Any:
        rows = np.sort(chosen)[:, None] * each + np.arange(each)
        return cube.isel(event=rows.ravel()).load()

    estimator = getattr(sg, head)(
        sg.SeisCLIP() if way == WAYS[-1] else model,
        fine_tune=way == "fine-tuned",
        # From scratch kinds are learned at the lower rate alone, the others as well at either.
        learning_rate=2e-3 if (head, way) == ("EventClassifier", WAYS[-1]) else 4e-3,
        batch_size=EVENTS,
        max_epochs=math.ceil(options.head_steps / (n // EVENTS)),
        validation_fraction=0.0,
        random_state=seed,
        device=options.device,
        verbose=False,
    ).fit(records(order[:n]))
    found = judged(estimator, records(order[max(LABELS) :]))[::each]
    np.save(path, found)
    print(head, n, way, seed, np.round(found.mean(axis=0), 3), flush=True)
    return found


def judged(estimator: Any, test: Any) -> np.ndarray:
    """For each record: right or not; km of epicentre and depth, magnitude; degrees."""
    from seisgeo.mechanism import kagan_angle, moment_tensor
    from seisgeo.sphere import east_north

    name = type(estimator).__name__
    found = estimator.predict(test)
    if name == "EventClassifier":
        return (found == test["source_type"].values)[:, None].astype(float)
    if name == "EventLocator":
        names = ("source_latitude", "source_longitude")
        apart = np.hypot(*east_north(*(ds[n].values for ds in (test, found) for n in names)))
        deep, size = (
            np.abs(found[n].values - test[n].values) for n in ("source_depth", "magnitude")
        )
        return np.stack([apart / 1e3, deep / 1e3, size], axis=1)
    angles = [
        moment_tensor(*(ds[n].values for n in ("strike", "dip", "rake"))) for ds in (test, found)
    ]
    return kagan_angle(*angles)[:, None]


def measured(task: str, runs: list[np.ndarray], scratch: list[np.ndarray] | None = None) -> Row:
    """Mean over seeds and events with its interval, and what is gained on training from scratch."""
    from lacim import interval

    name, better = {
        "Kinds": ("accuracy", 1.0),
        "Places and magnitudes": ("epicentre_km", -1.0),
        "Mechanisms": ("kagan_angle_degrees", -1.0),
    }[task]
    values = [run[:, 0] for run in runs]
    row: Row = {name: float(np.mean(values)), f"{name}_interval": interval(values)}
    if scratch is not None:
        gains = [better * (a - b[:, 0]) for a, b in zip(values, scratch, strict=True)]
        row |= {
            "gain_on_scratch": float(np.mean(gains)),
            "gain_on_scratch_interval": interval(gains),
        }
    if task == "Places and magnitudes":
        row["epicentre_km_median"] = float(np.median(values))
        row["depth_km"], row["magnitude"] = (
            float(np.mean([run[:, i] for run in runs])) for i in (1, 2)
        )
    return row
