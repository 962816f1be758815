"""
The embedding space
===================

SeisBind puts gathers, velocity models and physical descriptors in one space. This page looks at
that of ``openfwi-small``, the trained model that comes with seisgeo: how its training went, what
lies where, and what is found near a record. ``notebooks/03_seisbind.ipynb`` goes through all that
the model does.
"""

# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt
import xarray as xr

import seisgeo as sg
from seisgeo.plotting import plot_embedding, plot_training, plot_velocity

model = sg.SeisBind.from_pretrained("openfwi-small")

# %%
# Its training
# ------------
# Losses to the left; to the right the share of held-out pairs whose partner was found first, and
# the learning rate. Every fitted model has its ``history_``.

_, ax = plt.subplots(figsize=(8, 4), layout="constrained")
plot_training(model.history_, ax=ax)

# %%
# A map
# -----
# 600 velocity models of OpenFWI's ten families, which the model has not seen. The first two
# principal components of their embeddings keep distances, and the axes say how little of the space
# that is. t-SNE keeps neighbours together instead, and shows what the space is ordered by.

families = sg.synth.geology.OPENFWI_FAMILIES
models = xr.concat([sg.synth.draw_velocity(f, 60, seed=5) for f in families], "sample")
embedding = model.transform(models)
descriptors = sg.descriptors.compute(models).descriptor_value

figure, axes = plt.subplots(2, 2, figsize=(13, 9), layout="constrained")
plot_embedding(embedding, descriptors.sel(descriptor="upper_velocity"), ax=axes[0, 0])
plot_embedding(embedding, "family", method="tsne", ax=axes[1, 1])
for ax, name in zip((axes[0, 1], axes[1, 0]), ("upper_velocity", "mean_velocity"), strict=True):
    plot_embedding(embedding, descriptors.sel(descriptor=name), method="tsne", ax=ax)

# %%
# What lies near a record
# -----------------------
# Three records are simulated over models of the gallery and then looked up in it. To the left the
# model that each was made from; ``p`` is the calibrated probability that a hit is that model.
# :func:`seisgeo.plotting.plot_hits` draws such sheets with one call.

asked = models.isel(sample=[20, 250, 430])
records = sg.synth.simulate(asked, model.survey_, engine="openfwi", device="cpu")
hits = model.retrieve(records[["amplitude"]], models, k=4)

figure, axes = plt.subplots(3, 5, figsize=(13, 8), layout="constrained", sharex=True, sharey=True)
look = {"vmin": 1500, "vmax": 4500, "colorbar": False}
for query, row in enumerate(axes):
    plot_velocity(asked, query, ax=row[0], title="made from", **look)
    for rank, ax in enumerate(row[1:]):
        hit = hits.isel(query=query, rank=rank)
        title = f"rank {rank + 1}   {hit.score.item():.3f}   p {hit.probability.item():.2f}"
        plot_velocity(hit[["velocity"]], ax=ax, title=title, **look)
for ax in axes.flat:
    ax.label_outer()
figure.colorbar(axes[0, 0].images[0], ax=axes, label="P-wave velocity (m/s)", shrink=0.7)
