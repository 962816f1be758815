"""OpenFWI folders opened: layouts, laziness, indexing."""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from openfwi_files import SHAPE, save_pair

from seisgeo import conventions
from seisgeo.errors import FormatError


def test_vel_family_is_one_cube_over_its_files_in_number_order(vel_family):
    root, seismic, velocity = vel_family
    ds = xr.open_dataset(root)
    conventions.validate(ds, "gathers", values=True)
    conventions.validate(ds, "velocity", values=True)
    assert ds["amplitude"].dims == ("sample", "source", "time", "receiver")
    np.testing.assert_array_equal(ds["amplitude"], seismic)
    np.testing.assert_array_equal(ds["velocity"], velocity)
    assert ds["file"].values[[0, 3, 6, 9]].tolist() == [f"data/data{n}.npy" for n in (1, 2, 10, 49)]
    assert ds["index_in_file"].values.tolist() == [0, 1, 2] * 4
    assert set(ds["family"].values) == {"flatvel-a"}
    assert ds.attrs["source_format"] == "OpenFWI"
    assert ds.attrs["source"] == str(root)


def test_acquisition_is_openfwi_s(vel_family):
    ds = xr.open_dataset(vel_family[0])
    assert ds["source_x"].values.tolist() == [0, 170, 340, 520, 690]
    np.testing.assert_array_equal(ds["receiver_x"], np.arange(70) * 10.0)
    assert set(ds["source_depth"].values) == set(ds["receiver_depth"].values) == {10.0}
    np.testing.assert_allclose(ds["time"], np.arange(100) / 1000)
    np.testing.assert_array_equal(ds["depth"], np.arange(70) * 10.0)
    np.testing.assert_array_equal(ds["x"], ds["receiver_x"])


def test_spacing_and_dt_can_be_told(vel_family):
    ds = xr.open_dataset(vel_family[0], spacing=5.0, dt=0.002)
    assert ds["source_x"].values.tolist() == [0, 85, 170, 260, 345]
    assert float(ds["time"][-1]) == pytest.approx(0.198)
    assert float(ds["receiver_depth"][0]) == 5.0


def test_fault_family_in_one_flat_folder(tmp_path):
    root = tmp_path / "CurveFault_B"
    kept = [
        save_pair(root / f"seis{p}_1_{i}.npy", root / f"vel{p}_1_{i}.npy", seed=p + i)
        for p, i in ((6, 0), (6, 33), (8, 2))
    ]
    ds = xr.open_dataset(root)
    np.testing.assert_array_equal(ds["amplitude"], np.concatenate([k[0] for k in kept]))
    np.testing.assert_array_equal(ds["velocity"], np.concatenate([k[1] for k in kept]))
    assert xr.open_dataset(root, split="test")["file"].values[0] == "seis6_1_33.npy"


def test_kaggle_layout_is_one_dataset_with_families(kaggle):
    for folder in (kaggle, kaggle / "train_samples"):
        ds = xr.open_dataset(folder)
        assert ds.sizes["sample"] == 12
        families, counts = np.unique(ds["family"].values.astype(str), return_counts=True)
        assert dict(zip(families.tolist(), counts.tolist(), strict=True)) == {
            "flatvel-a": 4,
            "style-b": 4,
            "curvefault-a": 2,
            "flatfault-b": 2,
        }


def test_family_selects(kaggle):
    ds = xr.open_dataset(kaggle, family=["Style_B", "curvefault-a"])
    assert set(ds["family"].values.astype(str)) == {"style-b", "curvefault-a"}
    with pytest.raises(FormatError, match=r"no family 'flatfault-a' here.*flatfault-b"):
        xr.open_dataset(kaggle, family="FlatFault_A")


def test_single_file_opens_with_its_pair(vel_family):
    root, seismic, velocity = vel_family
    ds = xr.open_dataset(root / "data/data2.npy")
    np.testing.assert_array_equal(ds["amplitude"], seismic[3:6])
    np.testing.assert_array_equal(ds["velocity"], velocity[3:6])
    assert ds["family"].values[0] == "flatvel-a"


