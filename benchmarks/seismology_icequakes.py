"""Icequakes without labels: made records whose kind is known, and an hour of ice.

    python benchmarks/seismology.py --only icequakes [--ice-part made hour] [--ice-seeds 3]

SeisSimCLR with its defaults, an untrained encoder, and features that anybody would try first; docs/
icequakes.md says what the rows mean. Nothing is chosen by the labels. The hour is read from the
folder icequakes of SEISGEO_TEST_DATA, and left out where that is not there.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from lacim import interval
from machine import DATA

KINDS = ("earthquake", "icequake", "spike")
#: Labels of each kind that somebody gives, and how often they are drawn.
LABELS, DRAWS = 10, 5
#: Windows around a trigger of the hour (s before, s after).
BEFORE, AFTER = 0.05, 0.2
CLUSTERS = (2, 3, 4, 6)
#: Longest time that a wave takes from station to station on the hour (s), as the triggers show.
TRAVEL = 0.7
GOALS = {"k-means": 0.88, "ten labels": 0.95, "seeds": 0.8}


# -------------------------------------------------------------------------------------- features


def spectra(records: Any) -> np.ndarray:
    """Ten principal components of log power spectra in 50 bands, of records of unit RMS."""
    from sklearn.decomposition import PCA

    power = (np.abs(np.fft.rfft(_unit(records), axis=2)) ** 2).mean(axis=1)[:, 1:]
    bands = np.stack([b.mean(axis=1) for b in np.array_split(power, 50, axis=1)], axis=1)
    return PCA(10, random_state=0).fit_transform(np.log(bands + 1e-6 * bands.max()))


def by_hand(records: Any) -> np.ndarray:
    """Peak and mean frequency, bandwidth, duration and kurtosis, standardised."""
    from scipy.stats import kurtosis
    from sklearn.preprocessing import StandardScaler

    x, dt = _unit(records), float(np.diff(records["time"].values[:2])[0])
    power = (np.abs(np.fft.rfft(x, axis=2)) ** 2).mean(axis=1)
    frequency = np.fft.rfftfreq(x.shape[2], dt)
    mean = (power * frequency).sum(axis=1) / power.sum(axis=1)
    width = np.sqrt((power * (frequency - mean[:, None]) ** 2).sum(axis=1) / power.sum(axis=1))
    energy = np.cumsum((x**2).sum(axis=1), axis=1)
    share = energy / energy[:, -1:]
    duration = ((share > 0.05) & (share < 0.95)).sum(axis=1) * dt
    table = [
        np.log(frequency[power.argmax(axis=1)] + frequency[1]),
        *(np.log(mean), np.log(width), np.log(duration + dt)),
        np.log(kurtosis(x, axis=2).max(axis=1) + 3),
    ]
    return StandardScaler().fit_transform(np.stack(table, axis=1))


def _unit(records: Any) -> np.ndarray:
    x = records["amplitude"].values.astype(float)
    x = x - x.mean(axis=2, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=(1, 2), keepdims=True))


def network(records: Any, seed: int, options: argparse.Namespace, *, trained: bool = True) -> Any:
    """SeisSimCLR with its defaults; untrained with a rate of zero."""
    import seisgeo as sg

    return sg.SeisSimCLR(
        **({} if options.ice_epochs is None else {"max_epochs": options.ice_epochs}),
        **({} if trained else {"max_epochs": 1, "learning_rate": 0.0}),
        device=getattr(options, "device", None),
        random_state=seed,
        verbose=False,
    ).fit(records)


def embedded(model: Any, records: Any) -> np.ndarray:
    return model.transform(records)["embedding"].values.astype(float)


# ----------------------------------------------------------------------------------------- made


def made_records(n: int, seed: int) -> Any:
    """Three kinds in equal parts in three regions of ice, 20 s at 100 Hz, 5 to 40 dB."""
    from seisgeo import synth

    return synth.generate_events(
        n,
        kinds=KINDS,
        recorder=synth.events.Recorder(dt=0.01, n_time=2000),
        seed=seed,
        progress=False,
    )


def hits_of_clusters(features: np.ndarray, kind: np.ndarray, seed: int) -> np.ndarray:
    """Whether each record is right by the best assignment of clusters to kinds."""
    from scipy.optimize import linear_sum_assignment
    from sklearn.cluster import KMeans

    found = KMeans(len(KINDS), n_init=10, random_state=seed).fit_predict(features)
    count = np.zeros((len(KINDS), len(KINDS)))
    np.add.at(count, (found, kind), 1)
    clusters, kinds = linear_sum_assignment(-count)
    name = np.empty(len(KINDS), int)
    name[clusters] = kinds
    return (name[found] == kind).astype(float)


def hits_of_few(features: np.ndarray, kind: np.ndarray, seed: int) -> list[np.ndarray]:
    """Whether the other records are right where ten of each kind have a label, as
    ``SeisSimCLR.propagate_labels`` carries them over."""
    from seisgeo.clustering import spread_labels

    random, runs = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        given = np.concatenate(
            [random.choice(np.flatnonzero(kind == k), LABELS, False) for k in range(len(KINDS))]
        )
        labels = np.full(len(kind), -1)
        labels[given] = kind[given]
        right = spread_labels(features, labels).argmax(axis=1) == kind
        runs.append(np.delete(right, given).astype(float))
    return runs


def measure_made(options: argparse.Namespace) -> dict[str, Any]:
    """Features -> accuracy of k-means and of ten labels a kind, with intervals."""
    from seisgeo.clustering import most_stable

    unlabelled = made_records(options.ice_records, 0)
    asked = made_records(options.ice_records, 1)
    kind = np.array([KINDS.index(k) for k in asked["source_type"].values.astype(str)])
    features: dict[str, list[np.ndarray]] = {
        "spectrum, PCA": [spectra(asked)],
        "features by hand": [by_hand(asked)],
        "untrained encoder": [],
        "SeisSimCLR": [],
    }
    started = time.process_time()
    for seed in range(options.ice_seeds):
        for name, trained in (("untrained encoder", False), ("SeisSimCLR", True)):
            model = network(unlabelled, seed, options, trained=trained)
            features[name].append(embedded(model, asked))
            print(name, seed, flush=True)
    rows: dict[str, Any] = {}
    for name, runs in features.items():
        alone = [hits_of_clusters(f, kind, seed) for seed, f in enumerate(runs)]
        few = [hits for seed, f in enumerate(runs) for hits in hits_of_few(f, kind, seed)]
        rows[name] = {
            "k-means": float(np.mean([h.mean() for h in alone])),
            "k-means_interval": interval(alone),
            "ten labels": float(np.mean([h.mean() for h in few])),
            "ten labels_interval": interval(few),
            "seeds": len(runs),
        }
    return {
        "rows": rows,
        "most_stable": [most_stable(f) for f in features["SeisSimCLR"]],
        "unlabelled": options.ice_records,
        "asked": len(kind),
        "cpu_seconds": time.process_time() - started,
    }


# ----------------------------------------------------------------------------------------- hour


def hour_of_ice(folder: Path) -> tuple[Any, Any]:
    """The hour, drift taken away, and its triggers."""
    from scipy.signal import butter, sosfilt

    from seisgeo import detection
    from seisgeo.adapters import seismology

    hour = seismology.open_waveforms(sorted(folder.glob("*.m"))).load()
    amplitude = hour["amplitude"]
    corner = butter(4, 10.0, "highpass", fs=1000, output="sos")
    hour = hour.assign(amplitude=amplitude.copy(data=sosfilt(corner, amplitude.values, axis=-1)))
    return hour, detection.detect(hour, sta=0.05, lta=1.0, on=6.0)


def same_events(records: Any) -> np.ndarray:
    """Pairs of records that two stations made of one event: each the other's nearest in time,
    within the travel time between stations; rows of two record numbers."""
    when = records["starttime"].values.astype("M8[ns]").astype(np.int64) / 1e9
    station = records["station"].values.astype(str)
    pairs = []
    for a, b in combinations(np.unique(station), 2):
        i, j = np.flatnonzero(station == a), np.flatnonzero(station == b)
        lag = np.abs(when[i][:, None] - when[j][None])
        to, back = lag.argmin(axis=1), lag.argmin(axis=0)
        both = (back[to] == np.arange(len(i))) & (lag.min(axis=1) <= TRAVEL)
        pairs.append(np.stack([i[both], j[to[both]]], axis=1))
    return np.concatenate(pairs)


def agreement(labels: np.ndarray, pairs: np.ndarray, draws: int = 1000) -> dict[str, Any]:
    """Cohen's kappa of the clusters that two stations give one event, with its interval."""
    from sklearn.metrics import cohen_kappa_score

    random = np.random.default_rng(0)
    first, second = labels[pairs[:, 0]], labels[pairs[:, 1]]
    # Which station comes first means nothing.
    one, other = np.append(first, second), np.append(second, first)
    n = len(pairs)
    drawn = []
    for _ in range(draws):
        rows = random.integers(n, size=n)
        rows = np.append(rows, rows + n)
        drawn.append(cohen_kappa_score(one[rows], other[rows]))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return {
        "same_cluster": float((first == second).mean()),
        "kappa": float(cohen_kappa_score(one, other)),
        "kappa_interval": [float(low), float(high)],
    }


