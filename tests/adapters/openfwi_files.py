"""OpenFWI files to read."""

import numpy as np

SHAPE = (5, 100, 70)


def save_pair(seismic_path, velocity_path, n=3, seed=0, dtype=np.float32, shape=SHAPE):
    """A small file pair with the axes of the real ones; returns what is in it."""
    rng = np.random.default_rng(seed)
    seismic = rng.normal(size=(n, *shape)).astype(dtype)
    velocity = rng.integers(1500, 4500, (n, 1, 70, 70)).astype(dtype)
    for path, values in ((seismic_path, seismic), (velocity_path, velocity)):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values)
    return seismic, velocity[:, 0]
