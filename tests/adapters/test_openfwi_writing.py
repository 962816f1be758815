"""OpenFWI folders written, and read again."""

import numpy as np
import pytest
import xarray as xr
from openfwi_files import save_pair

from seisgeo import conventions
from seisgeo.adapters.openfwi import (
    write_openfwi,
)
from seisgeo.errors import ConventionError, FormatError, OutputExistsError


def training_cube(n=7, families=None):
    rng = np.random.default_rng(1)
    ds = xr.Dataset(
        {
            "amplitude": (
                ("sample", "source", "time", "receiver"),
                rng.normal(size=(n, 2, 30, 12)).astype(np.float32),
            ),
            "velocity": (
                ("sample", "depth", "x"),
                rng.integers(1500, 4500, (n, 20, 16)).astype(np.float32),
            ),
        },
        coords={
            "time": np.arange(30) * 0.004,
            "depth": np.arange(20) * 12.5,
            "x": np.arange(16) * 12.5,
            "source_x": ("source", [25.0, 50.0]),
            "source_depth": ("source", [6.0, 6.0]),
            "receiver_x": (("source", "receiver"), rng.uniform(0, 180, (2, 12))),
            "receiver_depth": (("source", "receiver"), np.full((2, 12), 8.0)),
        },
        attrs=conventions.provenance(survey='{"dt": 0.004}', seed=7),
    )
    if families:
        ds = ds.assign_coords(family=("sample", families))
    return conventions.describe(ds)


def reference_loader(annotation):
    """What FWIDataset of lanl/OpenFWI does with the lines of an annotation file."""
    with open(annotation) as stream:
        lines = stream.readlines()
    pairs = [line.split("\t") for line in lines]
    return [(np.load(p[0]), np.load(p[1][:-1]) if len(p) > 1 else None) for p in pairs]


@pytest.mark.parametrize("naming", ["data", "seis"])
def test_round_trip_keeps_values_coordinates_and_attributes(tmp_path, naming):
    ds = training_cube()
    out = write_openfwi(
        ds, tmp_path / "out", family="CurveFault_B", samples_per_file=3, naming=naming
    )
    back = xr.open_dataset(out)
    assert set(back["family"].values) == {"curvefault-b"}
    assert back.attrs["survey"] == ds.attrs["survey"]
    assert back.attrs["seed"] == 7
    assert back.attrs["source"] == str(out)
    kept = back.drop_vars(["family", "file", "index_in_file"])
    xr.testing.assert_equal(kept, ds)
    for name in ds.variables:
        assert back[name].attrs == ds[name].attrs


@pytest.mark.parametrize(
    ("naming", "files"),
    [
        ("data", ["data/data1.npy", "data/data2.npy", "data/data3.npy"]),
        ("seis", ["seis6_1_0.npy", "seis6_1_1.npy", "seis6_1_2.npy"]),
    ],
)
def test_written_folder_is_what_the_reference_loader_reads(tmp_path, naming, files):
    ds = training_cube()
    out = write_openfwi(
        ds, tmp_path / "out", family="FlatFault_B", samples_per_file=3, naming=naming
    )
    loaded = reference_loader(out / "annotation.txt")
    assert [s.shape for s, _ in loaded] == [(3, 2, 30, 12), (3, 2, 30, 12), (1, 2, 30, 12)]
    assert [v.shape for _, v in loaded] == [(3, 1, 20, 16), (3, 1, 20, 16), (1, 1, 20, 16)]
    np.testing.assert_array_equal(np.concatenate([s for s, _ in loaded]), ds["amplitude"])
    np.testing.assert_array_equal(np.concatenate([v for _, v in loaded])[:, 0], ds["velocity"])
    assert {s.dtype for pair in loaded for s in pair} == {np.dtype(np.float32)}
    assert all((out / f).is_file() for f in files)


def test_families_get_a_folder_each(tmp_path):
    ds = training_cube(families=["flatvel-a", "style-b"] * 3 + ["flatvel-a"])
    out = write_openfwi(ds, tmp_path / "out")
    back = xr.open_dataset(out)
    for family in ("flatvel-a", "style-b"):
        np.testing.assert_array_equal(
            back["velocity"][back["family"].values.astype(str) == family],
            ds["velocity"][ds["family"].values == family],
        )
    np.testing.assert_array_equal(back["receiver_x"], ds["receiver_x"])
    one = write_openfwi(ds, tmp_path / "one", family="Style_B")
    assert xr.open_dataset(one).sizes["sample"] == 3
    with pytest.raises(ConventionError, match="no family 'flatvel-b' in this cube; it has flatvel"):
        write_openfwi(ds, tmp_path / "none", family="flatvel-b")


