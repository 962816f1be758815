"""
Usual surveys
=============

:class:`seisgeo.synth.Survey` has a constructor for each usual acquisition. Each lays a model grid
around its positions; :func:`seisgeo.synth.draw_velocity` fills it, :func:`seisgeo.synth.simulate`
records. Stars are sources (red: the one of the gather), triangles its receivers. Gathers are shown
with a gain in time, and traces balanced.
"""

# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt
import numpy as np

from seisgeo import synth
from seisgeo.plotting import plot_gather, plot_survey_map, plot_velocity
from seisgeo.synth import Survey


def over(survey, family, number=0, **settings):
    """Gathers of a survey over one model of a family."""
    grid = {"shape": survey.model_shape, "grid_spacing": survey.grid_spacing}
    models = synth.draw_velocity(family, [number], seed=7, **grid, **settings)
    return synth.simulate(models, survey, device="cpu")


def gained(gathers):
    """The same for the eye: amplitudes that grow with time, and traces of one strength."""
    amplitude = gathers.amplitude * gathers.time**1.5
    return gathers.assign(amplitude=amplitude / np.sqrt((amplitude**2).mean("time")))


def show(gathers, source=0, along="offset"):
    """The model with the spread of one source, and its gather."""
    _, (left, right) = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained")
    plot_velocity(gathers, ax=left)
    one = gained(gathers).isel(sample=0, source=source)
    left.plot(one.receiver_x, one.receiver_depth, "v", color="white", mec="black", ms=4)
    left.plot(gathers.source_x, gathers.source_depth, "*", color="grey", mec="black", ms=10)
    left.plot(one.source_x, one.source_depth, "*", color="red", mec="black", ms=14)
    if along == "offset":
        plot_gather(
            gained(gathers), source=source, style="image", colorbar=False, clip=98, ax=right
        )
        return
    high = float(np.abs(one.amplitude).quantile(0.97))
    extent = [*one.receiver_depth.values[[0, -1]], one.time.values[-1], 0]
    right.imshow(
        one.amplitude, extent=extent, aspect="auto", cmap="cet_CET_D1A", vmin=-high, vmax=high
    )
    right.set(xlabel="receiver depth (m)", ylabel="time (s)")


# %%
# OpenFWI
# -------
# Five sources and 70 receivers on every cell of a 700 m square; every edge absorbs. The wavelet
# peaks at 72 ms.

show(over(Survey.openfwi(), "curvevel-b"), source=2)

# %%
# Land
# ----
# A fixed spread at the surface, which absorbs: scalar waves have no ground roll.
# :func:`seisgeo.synth.noise.add_ground_roll` adds one.

show(over(Survey.land(n_sources=3, n_receivers=80), "folded"), source=1)

# %%
# Streamer
# --------
# Channels towed behind the source under a free surface, with the ghosts of both and the water
# layer's multiples. Each shot has its own spread; the stacking chart shows it move on.

survey = Survey.streamer(n_sources=4, n_receivers=80, depth=1500.0, record_length=2.0)
marine = over(survey, "marine", water_depth=(200, 300))
show(marine, source=3)

# %%

_, ax = plt.subplots(figsize=(8, 2.5), layout="constrained")
plot_survey_map(
    marine.isel(sample=0, drop=True)[["offset"]].rename(source="shot").drop_vars("offset"), ax=ax
)

# %%
# Ocean-bottom nodes
# ------------------
# Receivers on the sea floor, shots near the surface above them.

nodes = Survey.ocean_bottom(n_sources=3, depth=1500.0, record_length=2.0)
show(over(nodes, "listric", water_depth=(290, 300)), source=1)

# %%
# Crosswell
# ---------
# Sources down one well, receivers down another. Head waves along fast layers overtake the direct
# wave.

wells = Survey.crosswell(n_sources=3, bottom=500.0, peak_frequency=60.0, record_length=0.3)
crosswell = over(wells, "flatvel-b", number=3, velocity_range=(2000, 4000))
show(crosswell, source=1, along="depth")

# %%
# Vertical seismic profile
# ------------------------
# Downgoing waves descend to the right; reflections meet them at their interfaces.

well = Survey.vsp(source_offsets=(-400.0, 60.0), bottom=1200.0, depth=1400.0, record_length=1.0)
show(over(well, "unconformity", number=2, velocity_range=(1800, 4000)), source=1, along="depth")

# %%
# Three dimensions
# ----------------
# A grid of receivers, and a source in its middle, over a folded volume: the record of a row of
# receivers, and what arrives everywhere at one time.

areal = Survey.areal(n_receivers=(17, 17), depth=500.0, record_length=0.6, peak_frequency=8.0)
volume = over(areal, "folded", velocity_range=(1800, 3500))
record = volume.amplitude.values[0, 0].reshape(areal.nt, 17, 17)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
style = {"aspect": "auto", "cmap": "cet_CET_D1A"}
row = record[:, 8] * areal.time[:, None]
left.imshow(
    row, extent=[0, 800, 0.6, 0], vmin=-np.abs(row).max() / 2, vmax=np.abs(row).max() / 2, **style
)
left.set(xlabel="x along the spread (m)", ylabel="time (s)", title="the row through the source")
now = record[round(0.16 / areal.dt)]
right.imshow(now, extent=[0, 800, 800, 0], vmin=-np.abs(now).max(), vmax=np.abs(now).max(), **style)
right.set(xlabel="x along the spread (m)", ylabel="y across (m)", title="all receivers at 0.16 s")
right.set_aspect("equal")
