"""Acoustic, elastic and three-dimensional waves against theory and against each other."""

import dataclasses
import math

import numpy as np
import pytest
import torch
import xarray as xr

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError, DataWarning, ParameterError, SimulationError
from seisgeo.synth import Survey
from seisgeo.synth.engines import deepwave as engine
from seisgeo.synth.engines.deepwave import plan, propagate, simulate_array

VELOCITY, DENSITY = 2000.0, 1800.0


def survey(**changes):
    values = dict(
        source_x=(700.0,),
        source_depth=(300.0,),
        receiver_x=((900.0, 1100.0, 1100.0),),
        receiver_depth=((300.0, 300.0, 450.0),),
        dt=0.002,
        nt=300,
        peak_frequency=12.0,
        peak_time=0.1,
        grid_spacing=10.0,
        model_shape=(80, 160),
    )
    return Survey(**(values | changes))


def full(value, of):
    return np.full((1, *of.model_shape), value, np.float32)


def misfit(found, expected):
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


SHALLOW = dict(source_depth=(6.0,), receiver_depth=((8.0, 20.0, 13.0),))


@pytest.mark.parametrize("changes", [{}, {"free_surface": True}, {"free_surface": True} | SHALLOW])
def test_the_three_physics_record_the_same_in_a_homogeneous_fluid(changes):
    s = survey(**changes)
    v, rho = full(VELOCITY, s), full(DENSITY, s)
    scalar = simulate_array(v, s)
    assert misfit(simulate_array(v, s, density=rho), scalar) < 0.005
    # The elastic free surface is a staircase of vacuum, good to a fraction of a cell.
    elastic = simulate_array(v, s, density=rho, vs=np.zeros_like(v))
    assert misfit(elastic, scalar) < (0.06 if changes else 0.005)


def test_a_step_of_density_alone_reflects_as_its_impedance_says():
    # A plane interface reflects a line source's wave like its image, times the coefficient at
    # normal incidence, where source and receiver lie above each other.
    s = survey(receiver_x=((700.0,),), receiver_depth=((300.0,),), source_depth=(290.0,), nt=400)
    v, rho = full(VELOCITY, s), full(1000.0, s)
    plain = simulate_array(v, s, density=rho)[0, 0, :, 0]
    rho[:, 55:] = 3000.0
    reflected = simulate_array(v, s, density=rho)[0, 0, :, 0] - plain
    # The interface lies midway between rows 54 and 55; the image's path is 2 * 545 - 590 m long.
    path = 2 * 545.0 - 590.0
    image = dataclasses.replace(s, source_depth=(300.0,), receiver_x=((700.0 + path,),))
    expected = simulate_array(v, image)[0, 0, :, 0] * (3000 - 1000) / (3000 + 1000)
    assert misfit(reflected, expected) < 0.03


def test_a_solid_gives_the_pressure_that_its_shear_modulus_leaves():
    # In-plane mean stress of a P wave: (lambda + mu) / (lambda + 2 mu) = 1 - (vs / vp)^2 of a
    # fluid's; an explosion in a homogeneous solid radiates no S wave.
    s = survey()
    v, rho = full(VELOCITY, s), full(DENSITY, s)
    fluid = simulate_array(v, s, density=rho)
    solid = simulate_array(v, s, density=rho, vs=full(1000.0, s))
    assert misfit(solid, fluid * (1 - 0.5**2)) < 0.01


def test_an_interface_turns_p_into_s_waves():
    s = survey(
        source_x=(500.0,),
        receiver_x=((900.0,),),
        receiver_depth=((300.0,),),
        nt=450,
        model_shape=(90, 160),
    )
    v, rho, vs = full(VELOCITY, s), full(DENSITY, s), full(1100.0, s)
    v[:, 60:], vs[:, 60:] = 3200.0, 1800.0
    record = simulate_array(v, s, density=rho, vs=vs, component="x")[0, 0, :, 0]
    plain = simulate_array(full(VELOCITY, s), s, density=rho, vs=full(1100.0, s), component="x")
    scattered = record - plain[0, 0, :, 0]
    # Snell's law: the horizontal slowness at which P down and S up span the offset.
    depth, offset = 595.0 - 300.0, 400.0
    p = np.linspace(0, 0.999 / VELOCITY, 20001)
    down = p * VELOCITY / np.sqrt(1 - (p * VELOCITY) ** 2) * depth
    up = p * 1100 / np.sqrt(1 - (p * 1100) ** 2) * depth
    slowness = p[np.argmin(np.abs(down + up - offset))]
    arrival = sum(depth / (c * np.sqrt(1 - (slowness * c) ** 2)) for c in (VELOCITY, 1100.0))
    window = np.abs(s.time - s.peak_time - arrival) < 0.05
    quiet = (s.time - s.peak_time > 0.2) & (s.time - s.peak_time < 0.25)
    assert np.abs(scattered[window]).max() > 20 * np.abs(scattered[quiet]).max()