def test_seismic_alone_and_velocity_alone(tmp_path):
    ds = training_cube()
    seismic = write_openfwi(ds.drop_vars("velocity"), tmp_path / "seismic")
    line = (seismic / "annotation.txt").read_text()
    assert np.load(line[:-1]).shape == (7, 2, 30, 12)
    velocity = write_openfwi(ds[["velocity"]], tmp_path / "velocity")
    assert set(xr.open_dataset(velocity).data_vars) == {"velocity"}


def test_lazy_cube_is_written_in_blocks(tmp_path, vel_family, monkeypatch):
    import seisgeo.adapters.openfwi_write as module

    monkeypatch.setattr(module, "BLOCK_BYTES", 2 * 4 * 35_000)
    root, seismic, _ = vel_family
    ds = xr.open_dataset(root, cache=False)
    out = write_openfwi(ds, tmp_path / "out", samples_per_file=5)
    np.testing.assert_array_equal(xr.open_dataset(out)["amplitude"], seismic)


def test_writer_says_what_it_leaves_out(tmp_path):
    ds = training_cube().assign(density=("sample", np.ones(7)))
    with pytest.warns(UserWarning, match="cannot hold density; left out"):
        write_openfwi(ds, tmp_path / "out")


def test_writer_refuses(tmp_path):
    ds = training_cube()
    with pytest.raises(ConventionError, match="this cube has no variables"):
        write_openfwi(xr.Dataset(), tmp_path / "out")
    gathers = xr.Dataset({"amplitude": (("shot", "receiver", "time"), np.zeros((1, 2, 3)))})
    with pytest.raises(ConventionError, match=r"'amplitude'.*has \(shot, receiver, time\)"):
        write_openfwi(gathers, tmp_path / "out")
    with pytest.raises(ConventionError, match="naming must be 'data' or 'seis', got 'x'"):
        write_openfwi(ds, tmp_path / "out", naming="x")
    with pytest.raises(ConventionError, match="samples_per_file must be at least 1, got 0"):
        write_openfwi(ds, tmp_path / "out", samples_per_file=0)
    assert not list(tmp_path.iterdir())
    write_openfwi(ds, tmp_path / "out")
    with pytest.raises(OutputExistsError, match="already exists"):
        write_openfwi(ds, tmp_path / "out")
    write_openfwi(ds[["velocity"]], tmp_path / "out", overwrite=True)
    assert not (tmp_path / "out" / "data").exists()


def test_coordinates_of_other_files_are_refused(tmp_path):
    out = write_openfwi(training_cube(), tmp_path / "out")
    save_pair(out / "data/data1.npy", out / "model/model1.npy")
    message = (
        r"data1\.npy: its shape is \(3, 5, 100, 70\), but .*cube\.json .*shape \(7, 2, 30, 12\)"
    )
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(out)
    assert xr.open_dataset(out, spacing=10.0).sizes["source"] == 5
    (out / "seisgeo-cube.json").write_text("[1]")
    with pytest.raises(FormatError, match=r"cube\.json: expected the coordinates"):
        xr.open_dataset(out)


def test_files_put_into_a_written_folder_keep_their_own_acquisition(tmp_path):
    ds = training_cube()
    out = write_openfwi(ds, tmp_path / "made")
    inner = out / "FlatVel_A"
    # The shapes of the written files, so that nothing but the name tells them apart.
    save_pair(inner / "data/data1.npy", inner / "model/model1.npy", shape=ds["amplitude"].shape[1:])
    for path in (inner, inner / "data", inner / "data" / "data1.npy"):
        alone = xr.open_dataset(path)
        assert "survey" not in alone.attrs
        assert alone["source_depth"].values.tolist() == [10.0, 10.0]
        np.testing.assert_allclose(alone["time"], np.arange(30) / 1000)
    for path in (out / "data", out / "model", out / "data" / "data1.npy"):
        own = xr.open_dataset(path)
        assert own.attrs["survey"] == ds.attrs["survey"]
        assert float(own["depth"][1]) == 12.5
    np.save(inner / "model" / "model1.npy", np.full((3, 1, 20, 16), 2000, np.float32))
    with pytest.raises(FormatError, match=r"FlatVel_A.*: .*cube\.json holds .*but not of this one"):
        xr.open_dataset(out)
    assert xr.open_dataset(out, spacing=10.0).sizes["sample"] == 10
    others = xr.open_dataset(out, family="FlatVel_A")
    assert others.sizes["sample"] == 3
    assert "survey" not in others.attrs


def test_a_written_folder_can_be_moved(tmp_path):
    ds = training_cube(families=["flatvel-a", "style-b"] * 3 + ["flatvel-a"])
    moved = write_openfwi(ds, tmp_path / "out").rename(tmp_path / "elsewhere")
    assert xr.open_dataset(moved / "style-b").attrs["survey"] == ds.attrs["survey"]


# Bad input
