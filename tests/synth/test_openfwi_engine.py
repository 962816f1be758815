import dataclasses
import os
import subprocess
import sys

import numpy as np
import openfwi_reference as reference
import pytest

import seisgeo as sg
from seisgeo.errors import ConventionError, ParameterError, SimulationError
from seisgeo.synth import Survey
from seisgeo.synth.engines.openfwi import plan, simulate_array


def reference_of(model, survey, *, wavelet=None):
    """The same record by the float64 reference, from the survey's numbers alone."""
    dx = survey.grid_spacing
    sources = np.stack([survey.source_depth, survey.source_x], -1) / dx
    receivers = np.stack([survey.receiver_depth, survey.receiver_x], -1) / dx
    if wavelet is None:
        wavelet = reference.ricker(survey.peak_frequency, survey.dt)
    return reference.simulate(
        model,
        np.rint(sources).astype(int),
        np.rint(receivers).astype(int),
        wavelet=wavelet,
        nt=survey.nt,
        dt=survey.dt,
        dx=dx,
    )


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def shots(survey, *numbers, **changes):
    """Some of a survey's shots."""
    parts = {
        name: tuple(getattr(survey, name)[i] for i in numbers)
        for name in ("source_x", "source_depth", "receiver_x", "receiver_depth")
    }
    return dataclasses.replace(survey, **parts, **changes)


def crosswell(**changes):
    """Two sources in one well, receivers in the other, on a tall grid of odd width."""
    depths = tuple(np.arange(2, 60, 3) * 5.0)
    values = dict(
        source_x=(10.0, 10.0),
        source_depth=(50.0, 200.0),
        receiver_x=((150.0,) * len(depths),) * 2,
        receiver_depth=(depths, depths[::-1]),
        dt=0.0005,
        nt=301,
        peak_frequency=40.0,
        peak_time=2.2 / 80 - 0.0005,  # a whole wavelet: its middle sample stands at step 55
        grid_spacing=5.0,
        model_shape=(61, 33),
    )
    return Survey(**(values | changes))


@pytest.mark.parametrize(("velocity", "low", "high"), [
    (1500.0, -20.69, 39.23),
    (3000.0, -24.65, 47.73),
    (4500.0, -27.17, 53.27),
])  # fmt: skip
def test_reference_has_the_published_extremes(velocity, low, high):
    survey = shots(Survey.openfwi(), 0, 1, nt=200)
    record = reference_of(np.full((70, 70), velocity), survey)
    assert round(record.min(), 2) == low
    assert round(record.max(), 2) == high


@pytest.mark.parametrize(("velocity", "low", "high"), [
    (1500.0, -20.69, 39.23),
    (3000.0, -24.65, 47.73),
    (4500.0, -27.17, 53.27),
])  # fmt: skip
def test_engine_has_the_published_extremes(velocity, low, high):
    record = simulate_array(np.full((1, 70, 70), velocity, np.float32), Survey.openfwi())
    assert record.shape == (1, 5, 1000, 70)
    assert record.dtype == np.float32
    assert record.min() == pytest.approx(low, abs=0.0051)
    assert record.max() == pytest.approx(high, abs=0.0051)


@pytest.mark.parametrize(
    ("family", "shot"), [("curvefault-b", 0), ("style-a", 2), ("flatvel-a", 3)]
)
def test_engine_is_the_reference(family, shot):
    model = sg.synth.draw_velocity(family, 1, seed=3)["velocity"].values
    survey = shots(Survey.openfwi(), shot)
    expected = reference_of(model[0], survey)
    found = simulate_array(model, survey, device="cpu")[0]
    assert relative_error(found, expected) < 1e-5
    # Everywhere: also what came around the outer edge late, a hundredth of the first arrivals.
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_a_fast_model_whose_waves_are_everywhere():
    model = np.full((1, 70, 70), 4500.0, np.float32)
    model[0, 30:] = 1500.0
    survey = shots(Survey.openfwi(), 4, nt=600)
    assert relative_error(simulate_array(model, survey)[0], reference_of(model[0], survey)) < 1e-5


@pytest.mark.parametrize("nt", [1, 2, 3, 4, 5, 8, 9, 301])
def test_any_length_of_record(nt):
    survey = crosswell(nt=nt)
    model = sg.synth.draw_velocity("curvefault-a", 1, seed=2, shape=(61, 33))["velocity"].values
    expected = reference_of(model[0], survey)
    np.testing.assert_allclose(
        simulate_array(model, survey, device="cpu")[0], expected, atol=1e-5 * abs(expected).max()
    )


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 14), (14, 40)], ids=str)
def test_any_size_of_grid(shape):
    # Widths of 254 and 255 padded columns end with and just before a vector's last lane.
    nz, nx = shape
    survey = Survey(
        source_x=(0.0, 10.0 * (nx - 1)),
        source_depth=(10.0 * (nz - 1), 0.0),
        receiver_x=(tuple(10.0 * np.arange(nx)),) * 2,
        receiver_depth=((0.0,) * nx,) * 2,
        dt=0.002,
        nt=260,
        peak_frequency=20.0,
        peak_time=0.053,
        grid_spacing=10.0,
        model_shape=shape,
    )
    model = np.random.default_rng(0).uniform(1800, 2900, (1, nz, nx)).astype(np.float32)
    found = simulate_array(model, survey, device="cpu", max_velocity=2900.0)[0]
    assert relative_error(found, reference_of(model[0], survey)) < 1e-5


