"""What deforms layers and lies in them: throws, growth, tilts, spectra, against what was asked."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from seisgeo.synth.geology import (
    FAMILIES,
    Channels,
    EarthFamily,
    Faults,
    Folds,
    ListricFaults,
    Plume,
    Salt,
    Unconformity,
    fractal_noise,
)
from seisgeo.synth.geology.grid import make_grid


@pytest.fixture
def rng():
    return np.random.default_rng(4)


GRID = make_grid((400, 800), 5.0, (1500.0, 4500.0))
TODAY = (GRID.z, GRID.y, GRID.x)
Z = GRID.z[:, 0]


def deposited(event, rng, grid=GRID):
    drawn = event.draw(rng, grid)
    undo = drawn[0] if isinstance(drawn, tuple) else drawn
    return np.broadcast_to(undo((grid.z, grid.y, grid.x))[0], grid.shape)


def depth_of(horizon, layers):
    """Depth today of the layer deposited at `horizon`, in each column of `layers`."""
    return np.array([np.interp(horizon, column, Z) for column in layers.T])


EVENTS = [
    Folds(relief=(0.1, 0.32), wavelength=(0.5, 1.0)),
    # One normal fault: across several a shallow one may carry older rock over younger.
    Faults(number=(1, 1), throw=(0.1, 0.28), dip=(40, 80), normal=1.0),
    Faults(number=(1, 1), throw=(0.1, 0.28), dip=(50, 70), normal=1.0, quiet=(0.05, 0.2)),
    ListricFaults(number=(1, 3), throw=(0.1, 0.3)),
    Unconformity(),
    Salt(),
    Plume(),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("cells", [(80, 110), (30, 30, 40)], ids=["2-D", "3-D"])
def test_layers_never_cross(event, cells):
    grid = make_grid(cells, 10.0, (1500.0, 4500.0))
    for seed in range(12):
        layers = deposited(event, np.random.default_rng(seed), grid)
        # Downward the layers get older, everywhere; none stands on its head.
        assert np.diff(layers, axis=0).min() >= -1e-12
        assert np.isfinite(layers).all()
        assert np.ptp(layers, axis=-1).max() > 0


@pytest.mark.parametrize("family", ["unconformity", "folded", "channel"])
def test_layers_of_families_never_cross(family):
    family = FAMILIES[family]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        position = TODAY
        for event, stream in zip(family.events, rng.spawn(len(family.events)), strict=True):
            position = event.draw(stream, GRID)(position)
        assert np.diff(position[0], axis=0).min() >= -1e-12


def test_fault_has_the_throw_and_dip_asked(rng):
    fault = Faults(number=(1, 1), throw=(0.2, 0.2), dip=(60, 60), normal=1.0)
    grid = make_grid((400, 400), 5.0, (1500.0, 4500.0))
    layers = deposited(fault, rng, grid)
    levels = np.array([np.interp(0.5, column, grid.z[:, 0]) for column in layers.T])
    assert np.ptp(levels) == pytest.approx(0.2, abs=0.005)
    assert np.abs(layers - grid.z).max() == pytest.approx(0.1)  # half of it on either side
    # The fault: where the displacement of a row changes sides.
    down = layers - grid.z < 0
    at = [np.flatnonzero(np.diff(row.astype(int)))[0] for row in down[150:250]]
    slope = np.polyfit(np.arange(100), at, 1)[0]
    assert abs(1 / slope) == pytest.approx(np.tan(np.radians(60)), rel=0.03)


def test_growth_strata_thicken_on_the_downthrown_side(rng):
    fault = Faults(
        number=(1, 1), throw=(0.2, 0.2), dip=(80, 80), normal=1.0, quiet=(0.1, 0.1),
        growth=(0.3, 0.3),
    )  # fmt: skip
    grid = make_grid((400, 400), 5.0, (1500.0, 4500.0))
    layers = deposited(fault, rng, grid)
    left, right = layers[:, 5], layers[:, -5]
    downthrown, up = (left, right) if left[300] < right[300] else (right, left)
    z = grid.z[:, 0]

    def depths(column, levels):
        return np.interp(levels, column, z)

    young = np.linspace(0.02, 0.09, 5)  # deposited after the fault: not displaced
    np.testing.assert_allclose(depths(downthrown, young), depths(up, young), atol=1e-9)
    old = np.linspace(0.45, 0.8, 5)
    np.testing.assert_allclose(depths(downthrown, old) - depths(up, old), 0.2, atol=1e-3)
    during = np.linspace(0.1, 0.4, 7)
    throw = depths(downthrown, during) - depths(up, during)
    np.testing.assert_allclose(throw, np.linspace(0, 0.2, 7), atol=1e-3)
    thick = np.diff(depths(downthrown, during)) / np.diff(depths(up, during))
    # 0.3 of depth of growth strata take up half of the throw on each side: 0.4 against 0.2.
    np.testing.assert_allclose(thick, 0.4 / 0.2, rtol=0.02)


def test_listric_fault_rolls_over_and_flattens(rng):
    fault = ListricFaults(
        number=(1, 1), throw=(0.15, 0.15), dip=(60, 60), detachment=(0.8, 0.8), quiet=(0, 0),
        growth=(0.05, 0.05),
    )  # fmt: skip
    grid = make_grid((400, 400), 5.0, (1500.0, 4500.0))
    moved = grid.z - deposited(fault, rng, grid)
    assert moved[grid.z[:, 0] > 0.8].max() == 0  # nothing below the detachment
    # The throw at the fault, less as the fault flattens.
    z = grid.z[90:230, 0]
    np.testing.assert_allclose(moved[90:230].max(axis=1), 0.15 * (1 - z / 0.8), atol=0.003)
    row = moved[90]
    hanging = np.flatnonzero(row)
    at_fault, away = (hanging[0], hanging[-1]) if row[hanging[0]] > row[hanging[-1]] else (
        hanging[-1], hanging[0])  # fmt: skip
    direction = np.sign(away - at_fault)
    assert (np.diff(row[at_fault:away:direction]) <= 0).all()  # fading away: roll-over
    # It fades by e over the length of the fault's own curve, sole / tan(dip).
    n = round(0.8 / np.tan(np.radians(60)) / 2 / grid.cell)
    ratio = row[at_fault + direction * (10 + n)] / row[at_fault + direction * 10]
    assert ratio == pytest.approx(np.exp(-0.5), rel=0.02)


def test_crossing_faults_cross(rng):
    faults = Faults(
        number=(2, 2), throw=(0.1, 0.1), dip=(60, 60), normal=1.0, conjugate=True, quiet=(0, 0),
        growth=(0.2, 0.2),
    )  # fmt: skip
    grid = make_grid((300, 300), 5.0, (1500.0, 4500.0))
    for seed in range(5):
        moved = grid.z - deposited(faults, np.random.default_rng(seed), grid)
        # Four quadrants around the crossing: dropped above it, raised below, still at the sides.
        values = {round(float(v), 3) for v in np.unique(np.round(moved[100:], 3))}
        assert {-0.1, 0.0, 0.1} <= values


def test_unconformity_cuts_older_layers(rng):
    angular = Unconformity(
        depth=(0.4, 0.4), relief=(0.01, 0.01), tilt=(10, 10), missing=(0.2, 0.2),
        folds=Folds(relief=(0, 0), wavelength=(1, 2)),
    )  # fmt: skip
    layers = deposited(angular, rng)
    above = GRID.z < 0.33
    np.testing.assert_array_equal(layers[above[:, 0]], np.broadcast_to(GRID.z, layers.shape)[:132])
    below = layers[-100:]
    slope = np.diff(below, axis=1) / GRID.cell
    np.testing.assert_allclose(np.abs(slope), np.tan(np.radians(10)), rtol=1e-6)
    jump = np.diff(layers, axis=0).max(axis=0) - GRID.cell
    assert jump.min() == pytest.approx(0.2, abs=0.01)  # the least that is missing
    assert jump.max() > 0.5  # and where the tilt lifted most, more


@pytest.mark.parametrize("hurst", [0.1, 0.3, 0.6])
def test_fractal_noise_has_the_spectrum_asked(hurst):
    n, length = 512, 150.0
    power = np.zeros(n // 2 + 1)
    variance = []
    window = np.hanning(n)
    for seed in range(6):
        noise = fractal_noise(np.random.default_rng(seed), (n, n), (length, length), hurst)
        variance.append(noise.var())
        power += (np.abs(np.fft.rfft(noise * window, axis=1)) ** 2).mean(axis=0)
    k = np.fft.rfftfreq(n)
    scaling = slice(12, 100)  # well above 1 / (2 pi a) and below Nyquist
    slope = np.polyfit(np.log(k[scaling]), np.log(power[scaling]), 1)[0]
    assert slope == pytest.approx(-(2 * hurst + 1), abs=0.12)
    assert np.mean(variance) < 1.2


def test_fractal_noise_has_unit_variance_and_the_correlation_lengths_asked():
    fields = [
        fractal_noise(np.random.default_rng(i), (400, 400), (4.0, 16.0), 0.5) for i in range(4)
    ]
    assert np.mean([f.var() for f in fields]) == pytest.approx(1, rel=0.05)
    # A von Karman field of hurst 0.5 has the covariance exp(-d / a).
    for axis, length in ((0, 4.0), (1, 16.0)):
        for lag in (4, 8, 16):
            moved = [np.roll(f, -lag, axis) for f in fields]
            pairs = [(f * m).take(range(400 - lag), axis).mean()
                     for f, m in zip(fields, moved, strict=True)]  # fmt: skip
            assert np.mean(pairs) == pytest.approx(np.exp(-lag / length), abs=0.06)


def test_heterogeneity_stretches_and_has_its_strength():
    family = FAMILIES["compaction"]
    heterogeneity = dataclasses.replace(family.heterogeneity, std=(0.04, 0.04), aspect=(6.0, 6.0))
    factor = np.stack([
        heterogeneity.factor(np.random.default_rng(i), GRID) for i in range(5)
    ])  # fmt: skip
    assert factor.std() == pytest.approx(0.04, rel=0.15)
    assert factor.mean() == pytest.approx(1, abs=0.01)
    steps = [np.abs(np.diff(factor, axis=axis)).mean() for axis in (1, 2)]
    assert steps[0] > 1.3 * steps[1]  # smoother along the layers


def _placed(body, seed=0, grid=GRID):
    undo, place = body.draw(np.random.default_rng(seed), grid)
    return place(np.ones(grid.shape), undo((grid.z, grid.y, grid.x)))


@pytest.mark.parametrize("seed", range(5))
def test_channels_are_flat_topped_and_as_wide_as_asked(seed):
    body = Channels(number=(1, 1), half_width=(0.1, 0.1), incision=(0.05, 0.05), change=(0.1, 0.1))
    grid = make_grid((400, 400), 5.0, (1500.0, 4500.0))
    changed = _placed(body, seed, grid) != 1
    assert changed.any()
    z, x = np.nonzero(changed)
    assert np.ptp(x) * grid.cell <= 4 * 0.1  # storeys shift by less than a width
    assert np.ptp(z) * grid.cell <= 0.05 * (1 + 2 * 0.7) + grid.cell
    # Wider at the top than at the base.
    rows = np.flatnonzero(changed.any(axis=1))
    assert changed[rows[1]].sum() > changed[rows[-1]].sum()


def test_channels_meander_in_three_dimensions():
    grid = make_grid((60, 60, 60), 10.0, (1500.0, 4500.0))
    changed = _placed(Channels(number=(1, 1)), 2, grid) != 1
    centre = [np.nonzero(plane)[1].mean() for plane in changed.transpose(1, 0, 2) if plane.any()]
    assert np.ptp(centre) > 3


@pytest.mark.parametrize("seed", range(6))
def test_a_plume_is_slow_below_a_seal_and_ends_at_a_flat_contact(seed):
    plume = Plume(
        number=(1, 1), slowing=(0.25, 0.25), seal=(0.05, 0.05), column=(0.06, 0.06),
        chimney=(0, 0),
    )  # fmt: skip
    change = _placed(plume, seed)
    gas = change < 0.9
    assert gas.any()
    np.testing.assert_allclose(change[gas], 0.75)
    assert ndimage.label(gas)[1] == 1
    z, x = np.nonzero(gas)
    assert np.ptp(z) * GRID.cell <= 0.06 + GRID.cell  # no more than the column
    # Each column of gas has the seal right above it.
    for column in np.unique(x):
        assert change[z[x == column].min() - 1, column] == pytest.approx(1.05)


def test_ingredients_have_streams_of_their_own():
    folds = Folds(relief=(0.1, 0.1), wavelength=(1, 2))
    section = EarthFamily(events=(folds,)).section(np.random.default_rng(1), GRID)
    salty = EarthFamily(events=(folds,), bodies=(Salt(uplift=(0, 0)),)).section(
        np.random.default_rng(1), GRID
    )
    # Salt beside them leaves the rest as it was.
    np.testing.assert_array_equal(section[salty != 4480], salty[salty != 4480])
