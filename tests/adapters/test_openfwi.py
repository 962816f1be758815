"""OpenFWI folders: layouts, laziness, splits, normalisation, writing, and bad input."""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from seisgeo import conventions
from seisgeo.adapters.openfwi import (
    FAMILIES,
    canonical_family,
    denormalize,
    denormalize_velocity,
    file_split,
    normalize,
    normalize_velocity,
    write_openfwi,
)
from seisgeo.errors import ConventionError, FormatError, MissingFileError, OutputExistsError

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


def test_split_is_by_file(vel_family):
    root, seismic, _ = vel_family
    train, test = (xr.open_dataset(root, split=s) for s in ("train", "test"))
    np.testing.assert_array_equal(train["amplitude"], seismic[:9])
    np.testing.assert_array_equal(test["amplitude"], seismic[9:])
    assert test.attrs["split"] == "test"


@pytest.mark.parametrize(
    ("family", "n_train", "n_test"),
    [("FlatVel_A", 24_000, 6_000), ("CurveFault_B", 48_000, 6_000), ("Style_A", 60_000, 7_000)],
)
def test_split_has_the_published_sizes(family, n_train, n_test):
    facts = FAMILIES[canonical_family(family)]
    if facts.prefixes:
        files = [f"seis{p}_1_{i}.npy" for p in facts.prefixes for i in range(36)]
    else:
        files = [f"data{n}.npy" for n in range(1, facts.test.stop)]
    splits = [file_split(f, family) for f in files]
    assert (500 * splits.count("train"), 500 * splits.count("test")) == (n_train, n_test)


def test_split_of_other_numbering_is_refused(tmp_path):
    save_pair(tmp_path / "data61.npy", tmp_path / "model61.npy")
    with pytest.raises(FormatError, match=r"data61\.npy: cannot tell.*its family.*; pass family="):
        xr.open_dataset(tmp_path, split="train")
    assert xr.open_dataset(tmp_path, split="train", family="Style_A").sizes["sample"] == 3
    with pytest.raises(FormatError, match=r"data61\.npy: .*data\{1\.\.60\}\.npy for flatvel-a"):
        xr.open_dataset(tmp_path, split="train", family="FlatVel_A")
    with pytest.raises(FormatError, match=r"seis5_1_0\.npy.*neither"):
        file_split("seis5_1_0.npy")
    with pytest.raises(FormatError, match=r"seis2_1_0\.npy.*seis\{6,7,8\}"):
        file_split("seis2_1_0.npy", "CurveFault_B")
    with pytest.raises(ConventionError, match="split must be 'train', 'test' or None, got 'val'"):
        xr.open_dataset(tmp_path, split="val")


def test_empty_split_says_so(kaggle):
    with pytest.raises(FormatError, match="none of its 6 files is in OpenFWI's test split"):
        xr.open_dataset(kaggle, split="test")


# Normalisation