@pytest.mark.parametrize("nt", [60, 430], ids=["never arrives", "arrives around both ways"])
def test_receivers_far_below_the_source(nt):
    # Rows that matter fall into two parts: on the way down, and around the outer edge.
    survey = crosswell(
        nt=nt,
        source_x=(50.0,),
        source_depth=(5.0,),
        receiver_x=((0.0, 95.0),),
        receiver_depth=((730.0, 725.0),),
        model_shape=(150, 20),
    )
    model = np.full((1, 150, 20), 4400.0, np.float32)
    expected = reference_of(model[0], survey)
    # Memory that held something else before, as it does in the second of two simulations.
    simulate_array(np.full_like(model, 4000.0), dataclasses.replace(survey, nt=430), device="cpu")
    found = simulate_array(model, survey, device="cpu")[0]
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max() + 1e-12)


def test_layered_models_give_mirrored_shots():
    models = sg.synth.draw_velocity("flatvel-b", 1, seed=4)["velocity"].values
    record = simulate_array(models, Survey.openfwi(), device="cpu")[0]
    scale = np.abs(record).max()
    np.testing.assert_allclose(record[0], record[4][:, ::-1], atol=1e-5 * scale)
    np.testing.assert_allclose(record[1], record[3][:, ::-1], atol=1e-5 * scale)
    # Cell 34 of 0..69 is not the middle: shot 2 is no mirror of itself.
    assert np.abs(record[2] - record[2][:, ::-1]).max() > 0.01 * scale


def test_a_wavelet_that_peaks_at_time_zero_is_whole():
    late = crosswell()
    early = dataclasses.replace(late, peak_time=0.0, nt=200)
    shift = round(late.peak_time / late.dt)
    assert plan(early)["preroll"] == shift
    model = np.full((1, 61, 33), 2500.0, np.float32)
    a = simulate_array(model, late, device="cpu")[0]
    b = simulate_array(model, early, device="cpu")[0]
    np.testing.assert_allclose(a[:, shift : shift + 200], b, atol=1e-5 * np.abs(a).max())


def test_deepwave_gives_nearly_the_same():
    models = sg.synth.draw_velocity("curvevel-a", 2, seed=1)
    exact = sg.synth.simulate(models, Survey.openfwi(), engine="openfwi", device="cpu")
    other = sg.synth.simulate(models, Survey.openfwi(), engine="deepwave", device="cpu")
    assert 1e-4 < relative_error(other["amplitude"].values, exact["amplitude"].values) < 0.02
    assert exact.attrs["engine"] == "openfwi"
    assert "sponge of 120 cells" in exact.attrs["scheme"]
    assert Survey.from_attrs(exact) == Survey.openfwi()
    sg.conventions.validate(exact, "gathers", values=True)


def test_result_does_not_depend_on_the_other_models_or_the_processor_state():
    import torch

    models = sg.synth.draw_velocity("curvevel-b", 2, seed=0)["velocity"].values
    both = simulate_array(models, Survey.openfwi(), device="cpu")
    torch.set_flush_denormal(False)
    alone = simulate_array(models[1:], Survey.openfwi(), device="cpu", batch_size=1)
    np.testing.assert_array_equal(both[1:], alone)


def test_unknown_engine_lists_those_there_are():
    models = sg.synth.draw_velocity("flatvel-a", 1, seed=0)
    with pytest.raises(ParameterError, match=r"no engine 'devito'; there are 'deepwave' \(any"):
        sg.synth.simulate(models, Survey.openfwi(), engine="devito")


@pytest.mark.parametrize(("change", "message"), [
    (dict(free_surface=True), r"has a free surface: use engine='deepwave'"),
    (dict(source_x=(12.0, 10.0)), r"source 0 at x 12 m lies between two \(grid spacing 5 m\)"),
    (dict(receiver_depth=((10.0,) * 20, (10.0,) * 3 + (11.0,) * 17)),
     r"receiver 1, 3 at depth 11 m lies between two .* and 16 more do"),
    (dict(dt=0.001), r"4500 m/s x 1 ms / 5 m = 0\.9; use dt <= 0\.659 ms, grid_spacing >= 7\.59 m"),
])  # fmt: skip
def test_what_the_scheme_cannot_do_says_what_would(change, message):
    model = np.full((1, 61, 33), 2500.0, np.float32)
    with pytest.raises(SimulationError, match=message):
        simulate_array(model, crosswell(**change), device="cpu")


