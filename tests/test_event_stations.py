"""Several stations of an event: places from distances, mechanisms from first motions."""

import numpy as np
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo.errors import ConventionError
from seisgeo.estimators import records
from seisgeo.estimators.first_motions import first_motions
from seisgeo.mechanism import kagan_angle, moment_tensor
from seisgeo.sphere import east_north, place_at

SMALL = {"device": "cpu", "random_state": 0, "verbose": False, "max_epochs": 60}


def quakes(n, stations, seed, **changes):
    drawn = sg.synth.draw_events(n, kinds="earthquake", regions="plate-boundary", seed=seed)
    for name, value in changes.items():
        drawn[name][:] = value
    return sg.synth.simulate_events(sg.synth.at_stations(drawn, stations))


@pytest.fixture(scope="module")
def network():
    """Earthquakes at five stations each: to learn from, and to ask for."""
    records = quakes(200, 5, seed=1, snr=30.0)
    return records.isel(event=slice(700)), records.isel(event=slice(700, None))


class Blind(sg.SeisCLIP):
    """As if trained: features that say nothing, of a network that nobody trained."""

    def fit(self, X, y=None):
        form = records.RecordForm.of(X)
        self.network_ = self._build(form, ("p_arrival",), 0)
        self.form_, self.fields_, self.history_ = form, ("p_arrival",), []
        return self


@pytest.fixture(scope="module")
def blind(network):
    return Blind().fit(network[0])


def test_first_motions_at_several_stations_give_the_mechanism(network, blind):
    train, test = network
    head = sg.MechanismRegressor(blind, **{**SMALL, "max_epochs": 25}).fit(train)
    assert head.beside_ == ["back_azimuth", "p_arrival", "s_arrival"]
    assert head.score(test) > -50  # guesses: -75
    # The whole turned about the vertical is the mechanism turned.
    turned = test.assign_coords(back_azimuth=(test["back_azimuth"] + 90) % 360)
    z, n, e = test["amplitude"].transpose("component", "event", "time").values
    turned["amplitude"] = (("component", "event", "time"), np.stack([z, -e, n]))
    a, b = head.predict(test), head.predict(turned)
    true, found = (
        moment_tensor((ds["strike"].values + by) % 360, ds["dip"].values, ds["rake"].values)
        for ds, by in ((a, 90), (b, 0))
    )
    assert np.median(kagan_angle(true, found)) < 15
    # Upside down, pushes are pulls.
    upside = head.predict(test.assign(amplitude=-test["amplitude"]))
    opposite = moment_tensor(a["strike"].values, a["dip"].values, a["rake"].values + 180)
    found = moment_tensor(*(upside[n].values for n in ("strike", "dip", "rake")))
    assert np.median(kagan_angle(opposite, found)) < 45
    # A pick that nobody made is no error, a column that is gone is.
    some = test.copy()
    some["p_arrival"] = some["p_arrival"].where(np.arange(some.sizes["event"]) % 5 != 0)
    assert head.score(some) > -60
    with pytest.raises(ConventionError, match=r"'s_arrival': .*NaN says that there is no pick"):
        head.predict(test.drop_vars("s_arrival"))
    with pytest.raises(ConventionError, match="'back_azimuth': the model was trained with it"):
        head.predict(test.drop_vars("back_azimuth"))


def test_features_that_say_nothing_take_nothing_from_a_mechanism_of_few_labels(
    network, blind, monkeypatch
):
    """Sixty events and features of chance: as good as with features that are all the same."""
    from seisgeo.estimators import event_head

    records = xr.concat(network, "event")
    train, test = records.isel(event=slice(300)), records.isel(event=slice(300, None))
    random = np.random.default_rng(0)
    settings = {**SMALL, "max_epochs": 60, "batch_size": 8, "validation_fraction": 0.0}

    def score(features, **changes):
        def found(encoder, batches, device):
            return features(sum(map(len, batches))).astype(np.float32)

        monkeypatch.setattr(event_head, "embed", found)
        return sg.MechanismRegressor(blind, **settings, **changes).fit(train).score(test)

    without = score(lambda n: np.zeros((n, 64)))
    assert without > -50  # guesses: -75
    assert score(lambda n: random.normal(size=(n, 64))) > without - 1.5
    # What stands in the way of it: without decay, chance is learned by heart.
    assert score(lambda n: random.normal(size=(n, 64)), weight_decay=1e-4) < without - 1.5