def test_data_folder_finds_the_maps_beside_it(vel_family):
    root, _, velocity = vel_family
    np.testing.assert_array_equal(xr.open_dataset(root / "data")["velocity"], velocity)


def test_single_record_without_a_map(kaggle):
    ds = xr.open_dataset(kaggle / "test" / "000030dca2.npy")
    assert set(ds.data_vars) == {"amplitude"}
    assert dict(ds.sizes) == {"sample": 1, "source": 5, "time": 100, "receiver": 70}
    assert float(ds["amplitude"].min()) == 1.5
    assert ds["source_x"].values.tolist() == [0, 170, 340, 520, 690]


def test_folder_of_records(kaggle):
    ds = xr.open_dataset(kaggle / "test")
    assert ds.sizes["sample"] == 2
    assert ds["file"].values.tolist() == ["000030dca2.npy", "fffdb30d1b.npy"]
    assert "family" not in ds.coords


def test_velocity_maps_alone(vel_family, tmp_path):
    root, _, velocity = vel_family
    maps = np.full((4, 1, 128, 96), 2500, np.float32)
    np.save(tmp_path / "marmousi_slices.npy", maps)
    ds = xr.open_dataset(tmp_path / "marmousi_slices.npy", spacing=25.0)
    assert dict(ds.sizes) == {"sample": 4, "depth": 128, "x": 96}
    assert float(ds["x"][-1]) == 95 * 25.0
    assert set(xr.open_dataset(root / "model/model1.npy").data_vars) == {"velocity"}
    np.testing.assert_array_equal(xr.open_dataset(root / "model")["velocity"], velocity)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("p.npy", 0.3, "amplitude"),
        ("p.npy", 2500.0, "velocity"),
        ("p.npy", 2.5, "amplitude"),
        ("seismic.npy", 0.3, "amplitude"),
        ("data.npy", 2500.0, "amplitude"),
        ("velocity_maps.npy", 2.5, "velocity"),
        ("Models.npy", 2.5, "velocity"),
    ],
)
def test_one_channel_is_velocity_by_its_name_or_its_values(tmp_path, name, values, kind):
    """Gathers of a single source have the shape of velocity maps, (sample, 1, ., .)."""
    for order in "CF":
        array = np.full((4, 1, 100, 20), values, np.float32, order=order)
        array[0, 0, 50, 3] *= 1.5
        np.save(tmp_path / name, array)
        ds = xr.open_dataset(tmp_path / name)
        assert set(ds.data_vars) == {kind}
        np.testing.assert_array_equal(ds[kind].values.reshape(array.shape), array)


def test_real_marmousi_slices(data_dir):
    path = data_dir / "velocity" / "marmousi_slices_20x128x128.npy"
    ds = xr.open_dataset(path)
    conventions.validate(ds, "velocity", values=True)
    np.testing.assert_array_equal(ds["velocity"], np.load(path)[:, 0])


def test_half_precision_is_delivered_as_float32(tmp_path):
    seismic, _ = save_pair(tmp_path / "seis2_1_0.npy", tmp_path / "vel2_1_0.npy", dtype=np.float16)
    ds = xr.open_dataset(tmp_path)
    assert ds["amplitude"].dtype == np.float32
    np.testing.assert_array_equal(ds["amplitude"][1], seismic[1].astype(np.float32))


def test_fortran_order_big_endian_and_other_sizes(tmp_path):
    seismic = np.arange(2 * 3 * 8 * 11, dtype=">f8").reshape(2, 3, 8, 11)
    np.save(tmp_path / "data1.npy", np.asfortranarray(seismic))
    np.save(tmp_path / "model1.npy", np.full((2, 1, 9, 21), 1800, np.int16))
    ds = xr.open_dataset(tmp_path)
    np.testing.assert_array_equal(ds["amplitude"], seismic)
    assert ds["source_x"].values.tolist() == [0, 100, 200]
    assert ds["receiver_x"].values.tolist() == (np.arange(11) * 20.0).tolist()