@pytest.mark.parametrize("depth", [450.0, 453.0])
@pytest.mark.parametrize("vs", [None, 0.0])
def test_particle_velocity_is_the_pressure_gradient_integrated(depth, vs):
    h = 5.0
    around = survey(
        receiver_x=((1100.0, 1100.0, 1100.0 + h, 1100.0 - h),),
        receiver_depth=((depth - h, depth + h, depth, depth),),
    )
    there = survey(receiver_x=((1100.0,),), receiver_depth=((depth,),))
    v, rho = full(VELOCITY, there), full(DENSITY, there)
    materials = {"density": rho} | ({} if vs is None else {"vs": full(vs, there)})
    p = simulate_array(v, around, density=rho)[0, 0].astype(float)
    for component, (after, before) in {"depth": (1, 0), "x": (2, 3)}.items():
        gradient = (p[:, after] - p[:, before]) / (2 * h)
        expected = -(np.cumsum(gradient) - 0.5 * gradient) * there.dt / DENSITY
        found = simulate_array(v, there, component=component, **materials)[0, 0, :, 0]
        assert misfit(found, expected) < 0.015


def test_three_dimensions_give_the_analytic_record():
    s = Survey(
        source_x=(300.0,),
        source_y=(250.0,),
        source_depth=(250.0,),
        receiver_x=((500.0, 400.0),),
        receiver_y=((250.0, 350.0),),
        receiver_depth=((250.0, 300.0),),
        dt=0.002,
        nt=150,
        peak_frequency=10.0,
        peak_time=0.1,
        grid_spacing=10.0,
        model_shape=(50, 50, 60),
    )
    record = simulate_array(full(VELOCITY, s), s)[0, 0]
    for i, distance in enumerate((200.0, math.sqrt(100**2 + 100**2 + 50**2))):
        lag = np.pi * s.peak_frequency * (s.time - s.peak_time - distance / VELOCITY)
        ricker = (1 - 2 * lag**2) * np.exp(-(lag**2))
        # p'' / c^2 - laplacian p = w(t) in one cell: w(t - r / c) / (4 pi r) times its volume.
        expected = ricker * s.grid_spacing**3 / (4 * np.pi * distance)
        assert misfit(record[:, i], expected) < 0.03


def test_a_free_surface_is_a_mirror_of_opposite_sign_in_three_dimensions():
    s = Survey(
        source_x=(240.0,),
        source_y=(240.0,),
        source_depth=(160.0,),
        receiver_x=((440.0, 340.0),),
        receiver_y=((240.0, 340.0),),
        receiver_depth=((160.0, 60.0),),
        dt=0.002,
        nt=180,
        peak_frequency=8.0,
        peak_time=0.12,
        grid_spacing=20.0,
        model_shape=(22, 25, 30),
        free_surface=True,
    )
    record = simulate_array(full(VELOCITY, s), s)[0, 0]
    for trace, across, depth in zip(record.T, (200, math.hypot(100, 100)), (160, 60), strict=True):
        paths = math.hypot(across, depth - 160), math.hypot(across, depth + 160)
        expected = np.zeros(s.nt)
        for distance, sign in zip(paths, (1, -1), strict=True):
            lag = np.pi * s.peak_frequency * (s.time - s.peak_time - distance / VELOCITY)
            ricker = (1 - 2 * lag**2) * np.exp(-(lag**2))
            expected += sign * ricker * s.grid_spacing**3 / (4 * np.pi * distance)
        assert misfit(trace, expected) < 0.05


