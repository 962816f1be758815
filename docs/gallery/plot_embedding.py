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
from seisgeo.plotting import plot_embedding, plot_hits, plot_training

model = sg.SeisBind.from_pretrained("openfwi-small")

# %%
# Its training
# ------------
# Losses to the left; to the right the share of held-out pairs whose partner was found first, and
# the learning rate. Every fitted model has its ``history_``.

plot_training(model.history_)

# %%
# A map
# -----
# 1500 velocity models of OpenFWI's ten families, which the model has not seen, on the first two
# principal components of their embeddings. The axes say how little of the space that is.

families = sg.synth.geology.OPENFWI_FAMILIES
models = xr.concat([sg.synth.draw_velocity(f, 150, seed=5) for f in families], "sample")
embedding = model.transform(models)
descriptors = sg.descriptors.compute(models).descriptor_value

figure, axes = plt.subplots(2, 2, figsize=(13, 9), layout="constrained")
plot_embedding(embedding, "family", ax=axes[0, 0])
for ax, name in zip(axes.flat[1:], ("mean_velocity", "lower_velocity", "layer_count"), strict=True):
    plot_embedding(embedding, descriptors.sel(descriptor=name), ax=ax)

# %%
# t-SNE keeps neighbours together instead of distances.

plot_embedding(embedding, "family", method="tsne")

# %%
# What lies near a record
# -----------------------
# Three records are simulated over models of the gallery and then looked up in it, with the model
# that each was made from to the left. ``p`` is the calibrated probability that a hit is that model.

asked = models.isel(sample=[40, 640, 1040])
records = sg.synth.simulate(asked, model.survey_, engine="openfwi", device="cpu")
hits = model.retrieve(records[["amplitude"]], models)
hits["true_velocity"] = ("query", "depth", "x"), asked.velocity.values
plot_hits(hits, [0, 1, 2], k=4)
