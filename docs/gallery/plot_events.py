"""
Synthetic events
================

:func:`seisgeo.synth.generate_events` makes three-component records of earthquakes, explosions,
icequakes, spikes and noise, and tells all that is true of them: arrivals, magnitude, place,
mechanism. This page looks at each kind, at a record section with its travel times, at the polarity
of first motions around a fault, and at what makes regions differ.
"""

# sphinx_gallery_thumbnail_number = 2
import colorcet as cc
import matplotlib.pyplot as plt
import numpy as np

from seisgeo import synth
from seisgeo.mechanism import moment_tensor
from seisgeo.synth.events import KINDS, REGIONS, Recorder, trace_rays
from seisgeo.synth.events.radiation import radiate

# %%
# The kinds
# ---------
# Each vertical record with its spectrogram; red lines are the P and S arrivals.

TWO = {"earthquake": ("craton", "volcano"), "icequake": ("ice-stream", "glacier")}
figure, axes = plt.subplots(5, 4, figsize=(14, 11), layout="constrained")
for row, kind in zip(axes, KINDS, strict=True):
    for pair, region in zip((row[:2], row[2:]), TWO.get(kind, ("craton", "glacier")), strict=True):
        events = synth.draw_events([3], kinds=kind, regions=region, seed=2)
        events["snr"][:] = np.where(events.source_type == "noise", np.nan, 25.0)
        cube = synth.simulate_events(events).isel(event=0)
        vertical = cube.amplitude.sel(component="Z")
        pair[0].plot(cube.time, 1e6 * vertical, "k", lw=0.4)
        size = "" if np.isnan(cube.magnitude) else f", M {float(cube.magnitude):.1f}"
        pair[0].set_title(f"{kind}, {region}{size}", fontsize="medium")
        pair[0].set_ylabel("velocity (µm/s)")
        pair[1].specgram(vertical, 128, 100.0, noverlap=112, vmin=-220, cmap=cc.cm.CET_L20)
        pair[1].set_ylabel("frequency (Hz)")
        for wave in ("p_arrival", "s_arrival"):
            if np.isfinite(cube[wave]):
                pair[0].axvline(float(cube[wave]), color="red", lw=0.7)
for ax in axes[-1]:
    ax.set_xlabel("time (s)")

# %%
# A record section
# ----------------
# One earthquake of magnitude 3.5 at 8 km depth, at stations from 8 to 180 km. Parameters are drawn,
# changed, and then simulated. Time is reduced with 8 km/s; lines are direct, head and reflected
# waves.

n = 40
region = REGIONS["plate-boundary"]
events = synth.draw_events(n, kinds="earthquake", regions=region, seed=4)
fixed = dict(source_depth=8e3, magnitude=3.5, stress_drop=3e6, strike=20.0, dip=80.0, rake=10.0)
for name, value in (fixed | dict(azimuth=40.0, p_arrival=5.0, snr=np.nan, noise_level=0.3)).items():
    events[name][:] = value
events["epicentral_distance"][:] = np.linspace(8e3, 180e3, n)
section = synth.simulate_events(events)

figure, axes = plt.subplots(1, 2, figsize=(13, 8), sharey=True, layout="constrained")
distance = section.epicentral_distance.values
reduced = section.time.values - (5.0 - section.p_travel_time.values + distance / 8e3)[:, None]
for ax, component in zip(axes, "ZE", strict=True):
    records = section.amplitude.sel(component=component).values
    for t, x, d in zip(reduced, records, distance, strict=True):
        ax.plot(t, d / 1e3 + 4 * x / abs(x).max(), "k", lw=0.4)
    for wave in "PS":
        times = trace_rays(region.model, np.full(n, 8e3), distance, wave).time
        ax.plot(times - distance[:, None] / 8e3, distance / 1e3, lw=0.8, color="red")
    ax.set(xlim=(-3, 45), title=component, xlabel="time - distance / 8 km/s (s)")
axes[0].set_ylabel("distance (km)")

# %%
# First motions
# -------------
# Around a strike-slip fault, up (filled) and down, over the P radiation of its moment tensor on the
# lower hemisphere.

events = synth.draw_events(60, kinds="earthquake", regions="craton", seed=5)
for name, value in dict(strike=30.0, dip=85.0, rake=5.0, source_depth=10e3).items():
    events[name][:] = value
heard = synth.simulate_events(events)
x, y = np.meshgrid(np.linspace(-1, 1, 300), np.linspace(-1, 1, 300))
radius = np.hypot(x, y)
takeoff = 2 * np.arcsin(np.minimum(radius / np.sqrt(2), 1))  # equal area
p, _, _ = radiate(moment_tensor(30.0, 85.0, 5.0), takeoff, np.arctan2(x, y))
figure, ax = plt.subplots(figsize=(5, 5), layout="constrained")
ax.imshow(
    np.where(radius < 1, p, np.nan), extent=(-1, 1, -1, 1), origin="lower", cmap=cc.cm.CET_D1A
)
rays = trace_rays(REGIONS["craton"].model, heard.source_depth.values,
                  heard.epicentral_distance.values, "P")  # fmt: skip
first = rays.takeoff[np.arange(60), rays.time.argmin(1)]
up = first > np.pi / 2  # these leave through the opposite point of the lower hemisphere
r = np.sqrt(2) * np.sin(np.where(up, np.pi - first, first) / 2)
a = np.radians(heard.azimuth.values) + np.pi * up
for sign, fill in ((1, "black"), (-1, "white")):
    which = heard.p_polarity.values == sign
    ax.scatter((r * np.sin(a))[which], (r * np.cos(a))[which], c=fill, edgecolors="black")
ax.set_axis_off()

# %%
# Regions
# -------
# Median spectra of 40 earthquakes of each region, and of its noise: sources, paths, sites and noise
# all differ.

figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
for ax, kind in zip(axes, ("earthquake", "noise"), strict=True):
    cube = synth.generate_events(
        40 * len(REGIONS), kinds=kind, recorder=Recorder(snr=(30, 30)), seed=1, progress=False
    )
    f = np.fft.rfftfreq(cube.sizes["time"], 0.01)
    for name in REGIONS:
        here = cube.amplitude.sel(component="Z").values[cube.region.values == name]
        spectrum = np.median(abs(np.fft.rfft(here)), 0)
        if kind == "earthquake":
            spectrum /= spectrum.max()
        smooth = np.convolve(spectrum, np.ones(15) / 15, "same")
        ax.loglog(f[8:], smooth[8:], label=name)
    ax.set(title=kind, xlabel="frequency (Hz)", ylabel="amplitude")
axes[0].legend()