@pytest.mark.parametrize("velocity", [0.0, -2000.0, np.nan, 2.5])
def test_impossible_velocities_are_refused(velocity):
    model = np.full((1, 61, 33), velocity, np.float32)
    with pytest.raises(ConventionError, match=r"km/s|must be positive|NaN"):
        simulate_array(model, crosswell(), device="cpu")


def test_the_stated_limit_of_the_time_step_is_stable():
    survey = crosswell(dt=0.593 * 5.0 / 4500.0, nt=1500, peak_time=0.03)
    model = np.where(np.arange(61)[:, None] < 30, 1500.0, 4500.0) * np.ones((1, 61, 33))
    fast = np.full((1, 61, 33), 4500.0)
    for velocity in (model, fast):
        record = simulate_array(velocity.astype(np.float32), survey, device="cpu")
        assert np.isfinite(record).all()
        assert np.abs(record[:, :, 1400:]).max() < 0.1 * np.abs(record).max()


ON_THE_INTERPRETER = """
import sys
import numpy as np
from seisgeo.synth import Survey
from seisgeo.synth.engines import openfwi_cuda, openfwi_scheme
openfwi_cuda.BLOCK = 1 << 15  # fewer, larger pieces: the interpreter takes its time for each
survey = Survey.from_json(sys.argv[1])
models = np.load(sys.argv[2], allow_pickle=False)
sources, receivers = openfwi_scheme.cells(survey)
parts = [openfwi_scheme.coefficients(model, survey) for model in models]
np.save(sys.argv[3], openfwi_cuda.propagate(parts, sources, receivers, "cpu").numpy())
"""


@pytest.fixture
def cuda_kernel(tmp_path):
    """The GPU's kernel in triton's interpreter."""
    pytest.importorskip("triton", reason="triton, which PyTorch's CUDA builds bring, is not there")

    def run(models, survey):
        np.save(tmp_path / "models.npy", models)
        command = [sys.executable, "-c", ON_THE_INTERPRETER, survey.to_json()]
        done = subprocess.run(
            [*command, tmp_path / "models.npy", tmp_path / "record.npy"],
            env={**os.environ, "TRITON_INTERPRET": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return np.load(tmp_path / "record.npy", allow_pickle=False)

    return run


def test_gpu_kernel_is_the_reference(cuda_kernel):
    survey = crosswell(nt=70, receiver_x=((30.0,) * 20,) * 2)
    model = sg.synth.draw_velocity("curvefault-b", 1, seed=2, shape=(61, 33))["velocity"].values[0]
    models = np.stack([model, 0.7 * model])
    record = cuda_kernel(models, survey)
    for i in range(2):
        assert relative_error(record[i], reference_of(models[i], survey)) < 1e-5


@pytest.mark.slow
def test_gpu_kernel_finds_its_way_around_the_edge(cuda_kernel):
    # So coarse a step that windows close around the narrow grid within the record.
    dt, at_0 = 0.000658, dict(source_x=(0.0,), source_depth=(0.0,))
    at_0 |= dict(receiver_x=((0.0,),), receiver_depth=((0.0,),))
    survey = crosswell(nt=150, dt=dt, peak_time=40 * dt, model_shape=(1, 1), **at_0)
    model = np.full((1, 1, 1), 4500.0, np.float32)
    expected = reference_of(model[0], survey)
    assert relative_error(cuda_kernel(model, survey)[0], expected) < 1e-5


def test_gpu_without_memory_gets_smaller_batches(monkeypatch):
    from seisgeo.synth.engines import openfwi

    tried = []

    def small_gpu(models, sources, receivers, device):
        import torch

        tried.append(len(models))
        if len(models) > 2:
            raise MemoryError("CUDA out of memory")
        return torch.full((len(models), 2, 301, 20), float(sum(tried)))

    monkeypatch.setattr(openfwi, "_cuda", lambda device: small_gpu)
    models = np.full((5, 61, 33), 2500.0, np.float32)
    with pytest.warns(UserWarning, match="going on with 2"):
        record = simulate_array(models, crosswell(), device="cuda", batch_size=4)
    assert tried == [4, 2, 2, 1]
    assert record.shape == (5, 2, 301, 20)
    monkeypatch.setattr(openfwi, "_cuda", lambda device: lambda *_: _raise(MemoryError("full")))
    with pytest.raises(SimulationError, match="cuda: its memory is too small for one model"):
        simulate_array(models, crosswell(), device="cuda", batch_size=1)


def _raise(error):
    raise error


def test_other_devices_and_a_missing_triton_say_what_would_do(monkeypatch):
    model = np.full((1, 61, 33), 2500.0, np.float32)
    with pytest.raises(SimulationError, match="runs on cpu and cuda, not on 'mps'"):
        simulate_array(model, crosswell(), device="mps")
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "seisgeo.synth.engines.openfwi_cuda", raising=False)
    with pytest.raises(SimulationError, match=r"needs triton on a GPU.*pip install triton"):
        simulate_array(model, crosswell(), device="cuda")
