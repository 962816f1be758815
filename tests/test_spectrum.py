import numpy as np
import pytest
import scipy.signal
import torch

from seisgeo.encoders.spectrum import frames_of, standardise, waveform_spectrum


def by_scipy(waveforms, window):
    """The recipe of SeisCLIP, word for word, with SciPy's transform."""
    spectra = []
    for channel in waveforms:
        channel = (channel - channel.mean()) / (channel.std() + 1e-3)
        _, _, transform = scipy.signal.stft(
            channel, fs=100, window="hann", nperseg=window, noverlap=window // 2, nfft=100
        )
        spectra.append(np.abs(transform[1:, 1:]).T)
    return np.array(spectra)


@pytest.mark.parametrize(("window", "frames"), [(100, 120), (20, 600)])
def test_values_and_shapes_are_scipys(window, frames):
    random = np.random.default_rng(0)
    waveforms = random.normal(5.0, 40.0, (2, 3, 6000)) * [[[1.0], [30.0], [0.2]]]
    found = waveform_spectrum(torch.from_numpy(waveforms), window)
    assert found.shape == (2, 3, frames, 50)
    expected = np.array([by_scipy(record, window) for record in waveforms])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("nt", [400, 401, 449, 450, 433])
@pytest.mark.parametrize("window", [100, 20])
def test_other_lengths_too(nt, window):
    waveforms = 100 * np.random.default_rng(nt).normal(size=(1, 1, nt))
    found = waveform_spectrum(torch.from_numpy(waveforms), window)[0]
    expected = by_scipy(waveforms[0], window)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.shape[1] == frames_of(nt, window)


def test_a_sine_stands_in_its_row():
    time = np.arange(6000) / 100
    waveforms = torch.from_numpy(1e3 * np.sin(2 * np.pi * 7 * time))[None, None]
    spectrum = waveform_spectrum(waveforms, 100)[0, 0, 60]
    assert int(spectrum.argmax()) == 6  # rows start at 1 Hz
    # A unit of standard deviation is an amplitude of sqrt(2), half of which is at +7 Hz.
    assert float(spectrum[6]) == pytest.approx(2**0.5 / 2, rel=1e-4)


def test_units_do_not_matter():
    waveforms = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 3, 600)))
    waveforms[1, 2] = 0  # a dead channel
    volts, metres = standardise(1e-1 * waveforms), standardise(1e-9 * waveforms)
    torch.testing.assert_close(volts, metres)
    assert (metres[1, 2] == 0).all()
    np.testing.assert_allclose(metres[0].std(dim=1), 1, rtol=0.01)


def test_silence_stays_silent():
    assert (waveform_spectrum(torch.zeros(1, 3, 600), 100) == 0).all()
