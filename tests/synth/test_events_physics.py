"""Synthetic events against ray theory, obspy, and what textbooks say of sources."""

import dataclasses

import numpy as np
import pytest
from obspy.imaging.beachball import aux_plane
from obspy.signal.invsim import paz_to_freq_resp
from obspy.taup import TauPyModel
from obspy.taup.taup_create import build_taup_model
from scipy.optimize import brentq
from scipy.signal import welch

from seisgeo.errors import ParameterError
from seisgeo.mechanism import moment_tensor
from seisgeo.synth import draw_events, simulate_events
from seisgeo.synth.events import (
    REGIONS,
    LayeredModel,
    Recorder,
    first_arrival,
    trace_rays,
)
from seisgeo.synth.events.noise import noise_psd
from seisgeo.synth.events.radiation import (
    crack_tensor,
    explosion_tensor,
    free_surface,
    radiate,
)
from seisgeo.synth.events.rayleigh import Dispersion, rayleigh_waves
from seisgeo.synth.events.spectra import (
    attenuation,
    brune,
    corner_frequency,
    poles_zeros,
    resonance,
    ripple_fire,
    seismic_moment,
)

MANY = np.random.default_rng(0).uniform([0, 1, -180], [360, 90, 180], (20, 3))


# ------------------------------------------------------------------------------------ travel times


@pytest.fixture(scope="module", params=["plate-boundary", "ice-stream"])
def earth(request, tmp_path_factory):
    """A region's model, and obspy's TauP for the same layers on the round Earth."""
    model = REGIONS[request.param].model
    folder = tmp_path_factory.mktemp("taup")
    tops = model.tops / 1e3
    lines = []
    for i, top in enumerate(tops):
        if i == len(tops) - 1:
            lines.append("mantle")
        bottom = tops[i + 1] if i + 1 < len(tops) else 2891.0
        values = f"{model.vp[i] / 1e3} {model.vs[i] / 1e3} {model.density[i] / 1e3}"
        lines += [f"{top:.4f} {values}", f"{bottom:.4f} {values}"]
    lines += ["outer-core", "2891 8 0 9.9", "5149.5 10.3 0 12.1"]
    lines += ["inner-core", "5149.5 11 3.5 12.7", "6371 11.2 3.6 13"]
    (folder / "layers.nd").write_text("\n".join(lines) + "\n")
    build_taup_model(str(folder / "layers.nd"), output_folder=str(folder), verbose=False)
    return model, TauPyModel(str(folder / "layers.npz"))


def test_first_arrivals_are_those_of_taup(earth):
    model, taup = earth
    for depth in (0.5e3, 7e3, 18e3):
        for distance in (3e3, 30e3, 90e3, 170e3):
            for wave in "PS":
                names = [wave.lower(), wave, f"{wave}n", f"{wave}g"]
                waves = taup.get_travel_times(
                    depth / 1e3, np.degrees(distance / 6371e3), phase_list=names
                )
                ours = first_arrival(model, np.array([depth]), np.array([distance]), wave)[0]
                assert ours == pytest.approx(min(w.time for w in waves), abs=0.05)


def test_rays_in_two_layers_are_those_of_the_textbook():
    h, v1, v2 = 2000.0, 3000.0, 5000.0
    model = LayeredModel((h,), (v1, v2), (v1 / 2, v2 / 2), (2400.0, 2700.0))
    x = np.array([1e3, 5e3, 12e3])
    rays = trace_rays(model, np.full(3, 1.0), x, "P")
    np.testing.assert_allclose(rays.time[:, 0], x / v1, rtol=1e-3)
    np.testing.assert_allclose(rays.time[:, 2], np.sqrt(x**2 + 4 * h**2) / v1, rtol=1e-3)
    late = 2 * h * np.sqrt(1 / v1**2 - 1 / v2**2)
    np.testing.assert_allclose(rays.time[1:, 1], x[1:] / v2 + late, rtol=1e-3)
    assert np.isinf(rays.time[0, 1]), "there is no head wave before the critical distance"
    np.testing.assert_allclose(np.sin(rays.takeoff[1:, 1]), v1 / v2, rtol=1e-3)


