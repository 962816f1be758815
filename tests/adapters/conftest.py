"""OpenFWI folders as they are published."""

import numpy as np
import pytest
from openfwi_files import SHAPE, save_pair


@pytest.fixture
def vel_family(tmp_path):
    """FlatVel_A with files 1, 2, 10 (train) and 49 (test)."""
    root = tmp_path / "FlatVel_A"
    arrays = [
        save_pair(root / f"data/data{n}.npy", root / f"model/model{n}.npy", seed=n)
        for n in (1, 2, 10, 49)
    ]
    return root, *(np.concatenate(a) for a in zip(*arrays, strict=True))


@pytest.fixture
def kaggle(tmp_path):
    """Kaggle's layout: two families under train_samples, records without maps under test."""
    root = tmp_path / "waveform-inversion"
    for family in ("FlatVel_A", "Style_B"):
        for n in (1, 2):
            folder = root / "train_samples" / family
            save_pair(folder / f"data/data{n}.npy", folder / f"model/model{n}.npy", n=2, seed=n)
    for family, p in (("CurveFault_A", 2), ("FlatFault_B", 6)):
        folder = root / "train_samples" / family
        save_pair(folder / f"seis{p}_1_0.npy", folder / f"vel{p}_1_0.npy", n=2, seed=p)
    (root / "test").mkdir()
    for name in ("000030dca2", "fffdb30d1b"):
        np.save(root / f"test/{name}.npy", np.full(SHAPE, 1.5, np.float32))
    return root


# Layouts