def test_normalize_is_the_reference_code_s():
    # LogTransform, then MinMaxNormalize with log_transform(data_min), log_transform(data_max)
    x = np.linspace(-30, 60, 91)
    low, high = -np.log1p(26.95), np.log1p(52.77)
    reference = ((np.sign(x) * np.log1p(np.abs(x)) - low) / (high - low) - 0.5) * 2
    np.testing.assert_allclose(normalize(x, "FlatVel_A"), reference, rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_normalize_maps_the_family_s_range_to_one(family):
    facts = FAMILIES[family]
    limits = np.array([facts.data_min, facts.data_max], np.float32)
    np.testing.assert_allclose(normalize(limits, family), [-1, 1], atol=1e-6)
    x = np.random.default_rng(0).normal(0, 10, 1000).astype(np.float32)
    before = x.copy()
    there = normalize(x, family)
    assert there.dtype == np.float32
    np.testing.assert_allclose(denormalize(there, family), x, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(x, before)


def test_normalize_velocity():
    v = np.array([1500, 2250, 4500], np.float32)
    np.testing.assert_allclose(normalize_velocity(v), [-1, -0.5, 1], atol=1e-7)
    np.testing.assert_allclose(denormalize_velocity(normalize_velocity(v)), v)
    assert v.tolist() == [1500, 2250, 4500]


def test_normalize_keeps_lazy_cubes_lazy_and_says_the_unit(vel_family):
    ds = xr.open_dataset(vel_family[0])
    lazy = normalize(ds["amplitude"], "flatvel-a")
    assert lazy.chunks is not None
    assert not ds["amplitude"]._in_memory
    np.testing.assert_allclose(lazy[2], normalize(ds["amplitude"].values[2], "flatvel-a"))
    velocity = normalize_velocity(ds["velocity"].load())
    assert velocity.chunks is None
    assert velocity.attrs["units"] == "1"
    assert denormalize_velocity(velocity).attrs["units"] == "m/s"
    assert ds["velocity"].attrs["units"] == "m/s"


def test_unknown_family_lists_the_known():
    with pytest.raises(ConventionError, match="unknown OpenFWI family 'salt'; known: flatvel-a"):
        normalize(np.zeros(2), "salt")


# Writing


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


def test_pair_of_different_length(tmp_path):
    save_pair(tmp_path / "seis2_1_0.npy", tmp_path / "vel2_1_0.npy")
    np.save(tmp_path / "vel2_1_0.npy", np.zeros((2, 1, 70, 70), np.float32))
    message = (
        r"seis2_1_0\.npy has 3 samples, shape \(3, 5, 100, 70\), but its pair .*"
        r"vel2_1_0\.npy has 2, shape \(2, 1, 70, 70\)"
    )
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(tmp_path)


def test_files_of_different_shape(tmp_path):
    save_pair(tmp_path / "data1.npy", tmp_path / "model1.npy")
    save_pair(tmp_path / "data2.npy", tmp_path / "model2.npy", shape=(5, 80, 70))
    with pytest.raises(FormatError, match=r"data2.*\(5, 80, 70\), but \(5, 100, 70\) in .*data1"):
        xr.open_dataset(tmp_path)


def test_missing_pair(vel_family):
    root = vel_family[0]
    (root / "model" / "model10.npy").unlink()
    with pytest.raises(FormatError, match=r"data10\.npy: .*missing, expected .*model/model10\.npy"):
        xr.open_dataset(root)
    assert xr.open_dataset(root, drop_variables="velocity").sizes["sample"] == 12
    assert set(xr.open_dataset(root / "data/data10.npy").data_vars) == {"amplitude"}
    (root / "data" / "data1.npy").unlink()
    (root / "data" / "data10.npy").unlink()
    with pytest.raises(FormatError, match=r"model1\.npy: .*missing, expected .*data/data1\.npy"):
        xr.open_dataset(root)
    assert xr.open_dataset(root, drop_variables=["amplitude"]).sizes["sample"] == 9


def test_empty_folder_and_no_such_file(tmp_path):
    with pytest.raises(FormatError, match=r"no \.npy files here; expected data/data1\.npy"):
        xr.open_dataset(tmp_path, engine="seisgeo-openfwi")
    for options in ({}, {"engine": "seisgeo-openfwi"}):
        with pytest.raises(MissingFileError, match=r"data7\.npy: no such file or folder"):
            xr.open_dataset(tmp_path / "data7.npy", **options)
    with pytest.raises(FileNotFoundError, match=r"FlatVel_A: no such file or folder"):
        xr.open_dataset(tmp_path / "FlatVel_A", engine="seisgeo-openfwi")


def test_file_cut_short(tmp_path):
    save_pair(tmp_path / "seis2_1_0.npy", tmp_path / "vel2_1_0.npy")
    path = tmp_path / "seis2_1_0.npy"
    path.write_bytes(path.read_bytes()[:-1000])
    message = r"seis2_1_0\.npy: cut short: .*takes 420128 bytes, but the file has 419128"
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(tmp_path)
    path.write_bytes(b"\x93NUMPY\x01\x00v")
    with pytest.raises(FormatError, match=r"seis2_1_0\.npy: not a \.npy file that can be read"):
        xr.open_dataset(path)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match=r"seis2_1_0\.npy: not a \.npy file that can be read"):
        xr.open_dataset(path)


def test_file_that_shrinks_after_opening(tmp_path):
    np.save(tmp_path / "seis2_1_0.npy", np.zeros((3, *SHAPE), np.float32))
    ds = xr.open_dataset(tmp_path / "seis2_1_0.npy")
    np.save(tmp_path / "seis2_1_0.npy", np.zeros((1, *SHAPE), np.float32))
    with pytest.raises(FormatError, match=r"seis2_1_0\.npy: has become shorter"):
        ds["amplitude"].load()


def test_pickles_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was loaded",))

    objects = np.empty((1, 5, 10, 7), object)
    objects[...] = Trap()
    np.save(tmp_path / "data1.npy", objects, allow_pickle=True)
    with pytest.raises(FormatError, match=r"data1\.npy: .*dtype object \(a pickle, which is never"):
        xr.open_dataset(tmp_path / "data1.npy")


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("data1.npy", (100, 70), r"data1\.npy: expected .*\(sample, source, time, receiver\)"),
        ("x.npy", (3,), r"x\.npy: expected .*; found \(3,\)"),
        ("model1.npy", (3, 2, 70, 70), r"model1\.npy: .*\(sample, 1, depth, x\), found \(3, 2,"),
        ("data1.npy", (0, 5, 100, 70), r"data1\.npy: holds no samples"),
    ],
)
def test_wrong_shapes(tmp_path, name, shape, message):
    np.save(tmp_path / name, np.zeros(shape, np.float32))
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(tmp_path / name)


def test_text_in_the_array(tmp_path):
    np.save(tmp_path / "data1.npy", np.full((1, 5, 10, 7), "a"))
    with pytest.raises(FormatError, match=r"data1\.npy: expected plain numbers.*<U1"):
        xr.open_dataset(tmp_path / "data1.npy")


def test_unnamed_files_of_both_kinds(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((1, *SHAPE), np.float32))
    np.save(tmp_path / "b.npy", np.full((1, 1, 70, 70), 2500, np.float32))
    with pytest.raises(FormatError, match="cannot tell which velocity maps belong"):
        xr.open_dataset(tmp_path)


def test_nan_passes_at_opening_and_is_found_by_the_check(tmp_path):
    values = np.zeros((2, *SHAPE), np.float32)
    values[1, 2, 3, 4] = np.nan
    np.save(tmp_path / "data1.npy", values)
    ds = xr.open_dataset(tmp_path / "data1.npy")
    conventions.validate(ds, "gathers")
    with pytest.raises(ConventionError, match="sample=1, source=2, time=3, receiver=4"):
        conventions.validate(ds, "gathers", values=True)
