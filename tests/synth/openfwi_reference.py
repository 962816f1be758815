"""OpenFWI's forward scheme, plainly, in float64: what the engine is held against.

Written from the published description of the scheme alone; nothing of the engine's is used. Arrays
wrap around by themselves (numpy.roll), as the scheme does.
"""

from __future__ import annotations

import numpy as np

PAD = 120


def ricker(frequency, dt):
    """Wavelet: 2 floor(2.2 / f / dt / 2) + 1 samples, unit peak in the middle."""
    n = 2 * int(np.floor(2.2 / frequency / dt / 2)) + 1
    b = (np.pi * frequency * dt * (n // 2 - np.arange(n))) ** 2
    return (1 - 2 * b) * np.exp(-b)


def sponge(velocity, dx):
    """Damping (1/s) on the padded grid: sides over the full height, top and bottom inside them."""
    nz, nx = velocity.shape
    a = (PAD - 1) * dx
    kappa = 3 * velocity.min() * np.log(1e7) / (2 * a)
    strip = kappa * (np.arange(PAD) * dx / a) ** 2
    d = np.zeros((nz + 2 * PAD, nx + 2 * PAD))
    d[:PAD, PAD : PAD + nx] = strip[::-1, None]
    d[PAD + nz :, PAD : PAD + nx] = strip[:, None]
    d[:, :PAD] = strip[::-1]
    d[:, PAD + nx :] = strip
    return d


def simulate(velocity, sources, receivers, *, wavelet, nt, dt, dx):
    """Record of every shot, shape (source, time, receiver).

    `sources` are (depth, x) cells, shape (source, 2); `receivers` shape (source, receiver, 2).
    """
    velocity = np.asarray(velocity, float)
    v = np.pad(velocity, PAD, mode="edge")
    alpha = (v * dt / dx) ** 2
    k = sponge(velocity, dx) * dt
    shots = np.arange(len(sources))
    at = (shots, *(np.asarray(sources).T + PAD))
    listen = (shots[:, None], *(np.moveaxis(np.asarray(receivers), -1, 0) + PAD))
    emitted = np.zeros(nt)
    emitted[: len(wavelet)] = wavelet[:nt]
    strength = (v[at[1:]] * dt) ** 2
    old, now = np.zeros((2, len(sources), *v.shape))
    record = np.empty((len(sources), nt, listen[2].shape[1]))
    for n in range(nt):
        near = sum(np.roll(now, s, axis) for s in (-1, 1) for axis in (1, 2))
        far = sum(np.roll(now, s, axis) for s in (-2, 2) for axis in (1, 2))
        new = (2 - 5 * alpha - k) * now - (1 - k) * old + alpha * (4 / 3 * near - far / 12)
        new[at] += strength * emitted[n]
        old, now = now, new
        record[:, n] = now[listen]
    return record
