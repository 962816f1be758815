"""Viscoacoustic waves against the theory of constant Q, and against waves without losses."""

import functools

import numpy as np
import pytest
import torch
from scipy.special import hankel2

import seisgeo as sg
from seisgeo.errors import ConventionError, ParameterError, SimulationError
from seisgeo.synth import Survey
from seisgeo.synth.engines.deepwave import propagate, simulate_array

VELOCITY, DENSITY = 2000.0, 1800.0


def survey(**changes):
    values = dict(
        source_x=(300.0,),
        source_depth=(300.0,),
        receiver_x=((600.0, 1000.0, 1400.0),),
        receiver_depth=((300.0,) * 3,),
        dt=0.002,
        nt=500,
        peak_frequency=12.0,
        peak_time=0.1,
        grid_spacing=10.0,
        model_shape=(61, 171),
    )
    return Survey(**(values | changes))


def full(value, of):
    return np.full((1, *of.model_shape), value, np.float32)


def misfit(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def slowness(frequency, quality, peak_frequency):
    """Complex slowness of constant Q, of a phase velocity that holds at the peak frequency.

    Kjartansson (1979), doi 10.1029/JB084iB09p04737, equations 24 to 27.
    """
    gamma = np.arctan(1 / quality) / np.pi
    scaled = (1j * frequency / peak_frequency) ** -gamma
    return scaled / (VELOCITY * np.cos(np.pi * gamma / 2))


def theory(s, distance, quality):
    """The analytic record of a homogeneous medium of constant Q, in two or three dimensions."""
    n, ndim = 8192, len(s.axes)
    t = np.arange(n) * s.dt
    lag = (np.pi * s.peak_frequency * (t - s.peak_time)) ** 2
    f = np.fft.rfftfreq(n, s.dt)[1:]
    k = 2 * np.pi * f * slowness(f, quality, s.peak_frequency)
    if ndim == 2:
        green = -0.25j * hankel2(0, k * distance)
    else:
        green = np.exp(-1j * k * distance) / (4 * np.pi * distance)
    spectrum = np.fft.rfft((1 - 2 * lag) * np.exp(-lag))
    spectrum[0] = 0
    spectrum[1:] *= green
    return np.fft.irfft(spectrum, n)[: s.nt] * s.grid_spacing**ndim


@functools.cache
def record(quality):
    """Gathers of a homogeneous medium at 300, 700 and 1100 m from the source."""
    s = survey()
    materials = {"density": full(DENSITY, s), "q": full(quality, s)}
    return simulate_array(full(VELOCITY, s), s, device="cpu", **materials)[0, 0]


@pytest.mark.parametrize(("quality", "bound"), [(100.0, 0.01), (30.0, 0.01), (10.0, 0.05)])
def test_records_are_those_of_constant_q(quality, bound):
    s = survey()
    for trace, distance in zip(record(quality).T, s.offset[0], strict=True):
        assert misfit(trace, theory(s, distance, quality)) < bound


@pytest.mark.parametrize("quality", [20.0, 30.0, 50.0, 100.0])
def test_the_spectral_ratio_of_two_receivers_gives_back_q(quality):
    s = survey()
    spectra = np.abs(np.fft.rfft(record(quality), 4096, axis=0))
    f = np.fft.rfftfreq(4096, s.dt)
    band = (f > 6) & (f < 24)
    delay = (s.offset[0][2] - s.offset[0][0]) / VELOCITY
    # exp(-pi f t / Q): the logarithm falls in proportion to the frequency.
    slope = np.polyfit(f[band], np.log(spectra[band, 2] / spectra[band, 0]), 1)[0]
    assert -np.pi * delay / slope == pytest.approx(quality, rel=0.04)


def test_higher_frequencies_are_faster_and_the_peak_frequency_has_the_models_velocity():
    s, quality = survey(), 20.0
    spectra = np.fft.rfft(record(quality), 4096, axis=0)
    f = np.fft.rfftfreq(4096, s.dt)
    distance = s.offset[0][2] - s.offset[0][0]
    spectra, f = spectra[1:], f[1:]
    lag = np.angle(spectra[:, 0] * spectra[:, 2].conj())
    whole = np.round((2 * np.pi * f * distance / VELOCITY - lag) / (2 * np.pi))
    velocity = 2 * np.pi * f * distance / (lag + 2 * np.pi * whole)
    at = {hz: float(np.interp(hz, f, velocity)) for hz in (6.0, 12.0, 24.0)}
    for hz, found in at.items():
        expected = 1 / slowness(hz, quality, s.peak_frequency).real
        assert found == pytest.approx(expected, rel=0.004)
    assert at[6.0] < 0.995 * at[12.0] < 0.995**2 * at[24.0]


def test_without_losses_nothing_differs_from_the_other_physics():
    s = survey(receiver_depth=((400.0, 300.0, 420.0),))
    v, rho = full(VELOCITY, s), full(DENSITY, s)
    materials = {"density": rho, "q": full(1e6, s), "device": "cpu"}
    assert misfit(simulate_array(v, s, **materials), simulate_array(v, s, device="cpu")) < 0.005
    for component in ("pressure", "depth", "x"):
        options = {"density": rho, "component": component, "device": "cpu"}
        lossless = simulate_array(v, s, component=component, **materials)
        assert misfit(lossless, simulate_array(v, s, **options)) < 1e-4


@pytest.mark.parametrize(
    "changes",
    [
        {"free_surface": True},
        {"source_x": (303.0,), "source_depth": (304.0,)},
        {"free_surface": True, "source_depth": (6.0,), "receiver_depth": ((20.0, 8.0, 13.0),)},
    ],
)
def test_free_surface_and_positions_between_cells(changes):
    s, quality = survey(**changes), 30.0
    materials = {"density": full(DENSITY, s), "q": full(quality, s)}
    found = simulate_array(full(VELOCITY, s), s, device="cpu", **materials)[0, 0]
    across = s.offset[0]
    for i, depth in enumerate(s.receiver_depth[0]):
        expected = theory(s, np.hypot(across[i], depth - s.source_depth[0]), quality)
        if s.free_surface:
            expected -= theory(s, np.hypot(across[i], depth + s.source_depth[0]), quality)
        assert misfit(found[:, i], expected) < 0.04


@pytest.mark.slow
def test_three_dimensions():
    s = survey(
        source_x=(200.0,), source_y=(240.0,), source_depth=(240.0,),
        receiver_x=((400.0, 300.0),), receiver_y=((240.0, 340.0),),
        receiver_depth=((240.0, 300.0),),
        nt=140, peak_frequency=8.0, peak_time=0.12, grid_spacing=20.0, model_shape=(25, 25, 30),
    )  # fmt: skip
    materials = {"density": full(DENSITY, s), "q": full(20.0, s)}
    found = simulate_array(full(VELOCITY, s), s, device="cpu", **materials)[0, 0]
    for trace, distance in zip(found.T, (200.0, np.sqrt(100**2 + 100**2 + 60**2)), strict=True):
        assert misfit(trace, theory(s, distance, 20.0)) < 0.03
        assert misfit(trace, theory(s, distance, 1e6)) > 0.1


def test_a_layer_that_absorbs_dims_what_comes_through_it():
    s = survey(receiver_depth=((550.0,) * 3,))
    v, rho, q = full(VELOCITY, s), full(DENSITY, s), full(1e6, s)
    clear = simulate_array(v, s, density=rho, q=q, device="cpu")[0, 0]
    q[:, 40:50] = 20.0  # 100 m of the 250 m in depth between source and receivers
    dim = simulate_array(v, s, density=rho, q=q, device="cpu")[0, 0]
    frequency = np.fft.rfftfreq(4096, s.dt)
    at = int(np.argmin(np.abs(frequency - s.peak_frequency)))
    ratio = np.abs(np.fft.rfft(dim[:, 0], 4096)[at] / np.fft.rfft(clear[:, 0], 4096)[at])
    delay = 100 / 250 * np.hypot(300, 250) / VELOCITY
    assert ratio == pytest.approx(np.exp(-np.pi * s.peak_frequency * delay / 20.0), rel=0.03)


def test_gradients_are_those_of_finite_differences():
    s = survey(receiver_x=((500.0,),), receiver_depth=((300.0,),), nt=150)
    weight = torch.linspace(-1, 1, s.nt)[None, None, :, None]

    def loss(models):
        return (propagate(models["v"], s, density=models["rho"], q=models["q"]) * weight).sum()

    start = {"v": VELOCITY, "rho": DENSITY, "q": 30.0}
    models = {k: torch.from_numpy(full(value, s)).requires_grad_() for k, value in start.items()}
    loss(models).backward()
    # Around the path, and the source itself, whose strength depends on its cell.
    box = torch.zeros(1, *s.model_shape)
    box[0, 25:36, 30:48] = 1
    for name, step in {"v": 2.0, "rho": 5.0, "q": 0.3}.items():
        with torch.no_grad():
            up, down = ({**models, name: models[name] + d * box} for d in (step, -step))
            expected = float(loss(up) - loss(down)) / (2 * step)
        assert float((models[name].grad * box).sum()) == pytest.approx(expected, rel=2e-3)


def cube(s, **variables):
    models = sg.synth.draw_velocity("curvefault-b", 1, seed=1, shape=s.model_shape)
    arrays = {k: (("sample", *s.axes), full(value, s)) for k, value in variables.items()}
    return sg.conventions.describe(models.assign(arrays))


def test_simulate_takes_q_from_the_cube_and_says_what_was_run():
    s = survey(nt=60)
    models = cube(s, density=DENSITY)
    models["q"] = sg.synth.q_from_velocity(models["velocity"])
    sg.conventions.validate(models, "velocity")
    gathers = sg.synth.simulate(models, s, physics="viscoacoustic", device="cpu")
    expected = simulate_array(
        models["velocity"].values, s, density=models["density"].values, q=models["q"].values
    )
    np.testing.assert_array_equal(gathers["amplitude"].values, expected)
    scheme = gathers.attrs["scheme"]
    assert "deepwave viscoacoustic, 2-D" in scheme
    assert "constant Q of 3 relaxations from 1.2 to 36 Hz, velocity at 12 Hz" in scheme


def test_a_cube_without_q_says_how_to_make_it():
    s = survey(nt=60)
    said = r"needs the variable 'q' .*models\['q'\] = seisgeo\.synth\.q_from_velocity\(models"
    with pytest.raises(SimulationError, match=said):
        sg.synth.simulate(cube(s, density=DENSITY), s, physics="viscoacoustic")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.0, "'q': 0, expected a quality factor of 5 or more"),
        (-30.0, "'q': -30, expected a quality factor of 5 or more"),
        (0.02, r"'q': 0\.02, expected .* not its reciprocal: 1 / q"),
        (np.nan, "'q': .* values are NaN or infinite"),
    ],
)
def test_quality_factors_that_are_none_are_refused(value, message):
    s = survey(nt=60)
    q = full(30.0, s)
    q[0, 20:] = value
    if value == 0.02:
        q[:] = value
    with pytest.raises(ConventionError, match=message):
        simulate_array(full(VELOCITY, s), s, density=full(DENSITY, s), q=q)


def test_q_of_another_shape_is_refused():
    s = survey(nt=60)
    with pytest.raises(ConventionError, match=r"'q': shape \(1, 60, 171\), the velocity's is"):
        simulate_array(full(VELOCITY, s), s, density=full(DENSITY, s), q=full(30, s)[:, 1:])


def test_what_goes_together_is_said():
    s = survey(nt=60)
    v = full(VELOCITY, s)
    with pytest.raises(ParameterError, match="viscoacoustic waves need density beside q"):
        simulate_array(v, s, q=full(30, s))
    with pytest.raises(ParameterError, match="give vs or q, not both"):
        simulate_array(v, s, density=full(DENSITY, s), q=full(30, s), vs=full(900, s))


def test_low_q_in_the_fastest_rock_says_what_to_pass():
    s = survey(nt=60)
    v, rho, q = full(4500.0, s), full(2500.0, s), full(6.0, s)
    rho[:, :30] = 800.0
    with pytest.raises(SimulationError, match=r"or Q is too low, .* pass max_velocity=6750"):
        simulate_array(v, s, density=rho, q=q, device="cpu")
    assert np.isfinite(
        simulate_array(v, s, density=rho, q=q, max_velocity=6750, device="cpu")
    ).all()
