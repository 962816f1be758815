"""OpenFWI: splits and normalisation, as the reference code has them."""

import numpy as np
import pytest
import xarray as xr
from openfwi_files import save_pair

from seisgeo.adapters.openfwi import (
    FAMILIES,
    canonical_family,
    denormalize,
    denormalize_velocity,
    file_split,
    normalize,
    normalize_velocity,
)
from seisgeo.errors import ConventionError, FormatError


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
