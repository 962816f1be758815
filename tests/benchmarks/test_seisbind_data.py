"""Data of the SeisBind benchmark: what is drawn, split and spoiled."""

import numpy as np
import pytest
import xarray as xr

FEW = ("flatvel-a", "curvefault-b", "style-b")


def test_twins_differ_by_one_layer_or_a_small_fault(models):
    import seisbind_data as data

    velocity = models["velocity"].values
    twins = data.near_twins(velocity)
    assert twins.shape == (6, data.TWINS, 70, 70)
    np.testing.assert_array_equal(twins, data.near_twins(velocity))
    for model, others in zip(velocity, twins, strict=True):
        for i, twin in enumerate(others):
            changed = twin != model
            assert changed.mean() >= 0.01
            if i % 2:  # one layer, or a band, is faster or slower by one factor
                factor = np.abs(twin[changed] / model[changed] - 1)
                assert ((factor > 0.029) & (factor < 0.081)).all()
                layer = len(np.unique(model[changed])) == 1
                assert layer or np.ptp(np.flatnonzero(changed.any(axis=1))) < 10
            else:  # every cell is its own, or one that lay 2 to 4 cells above it
                above = [
                    np.concatenate([np.repeat(model[:1], n, axis=0), model[:-n]]) for n in (2, 3, 4)
                ]
                assert any((twin[changed] == a[changed]).all() for a in above)
                assert not changed[:, 0].all()


def test_drawn_models_are_those_of_their_numbers(monkeypatch):
    import seisbind_data as data

    from seisgeo.synth import draw_velocity

    monkeypatch.setattr(data, "FAMILIES", FEW)
    monkeypatch.setattr(data, "BLOCK", 4)
    velocity, family = data.drawn_models(3, 9)  # of three blocks
    assert sorted(family.tolist()) == sorted(6 * FEW)
    for name in FEW:
        expected = draw_velocity(name, range(3, 9), seed=data.TEST_SEED)["velocity"].values
        np.testing.assert_array_equal(velocity[family == name], expected)


def test_rounding_is_small_and_leaves_bits_that_compress():
    import seisbind_data as data

    values = np.random.default_rng(0).normal(scale=10, size=5000).astype(np.float32)
    values[:2] = 0, -1e-20
    kept = data.rounded(values)
    assert (np.abs(kept - values) <= np.abs(values) / 2**11).all()
    assert not (kept.view(np.uint32) & np.uint32(2**13 - 1)).any()
    assert kept[0] == 0


def test_training_pairs_go_on_after_a_stop_and_sizes_nest(tmp_path, monkeypatch, small_pairs):
    import seisbind_data as data

    from seisgeo import synth

    left = [0]

    def short(families, n, *, engine, seed, device):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        first = 6 * (seed - data.TRAIN_SEED)
        made = small_pairs.isel(sample=slice(first, first + 6))
        return made.assign_coords(family=("sample", np.repeat(np.array(families, object), n)))

    monkeypatch.setattr(synth, "generate", short)
    monkeypatch.setattr(data, "FAMILIES", FEW[:2])
    monkeypatch.setattr(data, "PART", 3)
    sizes = [data.Size(3 * parts, 1, 1, 1) for parts in (1, 2, 3)]
    left[0] = 2
    with pytest.raises(KeyboardInterrupt):
        data.training_pairs(tmp_path / "stopped", sizes[2], "cpu")
    # A kill within the third part may leave samples that are not counted yet.
    stopped = tmp_path / "stopped" / "train-3.zarr"
    half = xr.open_zarr(stopped, chunks=None, consolidated=False).isel(sample=[0, 1]).load()
    data._append(half, stopped, first=False)
    left[0] = 4
    went_on = data.training_pairs(tmp_path / "stopped", sizes[2], "cpu").load()
    assert left[0] == 3  # one part was missing
    left[0] = 3
    at_once = data.training_pairs(tmp_path / "once", sizes[2], "cpu").load()
    xr.testing.assert_identical(went_on, at_once)
    np.testing.assert_array_equal(went_on["velocity"], small_pairs["velocity"][:18])
    np.testing.assert_allclose(went_on["amplitude"], small_pairs["amplitude"][:18], rtol=2**-11)
    assert went_on["family"].values.tolist() == 3 * (3 * [FEW[0]] + 3 * [FEW[1]])
    smaller = data.training_pairs(tmp_path / "once", sizes[1], "cpu").load()
    xr.testing.assert_identical(smaller, at_once.isel(sample=slice(12)))
