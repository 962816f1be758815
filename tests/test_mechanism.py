import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from obspy.imaging.beachball import MomentTensor, aux_plane, mt2plane

from seisgeo.mechanism import kagan_angle, moment_tensor, nodal_planes

strikes = st.floats(0, 359)
dips = st.floats(1, 89)
rakes = st.floats(-179, 179)


def test_explosions_of_signs():
    # Pure thrust on a 45 degree plane striking north: tension vertical, pressure east-west.
    np.testing.assert_allclose(moment_tensor(0, 45, 90), np.diag([0, -1, 1]), atol=1e-12)
    # Right-lateral is the negative of left-lateral.
    np.testing.assert_allclose(moment_tensor(30, 90, 180), -moment_tensor(30, 90, 0), atol=1e-12)


# ObsPy's auxiliary plane has the wrong rake where the slip is exactly along strike.
@given(strikes, dips, st.one_of(st.floats(1, 179), st.floats(-179, -1)))
def test_planes_are_obspys(strike, dip, rake):
    first, second = nodal_planes(moment_tensor(strike, dip, rake))
    given_plane = np.array([strike, dip, rake])
    other = np.array(aux_plane(strike, dip, rake))
    angles = [
        kagan_angle(moment_tensor(*plane), moment_tensor(strike, dip, rake))
        for plane in (first, second, other)
    ]
    np.testing.assert_allclose(angles, 0, atol=1e-3)

    def apart(a, b):
        return np.abs((a - b + 180) % 360 - 180).max()

    assert min(apart(first, given_plane), apart(second, given_plane)) < 1e-4
    assert min(apart(first, other), apart(second, other)) < 0.1


def test_a_tensor_that_is_no_double_couple_gives_obspys_plane():
    random = np.random.default_rng(0)
    tensor = random.normal(size=(3, 3))
    tensor += tensor.T
    tensor -= np.eye(3) * np.trace(tensor) / 3
    n, e, d = 0, 1, 2
    up_south_east = [
        tensor[d, d], tensor[n, n], tensor[e, e], tensor[n, d], -tensor[e, d], -tensor[n, e]
    ]  # fmt: skip
    plane = mt2plane(MomentTensor(*up_south_east, 0))
    expected = moment_tensor(plane.strike, plane.dip, plane.rake)
    assert kagan_angle(tensor, expected) < 0.1


@given(strikes, dips, rakes, st.floats(0, 90))
def test_turning_the_earth_turns_the_mechanism(strike, dip, rake, turn):
    angle = kagan_angle(moment_tensor(strike, dip, rake), moment_tensor(strike + turn, dip, rake))
    assert angle <= turn + 1e-3


@given(strikes, dips, st.floats(-180, 180))
def test_planes_give_their_tensor_back(strike, dip, rake):
    tensor = moment_tensor(strike, dip, rake)
    for plane in nodal_planes(tensor):
        np.testing.assert_allclose(moment_tensor(*plane), tensor, atol=1e-6)


def test_kagan_angles_of_random_mechanisms():
    random = np.random.default_rng(0)
    n = 20_000
    a, b = (
        moment_tensor(
            random.uniform(0, 360, n),
            np.degrees(np.arccos(random.uniform(0, 1, n))),
            random.uniform(-180, 180, n),
        )
        for _ in range(2)
    )
    angles = kagan_angle(a, b)
    # Kagan (1991): at most 120 degrees, 75.2 on average.
    assert 115 < angles.max() <= 120
    assert abs(angles.mean() - 75.2) < 0.5
    np.testing.assert_allclose(angles, kagan_angle(b, a), atol=1e-6)
