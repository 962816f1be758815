"""SeisBind: the open protocol, one command, one table, one JSON.

    python benchmarks/seisbind.py [--size small] [--minutes 20] [--encoder small] [--data DIR]

OpenFWI's survey and ten families, simulated with its own scheme. Training pairs and test pairs come
from two seeds; a sample's random stream belongs to its seed, family and number, so none is shared.
Four models are trained, --minutes each: ours, the paper's encoders (without augmentation), and ours
with one family left out, twice. docs/benchmark_seisbind.md says what the rows mean. Simulated data
are kept in --data and used again.

"tiny" shows within minutes that the command works; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import seisbind_baselines as baselines
import seisbind_data as data
import xarray as xr

RESULTS = Path(__file__).parent / "results"
LEFT_OUT = ("curvefault-b", "style-b")
MODALITIES = ("seismic", "velocity", "physics")
#: Row -> goal for two cores and an hour of training, and for a GPU.
GOALS = {
    "mixed 1 000": (0.97, 0.995),
    "mixed 10 000": (0.85, 0.97),
    "near-twins": (None, 0.85),
    "noise, 0 dB, and 30% dead traces": (0.60, 0.90),
    "curvefault-b left out": (0.50, 0.85),
    "style-b left out": (0.50, 0.85),
    "velocity -> physics": (0.90, 0.98),
}


def scores(ranks: np.ndarray, gallery: int) -> dict[str, object]:
    from seisgeo import metrics

    return {
        **{f"recall_{k}": metrics.recall_at_k(ranks, k) for k in (1, 5, 10)},
        "recall_1_interval": metrics.bootstrap_interval(ranks <= 1),
        "median_rank": float(np.median(ranks)),
        "mean_reciprocal_rank": float((1 / ranks).mean()),
        "queries": len(ranks),
        "gallery": gallery,
    }


class Run:
    """A trained model's answers, and the rows of the table made from them."""

    def __init__(self, model, queries: xr.Dataset, models: xr.Dataset) -> None:
        self.model, self.queries = model, queries
        self.query = {m: self.embed(queries, m) for m in MODALITIES}
        self.gallery = {m: self.embed(models, m) for m in MODALITIES[1:]}
        # Words read from Zarr are of numpy's new string type, which many functions do not know.
        self.query_family = queries["family"].values.astype(object)
        self.family = models["family"].values.astype(object)
        # Galleries of 1 000 take the first hundred of each family.
        first = [np.flatnonzero(self.query_family == f)[:100] for f in data.FAMILIES]
        self.some = np.concatenate(first)

    def embed(self, ds: xr.Dataset, modality: str) -> np.ndarray:
        return self.model.transform(ds, modality)["embedding"].values

    def row(self, query: np.ndarray, gallery: np.ndarray) -> dict[str, object]:
        from seisgeo import metrics

        return scores(metrics.pair_ranks(query, gallery), len(gallery))

    def mixed(self, seismic: np.ndarray | None = None) -> dict[str, object]:
        """A hundred queries of each family against their own models, the gallery of 1 000."""
        if seismic is None:
            seismic = self.query["seismic"][self.some]
        return self.row(seismic, self.query["velocity"][self.some])

    def of_family(self, family: str) -> dict[str, object]:
        """Queries and gallery of one family."""
        asked, n = self.query_family == family, len(self.query_family)
        others = np.flatnonzero(self.family == family)
        gallery = self.gallery["velocity"]
        return self.row(
            self.query["seismic"][asked],
            np.concatenate([gallery[:n][asked], gallery[others[others >= n]]]),
        )

    def directions(self) -> dict[str, dict[str, object]]:
        from seisgeo import metrics

        rows = {}
        for a in MODALITIES:
            for b in MODALITIES:
                if a != b:
                    pair = self.query[a][self.some], self.query[b][self.some]
                    row, other = self.row(*pair), metrics.retrieval_scores(*pair)
                    row |= {k: other[k] for k in ("pair_similarity", "other_similarity")}
                    rows[f"{a} -> {b}"] = row
        return rows


