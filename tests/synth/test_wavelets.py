"""Wavelets estimated from traces whose wavelet is known."""

import dataclasses

import numpy as np
import pytest

from seisgeo.errors import ConventionError, ParameterError, SurveyMismatchError
from seisgeo.synth import Survey
from seisgeo.synth.engines.deepwave import simulate_array
from seisgeo.synth.wavelets import (
    estimate_signature,
    preroll,
    source_signature,
    wavelet_of_traces,
)

DT, PEAK = 0.004, 15.0


def white_earth(wavelet, n_traces=200, nt=750, seed=3):
    """Traces of white reflectivity under a wavelet that begins at its first sample."""
    rng = np.random.default_rng(seed)
    earth = rng.standard_normal((n_traces, nt))
    size = nt + len(wavelet) - 1
    product = np.fft.rfft(earth, size) * np.fft.rfft(wavelet, size)
    return np.fft.irfft(product, size)[:, :nt]


def minimum_delay():
    """A damped, band-limited pulse: zeros of its z-transform all outside the unit circle."""
    pulse = np.array([1.0])
    for root, angle in ((0.86, 0.30), (0.80, 0.55), (0.5, 2.4)):
        pulse = np.convolve(pulse, [1, -2 * root * np.cos(angle), root**2])
    poles = [1, -2 * 0.90 * np.cos(0.42), 0.90**2]
    from scipy.signal import lfilter

    return lfilter(pulse, poles, np.r_[1.0, np.zeros(60)])


def correlation(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def band(x, dt, peak):
    """What the estimate keeps: all up to 1.6 peak frequencies, nothing above 2.5."""
    f = np.fft.rfftfreq(4096, dt)
    down = np.sin(0.5 * np.pi * np.clip((2.5 * peak - f) / (0.9 * peak), 0, 1)) ** 2
    return np.fft.irfft(np.fft.rfft(x, 4096) * down, 4096)


def test_a_minimum_delay_wavelet_is_found_again_phase_and_all():
    true = minimum_delay()
    peak = 40.0
    found, start = wavelet_of_traces(
        white_earth(true), DT, dt=DT, peak_frequency=peak, phase="minimum"
    )
    expected = np.roll(band(true, DT, peak), 200)
    laid = np.zeros(4096)
    first = 200 + round(start / DT)
    laid[first : first + len(found)] = found
    assert correlation(laid, expected) > 0.97


def test_zero_phase_is_symmetric_about_time_zero():
    found, start = wavelet_of_traces(
        white_earth(minimum_delay()), DT, dt=DT, peak_frequency=PEAK, phase="zero"
    )
    centre = -round(start / DT)
    assert found.argmax() == centre
    reach = min(centre, len(found) - 1 - centre)
    left, right = found[centre - reach : centre], found[centre + 1 : centre + 1 + reach]
    np.testing.assert_allclose(left, right[::-1], atol=1e-9)


def test_a_rotation_by_180_degrees_turns_the_wavelet_over():
    traces = white_earth(minimum_delay())
    zero, _ = wavelet_of_traces(traces, DT, dt=DT, peak_frequency=PEAK, phase="zero")
    turned, _ = wavelet_of_traces(traces, DT, dt=DT, peak_frequency=PEAK, phase=180)
    np.testing.assert_allclose(turned, -zero, atol=1e-9)


def test_the_band_ends_where_the_simulation_does():
    found, _ = wavelet_of_traces(
        white_earth(np.array([1.0])), DT, dt=DT, peak_frequency=PEAK, phase="zero"
    )
    spectrum = np.abs(np.fft.rfft(found, 4096))
    frequency = np.fft.rfftfreq(4096, DT)
    assert spectrum[frequency > 2.6 * PEAK].max() < 0.02 * spectrum.max()
    assert frequency[spectrum.argmax()] < 1.7 * PEAK


@pytest.mark.parametrize("free_surface", [False, True])
def test_a_simulation_with_the_signature_records_the_wavelet(free_surface):
    # A line source integrates half an order and the sea surface adds ghosts; the signature has
    # both taken out, so that the direct wave, far from its source, is the wavelet of the traces.
    traces = white_earth(minimum_delay())
    options = dict(dt=DT, peak_frequency=PEAK, phase="minimum")
    wavelet, start = wavelet_of_traces(traces, DT, **options)
    signature, begin = estimate_signature(
        traces, DT, **options, ghost_depths=(8.0,) if free_surface else ()
    )
    below = 900.0
    survey = Survey(
        source_x=(600.0,),
        source_depth=(below,),
        receiver_x=((600.0,),),
        receiver_depth=((8.0 if free_surface else 100.0,),),
        dt=DT,
        nt=300,
        peak_frequency=PEAK,
        grid_spacing=5.0,
        model_shape=(200, 240),
        free_surface=free_surface,
        wavelet=tuple(signature),
        wavelet_start=begin,
    )
    record = simulate_array(np.full((1, 200, 240), 1500.0, np.float32), survey)[0, 0, :, 0]
    arrival = (below - survey.receiver_depth[0][0]) / 1500.0
    time = arrival + start + DT * np.arange(len(wavelet))
    expected = np.interp(survey.time, time, wavelet, left=0, right=0)
    assert correlation(record.astype(float), expected) > 0.97


def test_a_ricker_wavelet_is_whole_before_time_zero():
    survey = dataclasses.replace(Survey.openfwi(), peak_time=0.0)
    before = preroll(survey)
    signature = source_signature(survey, before)
    assert signature.argmax() == before
    lag = np.pi * 15.0 * 0.001 * 20
    assert signature[before + 20] == pytest.approx((1 - 2 * lag**2) * np.exp(-(lag**2)))
    assert signature[before - 20] == signature[before + 20]


def test_a_sampled_wavelet_stands_where_its_start_says():
    survey = dataclasses.replace(Survey.openfwi(), wavelet=(1.0, -2.0, 0.5), wavelet_start=-0.001)
    assert preroll(survey) == 1
    np.testing.assert_array_equal(source_signature(survey, 1)[:4], [1.0, -2.0, 0.5, 0.0])
    assert Survey.from_json(survey.to_json()) == survey


def test_surveys_with_other_wavelets_differ():
    one = Survey.openfwi()
    signature = tuple(source_signature(one)[:145])
    same = dataclasses.replace(one, wavelet=signature, wavelet_start=0.0)
    assert not one.differences(same)
    other = dataclasses.replace(one, wavelet=tuple(np.gradient(signature)), wavelet_start=0.0)
    assert "wavelet: correlated by" in one.differences(other)[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"wavelet": (0.0, 0.0)}, "the wavelet is zero throughout"),
        ({"wavelet": (1.0, np.inf)}, "wavelet holds values that are not finite"),
        ({"wavelet": (1.0,), "wavelet_start": 0.0004}, "wavelet_start=0.0004 s is no multiple"),
    ],
)
def test_impossible_wavelets_are_refused(changes, message):
    with pytest.raises(ConventionError, match=message):
        dataclasses.replace(Survey.openfwi(), **changes)


def test_silence_and_unknown_phases_are_refused():
    with pytest.raises(SurveyMismatchError, match="every trace is zero"):
        wavelet_of_traces(np.zeros((3, 100)), DT, dt=DT, peak_frequency=PEAK)
    with pytest.raises(ParameterError, match="phase='maximum': expected 'minimum', 'zero'"):
        wavelet_of_traces(np.ones((3, 100)), DT, dt=DT, peak_frequency=PEAK, phase="maximum")