def test_layers_that_are_none_are_refused():
    with pytest.raises(ParameterError, match=r"vs: expected 2 values.*found 1"):
        LayeredModel((1e3,), (5e3, 6e3), (3e3,), (2600.0, 2700.0))
    with pytest.raises(ParameterError, match="thickness: expected values above zero"):
        LayeredModel((-1e3,), (5e3, 6e3), (3e3, 3.5e3), (2600.0, 2700.0))


# -------------------------------------------------------------------------------------- radiation


def test_radiation_is_that_of_aki_and_richards():
    rng = np.random.default_rng(1)
    for strike, dip, rake in MANY:
        i, f = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
        d, r, a = np.radians(dip), np.radians(rake), f - np.radians(strike)
        p = (
            np.cos(r) * np.sin(d) * np.sin(i) ** 2 * np.sin(2 * a)
            - np.cos(r) * np.cos(d) * np.sin(2 * i) * np.cos(a)
            + np.sin(r) * np.sin(2 * d) * (np.cos(i) ** 2 - np.sin(i) ** 2 * np.sin(a) ** 2)
            + np.sin(r) * np.cos(2 * d) * np.sin(2 * i) * np.sin(a)
        )
        sv = (
            np.sin(r) * np.cos(2 * d) * np.cos(2 * i) * np.sin(a)
            - np.cos(r) * np.cos(d) * np.cos(2 * i) * np.cos(a)
            + 0.5 * np.cos(r) * np.sin(d) * np.sin(2 * i) * np.sin(2 * a)
            - 0.5 * np.sin(r) * np.sin(2 * d) * np.sin(2 * i) * (1 + np.sin(a) ** 2)
        )
        sh = (
            np.cos(r) * np.cos(d) * np.cos(i) * np.sin(a)
            + np.cos(r) * np.sin(d) * np.sin(i) * np.cos(2 * a)
            + np.sin(r) * np.cos(2 * d) * np.cos(i) * np.cos(a)
            - 0.5 * np.sin(r) * np.sin(2 * d) * np.sin(i) * np.sin(2 * a)
        )
        found = radiate(moment_tensor(strike, dip, rake), i, f)
        np.testing.assert_allclose(found, (p, sv, sh), atol=1e-12)


def test_the_auxiliary_plane_is_the_same_source():
    for plane in MANY:
        tensor = moment_tensor(*plane)
        np.testing.assert_allclose(moment_tensor(*aux_plane(*plane)), tensor, atol=1e-9)
        np.testing.assert_array_equal(tensor, tensor.T)
        assert abs(np.trace(tensor)) < 1e-12


def test_energy_over_all_directions():
    i = np.arccos(np.linspace(-1, 1, 401)[:-1] + 1 / 400)[:, None]
    f = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    p, sv, sh = radiate(moment_tensor(30.0, 60.0, 45.0), i, f)
    assert (p**2).mean() == pytest.approx(4 / 15, rel=1e-4)
    assert (sv**2 + sh**2).mean() == pytest.approx(2 / 5, rel=1e-4)
    p, sv, sh = radiate(explosion_tensor(), i, f)
    assert np.ptp(p) < 1e-12
    assert abs(sv).max() < 1e-12
    assert abs(sh).max() < 1e-12
    for tensor in (explosion_tensor(), crack_tensor(20.0, 80.0, 3800.0, 1900.0)):
        assert (tensor**2).sum() / 2 == pytest.approx(1), "the norm of a double couple"


def test_no_p_waves_leave_along_nodal_planes():
    s, d = np.radians(40.0), np.radians(65.0)
    tensor = moment_tensor(40.0, 65.0, 20.0)
    along = np.array([np.cos(s), np.sin(s), 0.0])
    down = np.array([-np.cos(d) * np.sin(s), np.cos(d) * np.cos(s), np.sin(d)])
    for turn in np.linspace(0, 2 * np.pi, 17):
        x = np.cos(turn) * along + np.sin(turn) * down  # a direction in the fault's plane
        p, _, _ = radiate(tensor, np.arccos(x[2]), np.arctan2(x[1], x[0]))
        assert abs(p) < 1e-12


