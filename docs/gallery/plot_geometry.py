"""
Geometry found in real files
============================

SEG-Y does not say what its traces make: shots, a stack, a line. seisgeo finds it in the trace
headers, and says how sure it is, and why. The real files of this page are public samples, fetched
once by :func:`seisgeo.samples.fetch` (or taken from the folder that ``SEISGEO_DATA_DIR`` names);
where one is not to be had, its section says so. The files with known geometry are made here.
"""

# sphinx_gallery_thumbnail_number = 3
import warnings
from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

import seisgeo as sg
from seisgeo.summary import summarise
from seisgeo.summary_text import summary_text

warnings.simplefilter("ignore", sg.errors.HeaderWarning)  # the printouts tell them first


def sample(name):
    """A public file, or None where there is no network."""
    try:
        return sg.samples.fetch(name)
    except sg.SeisgeoError:
        print(f"{name} is not to be had here")
        return None


def tell(path, **options):
    """What ``seisgeo info`` prints."""
    text = summary_text(summarise(path, **options))
    print(text.replace(str(path), path.name))


# %%
# Marine shots
# ------------
# Four shots of a streamer line. The trace headers count more samples than the file holds and claim
# coordinates in degrees; what fits the file is used, and the contradictions come first. Field
# records group the traces, channels tell them apart: confidence high.

marine = sample("viking_small.segy")
if marine:
    tell(marine)

# %%
# Every trace has its place, and the spread moves on with the ship.

if marine:
    shots = xr.open_dataset(marine)
    _, ax = plt.subplots(figsize=(8, 3), layout="constrained")
    shots.seis.plot_survey_map(ax=ax)

# %%
# A land shot with coordinates in doubt
# -------------------------------------
# The scalar makes receivers lie 10 km apart, which no wave crosses within the record. It is stated,
# so it is believed, and reported with the scale that would make sense, which is given here. All
# offsets are zero, so they are computed.

land = sample("real_gather.sgy")
if land:
    tell(land, coordinate_scale=1e-4)

# %%
# A decimated, rotated 3-D survey
# -------------------------------
# Every fourth line of a velocity model in depth, turned against north. A least squares fit takes
# inline and crossline numbers to coordinates, to the centimetre that the headers have: numbers to
# work with, in ``attrs``.

volve = sample("volve10-migvel-depth-sub3d.sgy")
if volve:
    tell(volve)

# %%

if volve:
    cube = xr.open_dataset(volve)
    a, b, c, d, e, f = cube.attrs["grid_affine"]
    inline, crossline = cube["inline"].values[0], cube["crossline"].values
    figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    ax.plot(cube["cdp_x"].values.ravel(), cube["cdp_y"].values.ravel(), ".", ms=3, label="headers")
    ax.plot(
        a + b * inline + c * crossline,
        d + e * inline + f * crossline,
        label=f"inline {inline}, by the map",
    )
    ax.set(aspect="equal", xlabel="CDP easting (m)", ylabel="CDP northing (m)")
    ax.legend()

# %%
# One line in three orders
# ------------------------
# A file may hold the same traces as shots, as receiver gathers or as CDP gathers. Here a made line
# is sorted in each way. Nothing but the order of its traces changes, and the cube follows it.

work = Path(mkdtemp())
n_shots, n_channels = 30, 24
shot, channel = (axis.ravel() for axis in np.mgrid[0:n_shots, 0:n_channels])
source = 5000.0 + 50 * shot
receiver = source - 150 - 25 * channel
cdp = np.rint((source + receiver) / 25).astype(int)
cdp -= cdp.min() - 1
time = np.arange(250) * 0.004
arrival = np.sqrt(0.35**2 + ((receiver - source) / 1900) ** 2)
phase = (np.pi * 18 * (time - arrival[:, None])) ** 2
wave = ((1 - 2 * phase) * np.exp(-phase)).astype("float32")


def write_sorted(name, order):
    """The line with its traces in some order, as one long record that is then renumbered."""
    line = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), wave[order][None])},
        coords={
            "time": time,
            "channel": ("receiver", np.arange(order.size) + 1),
            "source_x": ("shot", [0.0]),
            "source_y": ("shot", [0.0]),
            "receiver_x": (("shot", "receiver"), receiver[order][None]),
            "receiver_y": (("shot", "receiver"), np.zeros((1, order.size))),
            "offset": (("shot", "receiver"), (receiver - source)[order][None]),
            "cdp": (("shot", "receiver"), cdp[order][None]),
        },
    )
    path = sg.adapters.write_segy(sg.conventions.describe(line), work / name)
    headers = np.memmap(path, np.uint8, "r+", offset=3600).reshape(order.size, -1)
    for byte, numbers in {9: shot + 1, 13: channel + 1, 73: source}.items():
        headers[:, byte - 1 : byte + 3] = numbers[order].astype(">i4")[:, None].view(np.uint8)
    headers.flush()
    return path


orders = {
    "shots.sgy": np.lexsort((channel, shot)),
    "receivers.sgy": np.lexsort((shot, receiver)),
    "cdps.sgy": np.lexsort((channel, cdp)),
}
cubes = {name: xr.open_dataset(write_sorted(name, order)) for name, order in orders.items()}
for name, cube in cubes.items():
    print(f"{name:14} {dict(cube['amplitude'].sizes)}")
    print(f"{'':14} confidence {cube.attrs['confidence']}: {cube.attrs['interpretation']}")

# %%
# The middle gather of each, traces as they stand in it; the reflection is the same one.

figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), sharey=True, layout="constrained")
for ax, (name, cube) in zip(axes, cubes.items(), strict=True):
    gather = cube["amplitude"][cube["amplitude"].shape[0] // 2]
    gather = gather.dropna(gather.dims[0], how="all")
    ax.imshow(
        gather.values.T,
        aspect="auto",
        cmap="gray_r",
        extent=(0.5, gather.shape[0] + 0.5, time[-1], 0),
    )
    ax.set(title=name, xlabel=f"{gather.dims[0]} in a {cube['amplitude'].dims[0]} gather")
axes[0].set_ylabel("time (s)")

# %%
# When the headers mislead
# ------------------------
# ``layout`` asks for another arrangement, ``keys`` names the header fields that group the traces.

as_shots = xr.open_dataset(work / "cdps.sgy", layout="shots", keys="field_record")
print(dict(as_shots["amplitude"].sizes), as_shots.attrs["confidence"], as_shots.attrs["sort_order"])