def test_a_mechanism_from_hardly_any_labels(network, blind):
    few, test = network[0].isel(event=slice(15)), network[1]
    found = sg.MechanismRegressor(blind, **SMALL).fit(few).predict(test)
    for name in ("strike", "dip", "rake"):
        assert np.isfinite(found[name]).all()


def test_first_motions_are_read_off_the_record():
    """A pulse that comes from the west, moves the ground up and away, and S across to the right."""
    time = np.arange(2000) * 0.01
    pulse = np.exp(-(((time - 5.06) / 0.02) ** 2))  # ground velocity
    later = np.exp(-(((time - 9.06) / 0.02) ** 2))
    # Away is east, and to the right of it south.
    waves = np.stack([pulse, -2 * later, 0.5 * pulse])[None].repeat(3, axis=0)
    waves[1] *= -1
    ds = xr.Dataset(
        {"amplitude": (("event", "component", "time"), waves.astype(np.float32))},
        coords={"time": time, "component": list("ZNE")},
    )
    form = records.RecordForm(("Z", "N", "E"), 2000, 0.01)
    p, s = np.array([5.0, 5.0, np.nan]), np.array([9.0, 9.0, 9.0])
    read = first_motions(records.Records(ds), form, p, s, np.full(3, 270.0))
    np.testing.assert_array_equal(np.sign(read[:, 0]), [1, -1, 0])
    np.testing.assert_array_equal(np.sign(read[:, 2]), [1, -1, 1])
    assert abs(read[0, 2]) > abs(read[0, 0]) > 3 * abs(read[0, 1])
    np.testing.assert_allclose(read[0], -read[1], atol=1e-6)


def test_several_stations_locate_an_event_anywhere(network, blind):
    """Distances alone would do: what is learned in one place holds in another."""
    train, test = (ds.assign(amplitude=along(ds)) for ds in network)
    head = sg.EventLocator(blind, **SMALL).fit(train)
    assert head.beside_ == ["station_latitude", "station_longitude", "starttime"]

    def kilometres(ds):
        found = head.predict(ds)
        names = ("source_latitude", "source_longitude")
        apart = east_north(*(c[n].values for c in (ds, found) for n in names))
        return np.median(np.hypot(*apart)) / 1e3

    middle = 60  # km from the middle of its stations to an event, about
    near = kilometres(test)
    assert near < 0.6 * middle
    # Across the date line, and at another latitude: as if everything had been shipped there.
    moved = test.copy()
    for what in ("source", "station"):
        east, north = east_north(
            34.0, -117.0, test[f"{what}_latitude"].values, test[f"{what}_longitude"].values
        )
        latitude, longitude = place_at(-41.0, 179.9, east, north)
        moved[f"{what}_latitude"] = ("event", latitude, {"units": "degrees_north"})
        moved[f"{what}_longitude"] = ("event", longitude, {"units": "degrees_east"})
    assert kilometres(moved) == pytest.approx(near, rel=0.05)
    with pytest.raises(ConventionError, match="'starttime': the model was trained with it"):
        head.predict(test.drop_vars("starttime"))


def along(ds):
    """Records whose strength tells how far their source is, to any network."""
    far = ds["epicentral_distance"].values[:, None, None] / 30e3
    noise = np.random.default_rng(0).normal(size=ds["amplitude"].shape)
    return ds["amplitude"].dims, (noise * 10**-far).astype(np.float32)