def test_the_free_surface_bears_no_traction():
    vp, vs, rho = 5000.0, 2800.0, 1.0
    mu = rho * vs**2
    lam = rho * vp**2 - 2 * mu

    def traction(motion, slowness):
        (ux, uz), (px, pz) = motion, slowness  # z down; stress over -i omega
        return np.array([mu * (ux * pz + uz * px), lam * (ux * px + uz * pz) + 2 * mu * uz * pz])

    for p in (2e-5, 9e-5, 1.7e-4):
        a, b = np.sqrt(1 / vp**2 - p**2), np.sqrt(1 / vs**2 - p**2)
        waves = {  # displacement and slowness; up is incoming
            "P up": ((p * vp, -a * vp), (p, -a)),
            "S up": ((-b * vs, -p * vs), (p, -b)),
            "P down": ((p * vp, a * vp), (p, a)),
            "S down": ((b * vs, -p * vs), (p, b)),
        }
        out = np.stack([traction(*waves["P down"]), traction(*waves["S down"])], 1)
        p_up, p_away, sv_up, sv_away = free_surface(np.array(p), vp, vs)
        for wave, expected in (("P up", (p_away, -p_up)), ("S up", (sv_away, -sv_up))):
            back = np.linalg.solve(out, -traction(*waves[wave]))
            total = np.array(waves[wave][0]) + back @ np.array(
                [waves["P down"][0], waves["S down"][0]]
            )
            np.testing.assert_allclose(total, expected, rtol=1e-9)


# ---------------------------------------------------------------------------------------- spectra


def test_sources():
    # Hanks and Kanamori: magnitude 6 is 1.26e18 N m; a radius from Eshelby's crack.
    assert seismic_moment(6.0) == pytest.approx(1.26e18, rel=0.01)
    moment, drop, vs = 1e15, 3e6, 3500.0
    radius = (7 * moment / (16 * drop)) ** (1 / 3)
    assert corner_frequency(moment, drop, vs) == pytest.approx(0.372 * vs / radius, rel=2e-3)
    f = np.array([1e-3, 5.0, 5e2, 5e3])
    np.testing.assert_allclose(abs(brune(f, 5.0)), [1, 0.5, 1e-4, 1e-6], rtol=1e-3)


@pytest.mark.parametrize("exponent", [0.0, 0.4])
def test_attenuation_loses_what_q_says_and_is_causal(exponent):
    n, dt, t_star = 8192, 0.005, 0.08
    f = np.fft.rfftfreq(n, dt)
    response = attenuation(f, t_star, exponent)
    inside = (f > 0.5) & (f < 30)
    expected = -np.pi * t_star * f[inside] ** (1 - exponent)
    np.testing.assert_allclose(np.log(abs(response[inside])), expected, rtol=1e-4)
    pulse = np.fft.irfft(response * np.exp(-2j * np.pi * f * 5.0), n)
    before = int(5.0 / dt) - 2
    assert abs(pulse[:before]).max() < 0.02 * abs(pulse).max()
    assert (pulse[:before] ** 2).sum() < 1e-3 * (pulse**2).sum()


def test_site_and_instrument():
    f = np.array([0.01, 3.0, 6.0, 9.0])
    np.testing.assert_allclose(abs(resonance(f, 3.0, 2.5, 0.0)), [1, 2.5, 1, 2.5], rtol=1e-4)
    paz = {
        "poles": [-4.44 + 4.44j, -4.44 - 4.44j, -300.0],
        "zeros": [0j, 0j],
        "gain": 300.0,
        "sensitivity": 4e8,
    }
    theirs, f = paz_to_freq_resp(
        paz["poles"], paz["zeros"], paz["gain"] * 4e8, 0.01, 1024, freq=True
    )
    np.testing.assert_allclose(poles_zeros(f, paz), theirs, rtol=1e-6, atol=1e-6)


def test_ripple_fire_has_its_bands():
    f = np.array([0.0, 10.0, 20.0, 40.0])
    np.testing.assert_allclose(abs(ripple_fire(f, 4, 0.05)), [1, 0, 1, 1], atol=1e-6)


def test_rayleigh_waves_are_retrograde():
    f = np.fft.rfftfreq(8192, 0.01)
    still = Dispersion.between(f, 2000.0, 2000.0, 100.0)
    up, away, travel = rayleigh_waves(still, explosion_tensor(), 50.0, 8e3, 0.3, 2400.0)
    np.testing.assert_allclose(travel, 8e3 / (0.9194 * 2000), rtol=1e-6)
    inside = (f > 1) & (f < 4)
    ratio = away[inside] / up[inside]
    np.testing.assert_allclose(abs(ratio), 0.68, atol=0.005)
    # Retrograde: back at the top. The way outward leads the way up by a quarter of a period.
    np.testing.assert_allclose(np.angle(ratio), np.pi / 2, atol=1e-6)
    deep, _, _ = rayleigh_waves(still, explosion_tensor(), 3e3, 8e3, 0.3, 2400.0)
    assert (abs(deep[inside]) < 0.02 * abs(up[inside])).all()