def test_zarr_folders_and_folders_without_npy_are_left_to_others(tmp_path):
    backend = xr.backends.list_engines()["seisgeo-openfwi"]
    (tmp_path / "a.zarr").mkdir()
    np.save(tmp_path / "a.zarr" / "data1.npy", np.zeros((1, *SHAPE)))
    (tmp_path / "labels").mkdir()
    np.save(tmp_path / "labels" / "class.npy", np.zeros(3))
    assert not backend.guess_can_open(tmp_path / "a.zarr")
    assert not backend.guess_can_open(tmp_path / "labels")
    assert not backend.guess_can_open(tmp_path / "line.sgy")
    assert not backend.guess_can_open(b"\x93NUMPY")


# Laziness


def test_one_sample_of_a_file_larger_than_memory(tmp_path):
    """A sparse file of 700 GB: reading more than the sample would never end."""
    n = 5_000_000
    with (tmp_path / "seis2_1_0.npy").open("wb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n, *SHAPE)}
        np.lib.format.write_array_header_1_0(stream, header)
        start = stream.tell()
        stream.seek(start + (n - 2) * 4 * 35_000)
        stream.write(np.full(35_000, 7, "<f4").data)
        stream.truncate(start + n * 4 * 35_000)
    ds = xr.open_dataset(tmp_path / "seis2_1_0.npy")
    assert ds.sizes["sample"] == n
    two = ds["amplitude"].isel(sample=[3, n - 2], receiver=slice(10, 12))
    assert two.values[:, 0, 0, 0].tolist() == [0, 7]
    assert ds["amplitude"].isel(sample=-2, time=5, source=0).values.tolist() == [7] * 70


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    root = tmp_path_factory.mktemp("stack")
    kept = [
        save_pair(root / f"data{n}.npy", root / f"model{n}.npy", n=n, seed=n, shape=(2, 6, 5))
        for n in (1, 2, 4)
    ]
    return xr.open_dataset(root, cache=False), np.concatenate([k[0] for k in kept])


def axis_index(size):
    ints = st.integers(-size, size - 1)
    # xarray itself fails on empty slices that run backwards
    slices = st.slices(size).filter(lambda s: len(range(*s.indices(size))))
    return ints | slices | st.lists(ints, min_size=1, max_size=size).map(np.array)


@settings(max_examples=150, deadline=None)
@given(key=st.tuples(*(axis_index(n) for n in (7, 2, 6, 5))))
def test_any_outer_index_gives_what_numpy_gives(stack, key):
    ds, truth = stack
    dims = ("sample", "source", "time", "receiver")
    expected = xr.DataArray(truth, dims=dims).isel(dict(zip(dims, key, strict=True)))
    found = ds["amplitude"].isel(dict(zip(dims, key, strict=True)))
    np.testing.assert_array_equal(found.values, expected.values)


def test_pointwise_index(stack):
    ds, truth = stack
    points = xr.DataArray([6, 0, 3], dims="point")
    found = ds["amplitude"].isel(sample=points, receiver=points % 5)
    np.testing.assert_array_equal(found.transpose("point", ...), truth[[6, 0, 3], :, :, [1, 0, 3]])


def test_pickle_and_dask(vel_family):
    root, seismic, _ = vel_family
    ds = pickle.loads(pickle.dumps(xr.open_dataset(root)))
    np.testing.assert_array_equal(ds["amplitude"][4], seismic[4])
    chunked = xr.open_dataset(root).chunk(sample=5)
    assert chunked["amplitude"].chunks[0] == (5, 5, 2)
    np.testing.assert_array_equal(chunked["amplitude"].compute(num_workers=2), seismic)


def test_automatic_dask_chunks_agree_and_stay_small(tmp_path):
    save_pair(tmp_path / "data1.npy", tmp_path / "model1.npy", n=70, shape=(5, 1000, 70))
    ds = xr.open_dataset(tmp_path, chunks={})
    assert ds.chunks["sample"] == (35, 35)  # half a file each: 70 samples of 1.4 MB


# Splits
