"""
A new survey with few pairs
===========================

How many simulated pairs of a new survey a SeisBind needs, from scratch and from models that know
other surveys. The figures are those of ``python benchmarks/seisbind.py --only finetune``; its part
in :doc:`/benchmark_seisbind` says how they were made.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt

results = Path.cwd()
while not (results / "benchmarks").is_dir():
    results = results.parent
report = max((results / "benchmarks" / "results").glob("seisbind-medium-*.json"))
parts = json.loads(report.read_text(encoding="utf-8"))["parts"]
rows = parts["finetune"]["tables"]["A new survey, by pairs learned from"]["rows"]

# %%
# Recall over the number of pairs
# -------------------------------
# A marine streamer that no model has seen, asked with 1 000 gathers against their 1 000 models.
# Bars are 95 % intervals of a bootstrap over the queries; dotted is what a model finds that has
# not learned from a single pair of this survey. A model of many streamers with a tenth of the
# pairs, or with none, finds more than a model from scratch.

ways = {
    "from scratch": None,
    "from the general model": "the general model as it is",
    "from a model of many streamers": "the model of many streamers as it is",
}
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", sharex=True)
for ax, measure, label in zip(axes, ("recall_1", "recall_10"), ("R@1", "R@10"), strict=True):
    for color, (way, as_it_is) in enumerate(ways.items()):
        found = {int(n.split()[-2]): r for n, r in rows.items() if n.startswith(f"{way}, ")}
        value = [row[measure] for row in found.values()]
        low, high = zip(*(row[f"{measure}_interval"] for row in found.values()), strict=True)
        error = [[v - a for v, a in zip(value, low, strict=True)]]
        error.append([b - v for v, b in zip(value, high, strict=True)])
        ax.errorbar(list(found), value, error, marker="o", capsize=3, color=f"C{color}", label=way)
        if as_it_is is not None:
            ax.axhline(rows[as_it_is][measure], color=f"C{color}", linestyle=":")
    ax.set(xscale="log", ylim=(0, 1), xlabel="pairs of the new survey", ylabel=label)
    ax.set_xticks(list(found), [str(count) for count in found])
    ax.minorticks_off()
    ax.grid(alpha=0.3)
axes[0].legend(loc="upper left")
plt.show()
