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
#: Longest time that a wave takes from station to station on the hour (s): of pairs of triggers that
#: are farther apart, as many are found by chance.
TRAVEL = 0.4
#: Seconds by which stations are shifted to count pairs by chance.
SHIFTS = (5, 7, 11)
#: Rows of SeisSimCLR on the hour: whether stations are equalised, and what are copies.
TRAININGS = {
    "SeisSimCLR": (False, "record"),
    "SeisSimCLR, copies of events": (False, "event"),
    "SeisSimCLR, equal stations": (True, "record"),
    "SeisSimCLR, equal stations, copies of events": (True, "event"),
}
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


def network(
    records: Any,
    seed: int,
    options: argparse.Namespace,
    *,
    trained: bool = True,
    copies: str = "record",
) -> Any:
    """SeisSimCLR with its defaults; untrained with a rate of zero."""
    import seisgeo as sg

    return sg.SeisSimCLR(
        copies=copies,
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


def pairs_of(records: Any) -> np.ndarray:
    """Records of one event, two by two: rows of two record numbers and that of the event."""
    from seisgeo.estimators.records import group_of

    found: list[tuple[int, int, int]] = []
    group = group_of(records)
    for event in np.flatnonzero(np.bincount(group) > 1):
        found += [(*pair, event) for pair in combinations(np.flatnonzero(group == event), 2)]
    return np.array(found, int).reshape(-1, 3)


def by_chance(triggers: Any) -> float:
    """Pairs of records that would be taken for one event where none is: times are shifted, station
    by station."""
    from seisgeo.detection import associate

    station = np.unique(triggers["station"], return_inverse=True)[1]
    counts = []
    for step in SHIFTS:
        moved = triggers.assign(time=triggers["time"] + station * np.timedelta64(step, "s"))
        size = associate(moved, TRAVEL).groupby("event_id").size()
        counts.append((size * (size - 1) / 2).sum())
    return float(np.mean(counts))


def agreement(runs: list[np.ndarray], pairs: np.ndarray, draws: int = 1000) -> dict[str, Any]:
    """Cohen's kappa of the clusters that two stations give one event, the mean of all trainings,
    and its interval by a bootstrap over events."""
    event = np.unique(pairs[:, 2], return_inverse=True)[1]
    n = event.max() + 1
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=draws)
    weights = np.concatenate([np.ones((1, n)), weights])
    same, kappa = [], []
    for labels in runs:
        k = labels.max() + 1
        table = np.zeros((n, k, k))
        # Which station comes first means nothing.
        for a, b in ((0, 1), (1, 0)):
            np.add.at(table, (event, labels[pairs[:, a]], labels[pairs[:, b]]), 0.5)
        total = np.tensordot(weights, table, 1)
        total /= total.sum(axis=(1, 2), keepdims=True)
        hits, chance = np.trace(total, axis1=1, axis2=2), (total.sum(axis=2) ** 2).sum(axis=1)
        same.append(hits[0])
        with np.errstate(invalid="ignore"):  # a draw with a single cluster
            kappa.append((hits - chance) / (1 - chance))
    mean = np.mean(kappa, axis=0)
    low, high = np.nanquantile(mean[1:], [0.025, 0.975])
    return {
        "same_cluster": float(np.mean(same)),
        "kappa": float(mean[0]),
        "kappa_interval": [float(low), float(high)],
    }


def measure_hour(options: argparse.Namespace) -> dict[str, Any]:
    """Features -> number of clusters -> how stable they are."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    from seisgeo import detection
    from seisgeo.clustering import cluster_stability, most_stable
    from seisgeo.station_spectra import equalise_stations

    folder = DATA / "icequakes"
    if not sorted(folder.glob("*.m")):
        raise SystemExit(f"{folder}: no *.m; set SEISGEO_TEST_DATA, or ask for --ice-part made")
    hour, triggers = hour_of_ice(folder)
    triggers = detection.associate(triggers, TRAVEL)
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # windows that reach beyond the hour
        records = detection.windows(hour, triggers, before=BEFORE, after=AFTER).load()
    # Events of one half of the hour teach, those of the other are asked about.
    start = records["starttime"].values
    late = start >= start.min() + (start.max() - start.min()) / 2
    event = records["event_id"]
    taught = records.assign_coords(event_id=event.where(~late, ""))
    pairs = pairs_of(records.assign_coords(event_id=event.where(late, "")))
    features = {"spectrum, PCA": [spectra(records)], "features by hand": [by_hand(records)]}
    equal = equalise_stations(taught)
    for name, (equalised, copies) in TRAININGS.items():
        features[name] = []
        shown = equal if equalised else taught
        for seed in range(options.ice_seeds):
            features[name].append(embedded(network(shown, seed, options, copies=copies), shown))
            print(name, seed, flush=True)
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
                **agreement(labels, pairs),
            }
    return {
        "triggers": {k: int(v) for k, v in triggers.groupby("station").size().items()},
        "records": len(place),
        "stations": stations.tolist(),
        "pairs": {
            "of the first half, that teach": len(pairs_of(taught)),
            "of the second, that are asked about": len(pairs),
            "in the hour": len(pairs_of(records)),
            "by chance": by_chance(triggers),
        },
        "rows": rows,
        "most_stable": {name: [most_stable(f) for f in features[name]] for name in TRAININGS},
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
        "Rutford, two records of one event": {
            "kind": "numbers",
            "rows": {name: {"pairs": round(n)} for name, n in found["pairs"].items()},
        },
        "Rutford, clusters": {"kind": "numbers", "rows": rows},
        "Rutford, most stable k": {
            "kind": "numbers",
            "rows": {
                name: {"of each training": _listed(runs)}
                for name, runs in found["most_stable"].items()
            },
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
