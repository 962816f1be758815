"""The families for field data, as models."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from seisgeo import conventions
from seisgeo.errors import SimulationError
from seisgeo.synth.geology import (
    FAMILIES,
    OPENFWI_FAMILIES,
    SALT_VELOCITY,
    Channels,
    EarthFamily,
    Faults,
    Folds,
    Heterogeneity,
    Salt,
    Strata,
    Weathering,
    draw_velocity,
)

FIELD = [name for name in FAMILIES if name not in OPENFWI_FAMILIES]


@pytest.mark.parametrize("family", FIELD)
def test_a_model_does_not_depend_on_its_batch(family):
    many = draw_velocity(family, 6, seed=1, shape=(40, 50)).velocity.values
    alone = draw_velocity(family, [4], seed=1, shape=(40, 50)).velocity.values
    other = draw_velocity(family, [4], seed=2, shape=(40, 50)).velocity.values
    assert alone.tobytes() == many[4:5].tobytes()
    assert not np.array_equal(alone, other)
    assert np.unique(many.reshape(6, -1), axis=0).shape[0] == 6


@settings(max_examples=60, deadline=None)
@given(
    family=st.sampled_from(FIELD),
    shape=st.one_of(
        st.tuples(st.integers(10, 80), st.integers(10, 120)),
        st.tuples(st.integers(10, 24), st.integers(10, 24), st.integers(10, 24)),
    ),
    spacing=st.floats(0.5, 100),
    low=st.floats(1300, 2500),
    span=st.floats(200, 3500),
    water=st.booleans(),
    seed=st.integers(0, 2**40),
)
def test_any_grid_keeps_the_range(family, shape, spacing, low, span, water, seed):
    depth = shape[0] * spacing
    ds = draw_velocity(
        family, 1, seed=seed, shape=shape, grid_spacing=spacing, velocity_range=(low, low + span),
        water_depth=(0.1 * depth, 0.3 * depth) if water else None,
    )  # fmt: skip
    conventions.validate(ds, "velocity", values=True)
    v = ds.velocity.values[0]
    assert v.shape == shape
    assert v.dtype == np.float32
    slowest = {True: 1480.0, False: 800.0 if family == "land" else low}[water or family == "marine"]
    assert v.min() >= np.float32(min(low, slowest))
    assert v.max() <= max(np.float32(low + span), 1520.0)


@pytest.mark.parametrize("family", FIELD)
def test_layers_get_faster_with_depth_on_the_whole(family):
    v = draw_velocity(family, 8, seed=3).velocity.values
    profile = v.mean(axis=(0, 2))
    # From water, mud or weathered rock at 10 % of the range or less to 60 % or more at the bottom.
    assert profile[0] < 1500 + 0.3 * 3000
    assert profile[-5:].mean() > 1500 + 0.5 * 3000
    assert np.corrcoef(np.arange(70), profile)[0, 1] > 0.9


@pytest.mark.parametrize("family", ["marine", "folded", "salt", "land"])
def test_water_is_flat_at_its_velocity(family):
    ds = draw_velocity(
        family, 12, seed=3, shape=(100, 160), velocity_range=(1600, 4500), water_depth=(150, 400)
    )
    speeds = []
    for v in ds.velocity.values:
        speed = v[0, 0]
        speeds.append(speed)
        assert 1480 <= speed <= 1520
        water = v == speed
        assert (v[~water] >= 1600).all()
        assert not (np.diff(water.astype(int), axis=0) > 0).any()  # no water below rock
        depth = 10.0 * water.sum(axis=0)
        assert depth.min() >= 150
        assert depth.max() <= 410
    assert len(set(speeds)) == 12
    floors = [10.0 * (v == v[0, 0]).sum(axis=0) for v in ds.velocity.values]
    rough = [np.std(np.diff(f, 2)) for f in floors]
    assert np.median(rough) > 1  # eroded, not smooth


def test_marine_has_water_by_itself_and_land_never_weathers_below_it():
    assert (draw_velocity("marine", 5, seed=0).velocity[:, 0] < 1521).all()
    dry = draw_velocity("land", 5, seed=0, velocity_range=(2000, 4500)).velocity.values
    wet = draw_velocity(
        "land", 5, seed=0, velocity_range=(2000, 4500), water_depth=(50, 100)
    ).velocity.values
    assert dry.min() < 1400
    assert wet.min() >= 1480


def _overhangs(salt):
    """Columns with salt above something else."""
    return int((np.diff(salt.astype(int), axis=0) < 0).any(axis=0).sum())


def test_salt_is_one_body_with_overhangs_and_a_rugged_top():
    v = draw_velocity("salt", 12, seed=5, shape=(120, 160)).velocity.values
    overhangs, roughness = [], []
    for salt in v == SALT_VELOCITY:
        assert ndimage.label(salt)[1] == 1
        assert 0.03 < salt.mean() < 0.5
        assert salt[-1].any()  # it rises from the base
        assert not salt[:8].any()
        np.testing.assert_array_equal(salt, ndimage.binary_fill_holes(salt))
        overhangs.append(_overhangs(salt))
        top = salt.argmax(axis=0)[salt.any(axis=0)]
        roughness.append(np.std(np.diff(top, 2)))
    assert np.median(overhangs) >= 5
    assert np.median(roughness) > 0.5
    # In three dimensions too.
    for salt in draw_velocity("salt", 3, seed=5, shape=(40, 50, 60)).velocity.values == 4480:
        assert ndimage.label(salt)[1] == 1


def test_salt_is_not_faster_than_the_range():
    v = draw_velocity("salt", 3, seed=5, velocity_range=(1500, 4000)).velocity.values
    assert v.max() == 4000
    assert (v == 4000).mean() > 0.03


def test_weathering_delays_by_its_thickness_whatever_the_cell():
    family = EarthFamily(
        strata=Strata(top=(0.5, 0.5), bottom=(0.5, 0.5), contrast=(0, 0)),
        heterogeneity=Heterogeneity(std=(0, 0)),
        weathering=Weathering(thickness=(17, 17), velocity=(1000, 1000), unevenness=(0, 0)),
    )
    for spacing in (5.0, 10.0, 20.0):
        v = draw_velocity(
            family, 1, seed=0, shape=(int(400 / spacing), 30), grid_spacing=spacing
        ).velocity.values[0]
        time = (spacing / v.astype(float)).sum(axis=0)
        np.testing.assert_allclose(time, 17 / 1000 + (400 - 17) / 3000, rtol=1e-6)


def test_weathering_is_uneven():
    v = draw_velocity("land", 10, seed=1, shape=(80, 200), grid_spacing=5.0).velocity.values
    delay = (5.0 / v[:, :20].astype(float)).sum(axis=1)
    assert np.median(delay.std(axis=1)) > 0.002  # statics of some milliseconds


def test_a_family_of_ones_own():
    folds = Folds(relief=(0.02, 0.05), wavelength=(1.0, 2.0))
    family = EarthFamily(events=(folds,), bodies=(Channels(),))
    ds = draw_velocity(family, 3, seed=0, shape=(50, 60))
    assert ds.family.values.tolist() == ["custom"] * 3
    same = EarthFamily(events=(folds,), bodies=(Channels(),))
    assert ds.identical(draw_velocity(same, 3, seed=0, shape=(50, 60)))
    salty = dataclasses.replace(family, bodies=(Channels(), Salt()))
    assert not np.array_equal(draw_velocity(salty, 3, seed=0, shape=(50, 60)).velocity, ds.velocity)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Folds(relief=(0.2, 0.1), wavelength=(1, 2)),
         r"Folds: relief \(fraction of depth\): expected \(lowest, highest\), found \(0.2, 0.1\)"),
        (lambda: Salt(top=(-0.1, 0.3)), r"Salt: top .*expected zero or more, found \(-0.1, 0.3\)"),
        (lambda: Strata(thickness=(0.1, np.nan)), "Strata: thickness .*zero or more"),
        (lambda: Weathering(thickness=(5, 10, 20)), r"Weathering: thickness \(m\): expected \(low"),
        (lambda: Faults(number=(1, 1), throw=(0.1, 0.4), dip=(50, 60), quiet=(0, 0.1)),
         "half of the largest throw, 0.2, must be less than the thinnest growth, 0.15"),
    ],
)  # fmt: skip
def test_contradictory_parameters(make, message):
    with pytest.raises(SimulationError, match=message):
        make()
