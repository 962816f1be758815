"""
How SeisBind learns
===================

The training curves of the model that comes with seisgeo, and what each ingredient is worth: the
pictures of `the benchmark <../benchmark_seisbind.html>`_, drawn from the figures it has kept.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import seisgeo as sg
from seisgeo.plotting import plot_training

# %%
# A training
# ----------
# Every model keeps its history. ``openfwi-small`` was trained by the clock: the learning rate warms
# up over the first twentieth and falls along half a cosine. Recall is that of a pair held out among
# all that are.

model = sg.SeisBind.from_pretrained("openfwi-small")
epoch, rate = np.array([(row["epoch"], row["learning_rate"]) for row in model.history_]).T
figure, (above, below) = plt.subplots(
    2, 1, sharex=True, height_ratios=(3, 1), figsize=(7, 5.5), layout="constrained"
)
plot_training(model.history_, ax=above)
above.set_xlabel("")
below.plot(epoch, 1e3 * rate, color="0.3")
below.set(xlabel="epoch", ylabel="learning rate (1e-3)", ylim=(0, None))

# %%
# What each ingredient is worth
# -----------------------------
# One ingredient changed at a time, all trained alike (``benchmarks/seisbind.py --ablations``).
# The band is what ours spreads over its seeds: a shorter bar may be chance.

results = Path("../../benchmarks/results")
report = json.loads((results / "seisbind-small-amd-epyc.json").read_text(encoding="utf-8"))
part = report["parts"]["ablations"]
rows = part["tables"]["Ablations"]["rows"]
ours = rows["ours"]["recall_1"]
names = sorted(rows.keys() - {"ours"}, key=lambda n: -rows[n]["recall_1"]["mixed 10 000"]["mean"])
figure, axes = plt.subplots(
    1, len(ours), sharey=True, figsize=(12, 0.35 * len(names) + 1.6), layout="constrained"
)
for ax, key in zip(axes, ours, strict=True):
    each, mean = ours[key]["each"], ours[key]["mean"]
    ax.axvspan(min(each) - mean, max(each) - mean, color="0.85")
    change = [rows[name]["recall_1"][key]["mean"] - mean for name in names]
    ax.barh(names, change, color=["#b2182b" if c < 0 else "#2166ac" for c in change])
    ax.axvline(0, color="black", lw=0.8)
    ax.set(title=f"{key.replace('->', '→')}\nours {mean:.3f}", xlabel="change of R@1")
    ax.title.set_fontsize("medium")
spent = f"{part['settings']['minutes']:g} minutes{' of CPU time' * part['settings']['cpu']} each"
figure.suptitle(f"{report['size']['train']} pairs a family, {spent}")
