"""
Velocity models drawn from geology
==================================

:func:`seisgeo.synth.draw_velocity` draws velocity models of a family: of the ten of OpenFWI, or of
those that field data need. The same seed and number give the same model, on any machine, whatever
else is drawn with it. This page shows each family, what goes with a model (density, S velocity),
crops of a model that is given, and a family of your own.
"""

# sphinx_gallery_thumbnail_number = 2
import dataclasses

import matplotlib.pyplot as plt
import numpy as np

from seisgeo import synth
from seisgeo.plotting import plot_velocity
from seisgeo.synth.geology import (
    OPENFWI_FAMILIES,
    SALT_VELOCITY,
    EarthFamily,
    Faults,
    Folds,
    Salt,
    Strata,
)


def sheet(families, columns=3, low=1500, high=4500, seed=0, **grid):
    """Some models of each family, a row for each, on one colour scale (m/s)."""
    shape = grid.get("shape", (70, 70))
    size = 3.4 * columns * min(shape[-1] / shape[0], 1.8) * 0.75, 2.3 * len(families)
    figure, rows = plt.subplots(
        len(families), columns, figsize=size, squeeze=False, layout="constrained"
    )
    for row, family in zip(rows, families, strict=True):
        models = synth.draw_velocity(family, columns, seed=seed, **grid)
        for i, ax in enumerate(row):
            plot_velocity(models, i, ax=ax, vmin=low, vmax=high, colorbar=False)
            ax.set_title(f"{models.family.values[0]}, number {i}", fontsize="medium")
            ax.label_outer()
    figure.colorbar(rows[0][0].images[0], ax=rows, label="P-wave velocity (m/s)", shrink=0.5)


# %%
# The families of OpenFWI
# -----------------------
# 70 x 70 cells of 10 m. A is gentle and gets faster with depth, B is strong. Mean and standard
# deviation of each family are those of the released maps.

sheet(OPENFWI_FAMILIES[:8], columns=4)

# %%
# The two Style families are a smooth Gaussian process on a trend.

sheet(OPENFWI_FAMILIES[8:], columns=4)

# %%
# Layers and what deforms them
# ----------------------------
# At field scale: 3 x 7.5 km, cells of 10 m. ``compaction`` is a gradient with fractal
# heterogeneity. ``folded`` has many layers on such a gradient. Below an ``unconformity`` older
# layers are tilted, folded and cut off.

FIELD = {"shape": (300, 750), "grid_spacing": 10.0}
sheet(["compaction", "folded", "unconformity"], **FIELD)

# %%
# Faults that were active while sediments were deposited: layers thicken on the downthrown side and
# the youngest are not displaced. ``listric`` faults flatten into a detachment, above which layers
# roll over. ``crossfault`` has pairs of normal faults that cross.

sheet(["listric", "crossfault"], **FIELD)

# %%
# What lies in the layers
# -----------------------
# Stacks of channels, cut and filled; salt diapirs, with tops that are rugged and bulbs that
# overhang their stems; gas or CO2 below seals, down to flat contacts.

sheet(["channel", "salt", "plume"], **FIELD)

# %%
# What lies on them
# -----------------
# ``marine`` has water of 1480 to 1520 m/s above a floor that slopes and is eroded. ``land`` has a
# weathering layer of uneven thickness, which delays waves by some milliseconds more here than
# there: statics.

sheet(["marine", "land"], low=1000, **FIELD)

# %%
# A closer look at the weathering layer, with cells of 2.5 m, and the delay of its uppermost 60 m
# against their mean.

land = synth.draw_velocity("land", [1], seed=0, shape=(160, 400), grid_spacing=2.5)
figure, (above, below) = plt.subplots(
    2, 1, sharex=True, height_ratios=(1, 2), figsize=(8, 5), layout="constrained"
)
delay = 1e3 * (2.5 / land.velocity[0, :24]).sum("depth")
above.plot(land.x, delay - delay.mean())
above.set_ylabel("delay (ms)")
plot_velocity(land.isel(depth=slice(48)), ax=below, title="land: the uppermost 120 m")
below.set_aspect("auto")

# %%
# Water can be laid over any family.

sheet(["salt"], water_depth=(200, 600), **FIELD)

# %%
# Three dimensions
# ----------------
# A shape of (depth, y, x) draws a cube; structure then strikes at angles to the axes.