def test_the_surface_of_a_solid_carries_rayleighs_wave():
    x = np.arange(700.0, 1900.0, 200.0)
    s = survey(
        source_x=(300.0,),
        source_depth=(20.0,),
        receiver_x=(tuple(x),),
        receiver_depth=((10.0,) * x.size,),
        nt=900,
        peak_frequency=6.0,
        peak_time=0.2,
        grid_spacing=5.0,
        model_shape=(120, 440),
        free_surface=True,
    )
    vs = VELOCITY / math.sqrt(3)
    record = simulate_array(
        full(VELOCITY, s), s, density=full(DENSITY, s), vs=full(vs, s), component="depth"
    )[0, 0]
    height = np.abs(record)
    slowness = np.polyfit(x, s.time[height.argmax(axis=0)], 1)[0]
    # Of a Poisson solid, sqrt(2 - 2 / sqrt(3)) times the S velocity (Rayleigh, 1885).
    assert 1 / slowness == pytest.approx(vs * math.sqrt(2 - 2 / math.sqrt(3)), rel=0.01)
    # In two dimensions it has nowhere to spread to.
    decay = np.polyfit(np.log(x - 300.0), np.log(height.max(axis=0)), 1)[0]
    assert decay == pytest.approx(0.0, abs=0.04)


def test_gradients_reach_the_velocity():
    s = survey(nt=150)
    v = torch.full((1, *s.model_shape), VELOCITY, requires_grad=True)
    observed = torch.from_numpy(simulate_array(full(VELOCITY * 1.02, s), s))
    loss = (propagate(v, s) - observed).square().sum()
    loss.backward()
    # Faster is better: between source and receiver the misfit falls as the velocity grows.
    assert float(v.grad[0, 30, 75:85].sum()) < 0


def test_internal_steps_are_as_planned_and_said():
    s = survey(dt=0.004, nt=50)
    for physics, materials in (
        ("scalar", {}),
        ("acoustic", {"density": full(DENSITY, s)}),
        ("viscoacoustic", {"density": full(DENSITY, s), "q": full(40.0, s)}),
        ("elastic", {"density": full(DENSITY, s), "vs": full(900.0, s)}),
    ):
        # simulate_array raises where Deepwave takes other steps than planned.
        simulate_array(full(VELOCITY, s), s, max_velocity=4500.0, **materials)
        text = plan(s, 4500.0, physics)
        assert f"{text['step_ratio']} internal steps" in text["scheme"]
        assert text["step_ratio"] > 1


def test_memory_that_is_too_small_takes_fewer_models_aloud(monkeypatch):
    s = survey(nt=60)
    v = np.concatenate([full(VELOCITY + 100 * i, s) for i in range(5)])
    expected = simulate_array(v, s)
    real = propagate

    def small_memory(velocity, *args, **kwargs):
        if len(velocity) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(velocity, *args, **kwargs)

    monkeypatch.setattr(engine, "propagate", small_memory)
    with pytest.warns(DataWarning, match="out of memory; going on with 2 models at once"):
        found = simulate_array(v, s, batch_size=5)
    np.testing.assert_array_equal(found, expected)

    def none_fits(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine, "propagate", none_fits)
    with pytest.raises(SimulationError, match="too small for one model of 80 x 160 cells"):
        simulate_array(v[:1], s)


def cube(s, **variables):
    data = {name: (("sample", *s.axes), values) for name, values in variables.items()}
    coords = {k: v for k, v in s.coords().items() if k in s.axes}
    return conventions.describe(xr.Dataset(data, coords))


def test_simulate_takes_what_the_physics_needs_from_the_cube():
    s = survey(nt=60)
    models = cube(s, velocity=full(VELOCITY, s), density=full(DENSITY, s))
    gathers = sg.synth.simulate(models, s, physics="acoustic", device="cpu")
    assert "deepwave acoustic, 2-D" in gathers.attrs["scheme"]
    expected = simulate_array(full(VELOCITY, s), s, density=full(DENSITY, s))
    np.testing.assert_array_equal(gathers["amplitude"].values, expected)
    with pytest.raises(SimulationError, match="physics='elastic' needs the variable 'vs'"):
        sg.synth.simulate(models, s, physics="elastic")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"physics": "magnetic"}, "expected one of scalar, acoustic, viscoacoustic, elastic"),
        ({"component": "x"}, "component='x': scalar waves of a 2-D survey have pressure"),
        (
            {"physics": "acoustic", "component": "y"},
            "component='y': acoustic waves of a 2-D survey have pressure, depth, x",
        ),
    ],
)
def test_unknown_physics_and_components_are_refused(options, message):
    s = survey(nt=60)
    models = cube(s, velocity=full(VELOCITY, s), density=full(DENSITY, s))
    with pytest.raises(ParameterError, match=message):
        sg.synth.simulate(models, s, **options)