def measure_hour(options: argparse.Namespace) -> dict[str, Any]:
    """Features -> number of clusters -> how stable they are."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    from seisgeo import detection
    from seisgeo.clustering import cluster_stability, most_stable

    folder = DATA / "icequakes"
    if not sorted(folder.glob("*.m")):
        raise SystemExit(f"{folder}: no *.m; set SEISGEO_TEST_DATA, or ask for --ice-part made")
    hour, triggers = hour_of_ice(folder)
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # windows that reach beyond the hour
        records = detection.windows(hour, triggers, before=BEFORE, after=AFTER).load()
    pairs = same_events(records)
    features = {"spectrum, PCA": [spectra(records)], "features by hand": [by_hand(records)]}
    features["SeisSimCLR"] = []
    for seed in range(options.ice_seeds):
        features["SeisSimCLR"].append(embedded(network(records, seed, options), records))
        print("hour", seed, flush=True)
    stations, place = np.unique(records["station"].values.astype(str), return_inverse=True)
    rows: dict[str, Any] = {}
    for name, runs in features.items():
        for k in CLUSTERS:
            labels = [
                KMeans(k, n_init=10, random_state=s).fit_predict(f) for s, f in enumerate(runs)
            ]
            seeds = [adjusted_rand_score(a, b) for a, b in combinations(labels, 2)]
            rows.setdefault(name, {})[str(k)] = {
                "seeds": float(np.mean(seeds)) if seeds else None,
                "seeds_range": [float(min(seeds)), float(max(seeds))] if seeds else None,
                "halves": float(np.mean([cluster_stability(f, k) for f in runs])),
                # Of each cluster, records of each station.
                "sizes": [
                    np.bincount(place[labels[0] == c], minlength=len(stations)).tolist()
                    for c in range(k)
                ],
                **agreement(labels[0], pairs),
            }
    return {
        "triggers": {k: int(v) for k, v in triggers.groupby("station").size().items()},
        "records": len(place),
        "stations": stations.tolist(),
        "pairs": len(pairs),
        "rows": rows,
        "most_stable": [most_stable(f) for f in features["SeisSimCLR"]],
        "seeds": options.ice_seeds,
        "cpu_seconds": time.process_time() - started,
    }


# --------------------------------------------------------------------------------------- report

PARTS = {"made": measure_made, "hour": measure_hour}


def tables_of(part: str, found: dict[str, Any]) -> dict[str, Any]:
    """Title -> kind and rows, as seisbind_table draws them."""
    if part == "made":
        rows = {}
        for name, row in found["rows"].items():
            rows[name] = {
                f"{new}{end}": row[f"{old}{end}"]
                for old, new in (("k-means", "k-means"), ("ten labels", "ten labels a kind"))
                for end in ("", "_interval")
            }
        rows["SeisSimCLR"]["most stable k"] = _listed(found["most_stable"])
        rows["goal"] = {"k-means": GOALS["k-means"], "ten labels a kind": GOALS["ten labels"]}
        return {"Records whose kind is known": {"kind": "numbers", "rows": rows}}
    rows = {}
    for name, by_k in found["rows"].items():
        for k, row in by_k.items():
            low, high = row["seeds_range"] or (None, None)
            rows[f"{name}, k = {k}"] = {
                "seeds, ARI": row["seeds"],
                "lowest": low,
                "highest": high,
                "halves, ARI": row["halves"],
                "stations, kappa": row["kappa"],
                "stations, kappa_interval": row["kappa_interval"],
                f"records of {', '.join(found['stations'])}": "; ".join(
                    " ".join(map(str, cluster)) for cluster in row["sizes"]
                ),
            }
    rows["goal"] = {"seeds, ARI": GOALS["seeds"]}
    counts = {station: {"triggers": n} for station, n in found["triggers"].items()}
    return {
        "Rutford, triggers": {"kind": "numbers", "rows": counts},
        "Rutford, clusters": {"kind": "numbers", "rows": rows},
        "Rutford, most stable k": {
            "kind": "numbers",
            "rows": {"SeisSimCLR": {"of each training": _listed(found["most_stable"])}},
        },
    }


def _listed(values: list[int]) -> str:
    return ", ".join(map(str, values))


def add_arguments(parser: Any) -> None:
    """Options of :func:`run`."""
    add = parser.add_argument
    add("--ice-part", nargs="+", choices=PARTS, default=list(PARTS))
    add("--ice-seeds", type=int, default=3, help="trainings of each row")
    add("--ice-records", type=int, default=800, help="made ones without labels")
    add("--ice-epochs", type=int, help="passes; by default SeisSimCLR's")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the parts that are asked for.

    Returns
    -------
    dict
        ``tables``: by title, each with its ``kind``, its ``rows`` and the options they depend on.
    """
    tables: dict[str, Any] = {}
    for part in options.ice_part:
        settings = ["ice_seeds", "ice_epochs", *(["ice_records"] if part == "made" else [])]
        for title, table in tables_of(part, PARTS[part](options)).items():
            tables[title] = {**table, "settings": settings}
    return {"tables": tables}