def test_rayleigh_waves_of_an_explosion_are_the_pole_of_its_exact_field():
    f, vs, rho, h, r = np.array([2.0, 5.0]), 2000.0, 2400.0, 60.0, 9e3
    vp, omega = np.sqrt(3) * vs, 2 * np.pi * f
    up, _, _ = rayleigh_waves(
        Dispersion.between(f, vs, vs, 100.0), explosion_tensor(), h, r, 0.7, rho
    )

    def secular(p):
        return (1 / vs**2 - 2 * p**2) ** 2 - 4 * p**2 * np.sqrt(
            (p**2 - 1 / vp**2) * (p**2 - 1 / vs**2)
        )

    pole = brentq(secular, 1.05 / vs, 1.2 / vs, xtol=1e-14)
    slope = (secular(pole * 1.0001) - secular(pole * 0.9999)) / (2e-4 * pole)
    # Sommerfeld's integral over the waves of the source, met by a free surface: its residue.
    k = omega * pole
    reach = np.exp(-omega * np.sqrt(pole**2 - 1 / vp**2) * h) * np.sqrt(2 / (np.pi * k * r))
    source = np.sqrt(2 / 3) / (4 * np.pi * rho * vp**2) / omega  # a step of moment
    meets = 2 / vs**2 * abs(1 / vs**2 - 2 * pole**2) * omega / abs(slope)
    np.testing.assert_allclose(abs(up), np.pi * k * reach * source * meets, rtol=0.01)


# ---------------------------------------------------------------------------------- whole records

PLAIN = dataclasses.replace(
    REGIONS["craton"],
    name="plain",
    model=LayeredModel((), (6000.0,), (3464.0,), (2700.0,)),
    q_p=1e9,
    q_s=1e9,
    q_exponent=0.0,
    scattering=0.0,
    reverberation=(0.0, 1.0),
    site_contrast=(1.0, 1.0),
    kappa=(0.0, 0.0),
    site_frequency=(1e6, 1e6),  # with its damping, far above the band
    noise_level=(-3.0, -3.0),
)
RECORDER = Recorder(response="displacement", snr=None)


def plain(n=1, region=PLAIN, recorder=RECORDER, **changes):
    """Earthquakes without noise, at 40 km and 12 km depth unless something else is said."""
    events = draw_events(n, kinds="earthquake", regions=region, recorder=recorder, seed=1)
    fixed = dict(
        source_depth=12e3, epicentral_distance=40e3, azimuth=70.0, magnitude=3.0, p_arrival=8.0,
        stress_drop=3e6, strike=10.0, dip=70.0, rake=20.0,
    )  # fmt: skip
    for name, value in (fixed | changes).items():
        events[name][:] = value
    return simulate_events(events, recorder=recorder, regions=region)


def across(cube):
    """Transverse displacement (radial and vertical are left out)."""
    n, e = (cube.amplitude.sel(component=c).values.astype(float) for c in "NE")
    azimuth = np.radians(cube.azimuth.values[:, None])
    return e * np.cos(azimuth) - n * np.sin(azimuth)


def spectrum(cube, dt=0.01):
    x = across(cube)
    return np.fft.rfftfreq(x.shape[-1], dt), abs(np.fft.rfft(x)) * dt


def test_moment_corner_and_slope_come_back_from_the_spectrum():
    cube = plain()
    f, s = spectrum(cube)
    corner = float(cube.corner_frequency[0])
    assert corner == pytest.approx(0.372 * 3464 / (7 * 10**13.6 / (16 * 3e6)) ** (1 / 3), rel=2e-3)
    # Aki and Richards 4.97: u = 2 F M0 / (4 pi rho beta**3 r), with the impedance of the surface.
    rays = trace_rays(PLAIN.model, np.array([12e3]), np.array([40e3]), "S")
    tensor = moment_tensor(10.0, 70.0, 20.0)
    _, _, sh = radiate(tensor, rays.takeoff[0, 0], np.radians(70.0))
    impedances = 2700 * 3464**5 * PLAIN.surface_density * PLAIN.surface_vs
    level = 2 * sh * 10**13.6 / (4 * np.pi * np.sqrt(impedances) * np.hypot(12e3, 40e3))
    low = (f > 0.2) & (f < 0.1 * corner)
    np.testing.assert_allclose(s[0, low], abs(level), rtol=0.05)
    np.testing.assert_allclose(np.interp(corner, f, s[0]) / abs(level), 0.5, rtol=0.03)
    high = (f > 3 * corner) & (f < 35)
    shape = s[0, high] / abs(level) * (1 + (f[high] / corner) ** 2)
    np.testing.assert_allclose(shape, 1, rtol=0.05)