@pytest.mark.parametrize(
    ("materials", "error", "message"),
    [
        ({"density": 2.1}, ConventionError, "multiply g/cm3 by 1000"),
        ({"density": np.nan}, ConventionError, "'density': .* are NaN or infinite"),
        ({"density": 2100.0, "vs": -1.0}, ConventionError, "'vs': -1 m/s is negative"),
        ({"density": 2100.0, "vs": 1900.0}, ConventionError, "vs': 1900 m/s where vp is 2000"),
        ({"density": 2100.0, "vs": 300.0}, SimulationError, "numerical dispersion: 300 m/s"),
    ],
)
def test_materials_that_no_rock_has_are_refused(materials, error, message):
    s = survey(nt=60)
    arrays = {name: full(value, s) for name, value in materials.items()}
    with pytest.raises(error, match=message):
        simulate_array(full(VELOCITY, s), s, **arrays)


@pytest.mark.parametrize("family", ["curvefault-b", "salt", "marine"])
def test_elastic_waves_of_any_geology_take_stable_steps(family):
    s = survey(nt=400, peak_frequency=3.0, peak_time=0.3)
    models = sg.synth.draw_velocity(family, 1, seed=1, shape=s.model_shape)
    models["density"] = sg.synth.density_from_velocity(models["velocity"])
    models["vs"] = sg.synth.vs_from_velocity(models["velocity"])
    record = sg.synth.simulate(models, s, physics="elastic", device="cpu")["amplitude"].values
    assert np.isfinite(record).all()
    early = np.abs(record[:, :, :300]).max()
    assert np.abs(record[:, :, 300:]).max() < early


def test_no_pressure_stays_at_a_source_in_a_solid():
    s = survey(receiver_x=((700.0,),), receiver_depth=((300.0,),), nt=600, model_shape=(80, 150))
    materials = {"density": full(DENSITY, s), "vs": full(1000.0, s)}
    trace = np.abs(simulate_array(full(VELOCITY, s), s, **materials)[0, 0, :, 0])
    assert trace[400:].max() < 3e-4 * trace.max()
    assert trace[-1] < 1.2 * trace[400]


def test_contrasts_beyond_the_time_step_say_what_to_pass():
    s = survey(nt=60)
    v, rho = full(4500.0, s), full(2500.0, s)
    rho[:, :20] = 200.0
    materials = {"density": rho, "vs": full(1200.0, s)}
    with pytest.raises(SimulationError, match=r"elastic waves: stiffness .* max_velocity=6750"):
        simulate_array(v, s, **materials)
    simulate_array(v, s, max_velocity=15000.0, **materials)


def test_shear_needs_density():
    s = survey(nt=60)
    with pytest.raises(ParameterError, match="elastic waves need density beside vs"):
        simulate_array(full(VELOCITY, s), s, vs=full(900.0, s))


def test_a_model_smaller_than_the_stencil_is_refused():
    s = survey(
        source_x=(20.0,),
        source_depth=(20.0,),
        receiver_x=((30.0,),),
        receiver_depth=((20.0,),),
        model_shape=(5, 6),
    )
    with pytest.raises(SimulationError, match="the model has 5 x 6 cells; the finite differences"):
        simulate_array(full(VELOCITY, s), s)


def test_two_dimensional_models_do_not_fit_a_three_dimensional_survey():
    s = Survey.areal(n_receivers=(3, 3))
    models = cube(survey(), velocity=full(VELOCITY, survey()))
    with pytest.raises(SimulationError, match=r"survey is 3-dimensional: expected \(sample, depth"):
        sg.synth.simulate(models, s)