def our_rows(run: Run, queries: xr.Dataset, device: str | None) -> dict[str, dict[str, object]]:
    models = queries[["velocity"]].assign_attrs(survey=queries.attrs["survey"])
    rows = {
        "mixed 1 000": run.mixed(),
        "mixed 10 000": run.row(run.query["seismic"], run.gallery["velocity"]),
    }
    rows |= {f"{family} alone": run.of_family(family) for family in data.FAMILIES}
    few = run.some[:: max(1, len(run.some) // 100)]
    twins = data.near_twins(models.isel(sample=few))
    rows["near-twins"] = run.row(run.query["seismic"][few], run.embed(twins, "velocity"))
    queries = queries.isel(sample=run.some)
    for name, gathers in data.conditions(queries, device):
        changed = queries.assign(amplitude=(queries["amplitude"].dims, gathers))
        changed["amplitude"].attrs = queries["amplitude"].attrs
        rows[name] = run.mixed(run.embed(changed, "seismic"))
    return rows


def show(title: str, rows: dict[str, dict[str, object]]) -> None:
    print(f"\n{title:36}{'R@1':>7}{'(95 %)':>16}{'R@5':>7}{'R@10':>7}{'median':>8}{'MRR':>7}"
          f"{'gallery':>9}   goal: 2 cores, GPU")  # fmt: skip
    for name, r in rows.items():
        low, high = r["recall_1_interval"]
        goal = GOALS.get(name) if r["queries"] >= 100 else None
        marks = "" if goal is None else "   " + ", ".join(
            "-" if g is None else f"{g:.3g} {'met' if r['recall_1'] >= g else 'missed'}"
            for g in goal
        )  # fmt: skip
        print(
            f"{name:36}{r['recall_1']:7.3f}{f'({low:.3f}-{high:.3f})':>16}{r['recall_5']:7.3f}"
            f"{r['recall_10']:7.3f}{r['median_rank']:8g}{r['mean_reciprocal_rank']:7.3f}"
            f"{r['gallery']:9d}{marks}"
        )


def hardware() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=data.SIZES, default="small")
    parser.add_argument("--minutes", type=float, default=20.0, help="of training, each model")
    parser.add_argument("--encoder", default="small", help="of our model")
    parser.add_argument("--data", type=Path, help="folder of the simulated pairs")
    parser.add_argument("--device", help="cpu or cuda; by default CUDA where there is one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON file; by default in benchmarks/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = benchmark(options, options.data or Path(folder))
    name = "".join(c if c.isalnum() else "-" for c in hardware().lower()).strip("-")
    out = options.out or RESULTS / f"seisbind-{options.size}-{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(out)
    print(f"\nkept as {out}")


def benchmark(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    import seisgeo as sg
    from seisgeo.console import evaluation_text
    from seisgeo.evaluation import evaluate

    size, started = data.SIZES[options.size], time.monotonic()
    train, queries = data.pairs(folder, size, options.device)
    queries = queries.load()
    models = data.more_models(queries, size)
    print(f"{train.sizes['sample']} training pairs, {queries.sizes['sample']} queries, "
          f"{models.sizes['sample']} models: {time.monotonic() - started:.0f} s")  # fmt: skip

    def fit(encoder: str, pairs: xr.Dataset, **settings: object):
        model = sg.SeisBind(
            encoder,
            max_time=60 * options.minutes,
            max_epochs=10_000,
            patience=30,
            random_state=options.seed,
            device=options.device,
            **settings,
        )
        return model.fit(pairs)

    ours = fit(options.encoder, train)
    run = Run(ours, queries, models)
    tables = {"ours, seismic -> velocity": our_rows(run, queries, options.device)}
    tables["ours, all directions, mixed 1 000"] = run.directions()

    families = train["family"].values.astype(object)
    left_out = {}
    for family in LEFT_OUT:
        partial = fit(options.encoder, train.isel(sample=np.flatnonzero(families != family)))
        left_out[f"{family} left out"] = Run(partial, queries, models).of_family(family)
    tables["ours, family never seen, alone"] = left_out

    rows = {}
    paper = Run(fit("paper", train, augment=False), queries, models)
    rows["paper's encoders"] = paper.mixed()
    rows["paper's encoders, 10 000"] = paper.row(paper.query["seismic"], paper.gallery["velocity"])
    for name, kind in (
        ("nearest raw gather", baselines.NearestGather),
        ("principal components", baselines.PrincipalComponents),
    ):
        baseline = kind(train)
        asked = queries.isel(sample=run.some)
        for label, query, gallery in (("", asked, asked), (", 10 000", queries, models)):
            ranks = baselines.rank(baseline, query, gallery)
            rows[name + label] = scores(ranks, gallery.sizes["sample"])
    tables["baselines, seismic -> velocity"] = rows
    for title, table in tables.items():
        show(title, table)
    evaluation = evaluate(ours, queries.isel(sample=run.some))
    print("\nours, on the queries\n" + evaluation_text(evaluation))
    return {
        "date": datetime.date.today().isoformat(),
        "seisgeo": sg.__version__,
        "hardware": hardware(),
        "cores": os.cpu_count(),
        "size": {"name": options.size, **vars(size)},
        "minutes": options.minutes,
        "encoder": options.encoder,
        "seed": options.seed,
        "epochs": len(ours.history_),
        "tables": tables,
        "evaluation": evaluation,
        "wall_seconds": time.monotonic() - started,
    }


if __name__ == "__main__":
    main()