def test_a_unit_of_magnitude_is_a_factor_of_thirty_in_moment():
    cube = plain(2, magnitude=np.array([1.5, 2.5]))
    f, s = spectrum(cube)
    low = (f > 0.2) & (f < 1)
    np.testing.assert_allclose(s[1, low] / s[0, low], 10**1.5, rtol=0.03)


def test_q_comes_back_from_the_ratio_of_spectra():
    lossy = dataclasses.replace(PLAIN, q_s=100.0)
    f, clean = spectrum(plain())
    _, lost = spectrum(plain(region=lossy))
    inside = (f > 1) & (f < 25)
    slope = np.polyfit(f[inside], np.log(lost[0, inside] / clean[0, inside]), 1)[0]
    time = first_arrival(PLAIN.model, np.array([12e3]), np.array([40e3]), "S")[0]
    assert slope == pytest.approx(-np.pi * time / 100, rel=0.02)


def test_waves_come_when_they_are_said_to_and_push_where_they_are_said_to():
    rng = np.random.default_rng(3)
    n = 40
    cube = plain(
        n,
        strike=rng.uniform(0, 360, n),
        rake=rng.uniform(-180, 180, n),
        azimuth=rng.uniform(0, 360, n),
        epicentral_distance=rng.uniform(10e3, 100e3, n),
        stress_drop=3e7,
    )
    up = cube.amplitude.sel(component="Z").values
    for i in range(n):
        p, s = (round(float(cube[w][i]) / 0.01) for w in ("p_arrival", "s_arrival"))
        first = up[i, : s - 5]
        onset = int(np.argmax(abs(first) > 0.1 * abs(first).max()))
        assert abs(onset - p) * 0.01 < 0.05
        assert np.sign(first[np.argmax(abs(first))]) == cube.p_polarity[i]
        t = across(cube.isel(event=[i]))[0]
        assert abs(t[: s - 5]).max() < 0.05 * abs(t).max(), "P has no motion across"
        onset = int(np.argmax(abs(t) > 0.1 * abs(t).max()))
        assert abs(onset - s) * 0.01 < 0.05
    lag = cube.s_arrival - cube.p_arrival
    length = np.hypot(cube.source_depth, cube.epicentral_distance)
    np.testing.assert_allclose(lag, length * (1 / 3464 - 1 / 6000), rtol=2e-3)


def test_p_waves_point_away_from_the_source():
    cube = plain(1, region=PLAIN, strike=40.0, rake=0.0, dip=90.0, azimuth=200.0)
    z, n, e = cube.amplitude.values[0, :, 790:850].astype(float)
    at = abs(z).argmax()
    push = np.sign(z[at])
    away = np.degrees(np.arctan2(push * e[at], push * n[at])) % 360
    assert away == pytest.approx(200.0, abs=1.0)


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_noise_has_the_spectrum_of_petersons_models(level):
    recorder = Recorder(response="acceleration", n_time=12000)
    region = dataclasses.replace(REGIONS["craton"], noise_level=(level, level))
    events = draw_events(40, kinds="noise", regions=region, recorder=recorder)
    cube = simulate_events(events, recorder=recorder, regions=region)
    f, psd = welch(cube.amplitude.sel(component="Z").values, 100.0, nperseg=4096)
    inside = (f > 0.15) & (f < 35)
    difference = 10 * np.log10(psd.mean(0)[inside]) - noise_psd(f[inside], level)
    smooth = np.convolve(difference, np.ones(9) / 9, "valid")
    assert abs(smooth).max() < 1.0
    kurtosis = (cube.amplitude.values**4).mean() / (cube.amplitude.values**2).mean() ** 2
    assert kurtosis == pytest.approx(3, abs=0.3)
