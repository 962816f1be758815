"""Generated folders as the loader of lanl/OpenFWI reads them, with the settings of its training.

The class below does, in the same order, what ``FWIDataset`` in that repository's ``dataset.py``
does: lines with their ends, split at the tab, the last character cut off; files of one number of
samples; a sample is number ``i % file_size`` of file ``i // file_size``. Its ranges are those of
``dataset_config.json``.
"""

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from seisgeo.synth import draw_velocity, generate, output

#: Of curvefault-b: raw amplitudes, before log1p; velocities (m/s).
DATA_RANGE, LABEL_RANGE = (-24.93, 50.98), (1500, 4500)


class ReferenceLoader(Dataset):
    def __init__(self, annotation, file_size, preload=True):
        with open(annotation) as stream:
            self.lines = stream.readlines()
        self.file_size = file_size
        self.loaded = [self.load(line) for line in self.lines] if preload else None

    def load(self, line):
        seismic, velocity = line.split("\t")
        seismic, velocity = np.load(seismic)[:, :, ::1, :], np.load(velocity[:-1])
        return seismic.astype("float32"), velocity.astype("float32")

    def __len__(self):
        return len(self.lines) * self.file_size

    def __getitem__(self, index):
        number, own = divmod(index, self.file_size)
        pair = self.loaded[number] if self.loaded else self.load(self.lines[number])
        seismic, velocity = pair[0][own].copy(), pair[1][own].copy()
        low, high = np.sign(DATA_RANGE) * np.log1p(np.abs(DATA_RANGE))
        seismic = (np.log1p(np.abs(seismic)) * np.sign(seismic) - low) / (high - low)
        velocity = (velocity - LABEL_RANGE[0]) / (LABEL_RANGE[1] - LABEL_RANGE[0])
        return (2 * seismic - 1).astype("float32"), (2 * velocity - 1).astype("float32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two files of three samples; OpenFWI's own would hold 500."""
    out = tmp_path_factory.mktemp("openfwi") / "curvefault"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "samples_per_file", lambda n: 3)
        generate("curvefault-b", 6, out=out, format="npy", engine="openfwi", seed=4, device="cpu",
                 workers=1, progress=False)  # fmt: skip
    return out


def test_the_files_are_named_and_shaped_as_the_released_ones(folder):
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*.npy")}
    assert found == {"data/data1.npy", "data/data2.npy", "model/model1.npy", "model/model2.npy"}
    lines = (folder / "annotation.txt").read_text().splitlines()
    assert [line.split("\t") for line in lines] == [
        [str(folder / "data" / f"data{i}.npy"), str(folder / "model" / f"model{i}.npy")]
        for i in (1, 2)
    ]
    for name in found:
        values = np.load(folder / name, allow_pickle=False)
        assert values.shape == ((3, 5, 1000, 70) if name.startswith("data") else (3, 1, 70, 70))
        assert values.dtype == np.dtype("<f4")
        assert values.flags.c_contiguous


@pytest.mark.parametrize("preload", [True, False])
def test_the_reference_loader_trains_on_them(folder, preload, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a training stands in a folder of its own
    pairs = ReferenceLoader(folder / "annotation.txt", file_size=3, preload=preload)
    assert len(pairs) == 6
    batches = list(DataLoader(pairs, batch_size=2))
    assert [tuple(b[0].shape) for b in batches] == [(2, 5, 1000, 70)] * 3
    assert [tuple(b[1].shape) for b in batches] == [(2, 1, 70, 70)] * 3
    velocity = np.concatenate([b[1] for b in batches])
    drawn = draw_velocity("curvefault-b", 6, seed=4)["velocity"].values
    np.testing.assert_allclose((velocity[:, 0] + 1) * 1500 + 1500, drawn, rtol=1e-6)
    # The ranges of OpenFWI's own data hold for these, and are used: models and gathers fit.
    seismic = np.concatenate([b[0] for b in batches])
    assert -1.05 < seismic.min() < -0.8
    assert 0.8 < seismic.max() < 1.05
    assert np.abs(velocity).max() <= 1