cube = synth.draw_velocity("salt", [2], seed=4, shape=(80, 100, 120), grid_spacing=25.0)
figure, axes = plt.subplots(1, 3, figsize=(13, 3.4), layout="constrained")
for ax, plane in zip(axes, (cube.isel(y=50), cube.isel(x=60), cube.isel(depth=35)), strict=True):
    image = plane.velocity[0].plot.imshow(
        ax=ax, vmin=1500, vmax=4500, cmap="cet_CET_L20", add_colorbar=False
    )
    ax.set_aspect("equal")
    if "depth" in plane.dims:
        ax.invert_yaxis()
    ax.set_title(", ".join(f"{d} = {float(plane[d]):g} m" for d in ("y", "x", "depth")
                           if not plane[d].dims))  # fmt: skip
figure.colorbar(image, ax=axes, label="P-wave velocity (m/s)")

# %%
# Density and S velocity
# ----------------------
# By Gardner's relation and Castagna's mudrock line; water and salt have values of their own.

salt = synth.draw_velocity("salt", 1, seed=0, water_depth=(200, 400), **FIELD).isel(sample=0)
is_salt = salt.velocity == SALT_VELOCITY
salt["density"] = synth.density_from_velocity(salt.velocity, salt=is_salt)
salt["vs"] = synth.vs_from_velocity(salt.velocity, salt=is_salt)
figure, axes = plt.subplots(1, 3, figsize=(15, 2.8), layout="constrained")
for ax, name in zip(axes, ("velocity", "vs", "density"), strict=True):
    salt[name].plot.imshow(ax=ax, cmap="cet_CET_L20", robust=True)
    ax.set_aspect("equal")
    ax.invert_yaxis()
    ax.set_title(name)

# %%
# Crops of a model that is given
# ------------------------------
# A model of yours, Marmousi2 for instance, as training data: windows of any place and size, half
# of them mirrored, with velocities a little changed. ``draw_velocity`` and ``generate`` take the
# name of its file as a family; here the model is one of the above.

model = synth.draw_velocity("marine", 1, seed=6, **FIELD)
crops = synth.crop_velocity(model, 4, seed=0, zoom=(1.0, 4.0))
figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
for i, ax in enumerate(axes):
    plot_velocity(crops, i, ax=ax, vmin=1500, vmax=4500, colorbar=False, title=f"crop {i}")
    ax.label_outer()
figure.colorbar(axes[0].images[0], ax=axes, label="P-wave velocity (m/s)")

# %%
# A family of your own
# --------------------
# Families are composed of ingredients, each with its parameters and their units. Events are named
# from the youngest to the oldest.

mine = EarthFamily(
    strata=Strata(thickness=(0.015, 0.03), contrast=(0.08, 0.12)),
    events=(
        Faults(number=(2, 3), throw=(0.03, 0.08), dip=(55, 70), normal=1.0, quiet=(0.15, 0.25)),
        Folds(relief=(0.02, 0.08), wavelength=(1.0, 2.0)),
    ),
    bodies=(Salt(top=(0.5, 0.6), height=(0.15, 0.25)),),
)
sheet([mine], **FIELD)

# %%
# Parameters
# ----------
# What each family is drawn from. Where there are two numbers, each model draws its own between
# them. Lengths are fractions or multiples of the model's depth, so that a family looks alike on any
# grid. :func:`dataclasses.replace` makes a family with others.


def parameters(part, indent="  "):
    """Parameters of a family or an ingredient with their units, a line each."""
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if dataclasses.is_dataclass(inner):
                yield f"{indent}{field.name}: {type(inner).__name__}"
                yield from parameters(inner, indent + "  ")
        if "units" in field.metadata and value is not None and not dataclasses.is_dataclass(value):
            numbers = value if isinstance(value, tuple) else (value,)
            text = " to ".join(f"{number:g}" for number in numbers)
            yield f"{indent}{field.name}: {text} ({field.metadata['units']})"


for name, family in synth.FAMILIES.items():
    print(name, *parameters(family), sep="\n")

# %%
# Statistics
# ----------
# Mean and standard deviation over 100 models of each of OpenFWI's families.

for family in OPENFWI_FAMILIES:
    velocity = synth.draw_velocity(family, 100, seed=0).velocity.values.astype(np.float64)
    print(f"{family:13} mean {velocity.mean():5.0f} m/s, std {velocity.std():4.0f} m/s")
