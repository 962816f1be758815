"""What the commands work on."""

import pytest
from marine import marine_shots

from seisgeo import adapters, cli


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A folder with a field line, a training set, a test set, and a model."""
    folder = tmp_path_factory.mktemp("home")
    adapters.write_segy(marine_shots(), folder / "line.sgy")
    for words in (
        ["synth", "--families", "flatvel-a,curvevel-b", "-n", 20, "--survey", folder / "line.sgy",
         "--out", folder / "train.zarr", "--workers", 1, "--device", "cpu"],
        ["synth", "--families", "curvevel-b", "-n", 12, "--survey", folder / "line.sgy",
         "--out", folder / "test.zarr", "--workers", 1, "--device", "cpu", "--seed", 1],
        ["fit", folder / "train.zarr", "--out", folder / "line.seisbind",
         "--max-epochs", 2, "--batch-size", 16, "--device", "cpu"],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            cli.main([str(word) for word in words])
        assert not stop.value.code
    return folder
