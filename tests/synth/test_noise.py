import math

import pytest
import torch

from seisgeo.errors import SimulationError
from seisgeo.synth import noise

DT = 0.002
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def generator(seed=0, device="cpu"):
    return torch.Generator(device=device).manual_seed(seed)


@pytest.fixture(params=DEVICES)
def gathers(request):
    """Four samples, three sources, 500 times, 20 receivers: a wavelet that moves out."""
    t = DT * torch.arange(500, dtype=torch.float32)[:, None]
    arrival = 0.3 + 0.01 * torch.arange(20)
    b = (math.pi * 15 * (t - arrival)) ** 2
    scale = torch.arange(1.0, 13.0).reshape(4, 3, 1, 1)
    return ((1 - 2 * b) * torch.exp(-b) * scale).to(request.param)


def power(x):
    return x.double().square().mean(dim=(-2, -1))


def snr_db(clean, noisy):
    return 10 * torch.log10(power(clean) / power(noisy.double() - clean.double()))


CALLS = {
    "add_noise": lambda x, g: noise.add_noise(x, 3.0, dt=DT, band=(5, 80), generator=g),
    "kill_traces": lambda x, g: noise.kill_traces(x, 0.3, generator=g),
    "reverse_traces": lambda x, g: noise.reverse_traces(x, 0.3, generator=g),
    "clip_traces": lambda x, g: noise.clip_traces(x, 0.3, generator=g),
    "add_spikes": lambda x, g: noise.add_spikes(x, 0.3, generator=g),
    "scale_traces": lambda x, g: noise.scale_traces(x, 3.0, generator=g),
    "shift_traces": lambda x, g: noise.shift_traces(x, 0.01, dt=DT, generator=g),
    "delay_traces": lambda x, g: noise.delay_traces(x, 0.005, dt=DT),
    "gain_in_time": lambda x, g: noise.gain_in_time(x, 1.5, dt=DT),
    "add_swell": lambda x, g: noise.add_swell(x, -6.0, 0.3, dt=DT, generator=g),
    "add_ground_roll": lambda x, g: noise.add_ground_roll(
        x, -3.0, offset=25.0 * torch.arange(x.shape[-1]) - 100, dt=DT, generator=g
    ),
    "vary_wavelet": lambda x, g: noise.vary_wavelet(
        x, 30.0, 3.0, dt=DT, peak_frequency=15.0, generator=g
    ),
    "kill_shots": lambda x, g: noise.kill_shots(x, 0.4, generator=g),
}


@pytest.mark.parametrize("name", noise.__all__)
def test_contract(gathers, name):
    device = gathers.device.type
    before = gathers.clone()
    once = CALLS[name](gathers, generator(1, device))
    again = CALLS[name](gathers, generator(1, device))
    other = CALLS[name](gathers, generator(2, device))
    assert torch.equal(gathers, before)  # never in place
    assert once.data_ptr() != gathers.data_ptr()
    assert torch.equal(once, again)  # the seed decides
    assert not torch.equal(once, gathers)
    if name not in ("delay_traces", "gain_in_time"):
        assert not torch.equal(once, other)
    assert (once.shape, once.dtype, once.device) == (gathers.shape, gathers.dtype, gathers.device)
    assert torch.isfinite(once).all()
    alone = gathers[0, 0] if name != "kill_shots" else gathers[0]  # a gather, a line by itself
    one = CALLS[name](alone.double(), generator(1, device))
    assert (one.shape, one.dtype) == (alone.shape, torch.float64)


@pytest.mark.parametrize("band", [None, (5.0, 60.0), (0.0, 30.0), (100.0, 250.0)])
@pytest.mark.parametrize("db", [20.0, 0.0, -10.0])
def test_snr_is_as_asked(gathers, band, db):
    noisy = noise.add_noise(
        gathers, db, dt=DT, band=band, generator=generator(0, gathers.device.type)
    )
    # The noise is scaled to its own measured power, so only the rounding of float32 sums and of
    # signal + noise is left: 10 log10(1 + e) is 4.3 e dB for a relative error e of the power.
    torch.testing.assert_close(
        snr_db(gathers, noisy), torch.full((4, 3), db).to(gathers.device).double(),
        atol=1e-3, rtol=0,
    )  # fmt: skip


def test_snr_for_each_gather(gathers):
    asked = torch.linspace(-5, 20, 12, device=gathers.device).reshape(4, 3)
    noisy = noise.add_noise(gathers, asked, dt=DT, generator=generator(0, gathers.device.type))
    torch.testing.assert_close(snr_db(gathers, noisy), asked.double(), atol=1e-3, rtol=0)


def test_noise_stays_in_its_band():
    clean = torch.ones(2000, 50, dtype=torch.float64)
    added = noise.add_noise(clean, 0.0, dt=DT, band=(10, 50), generator=generator()) - clean
    spectrum = torch.fft.rfft(added, dim=0).abs().square().mean(dim=1)
    f = torch.fft.rfftfreq(2000, DT)
    outside = (f <= 10) | (f >= 50)
    assert spectrum[outside].max() < 1e-20 * spectrum.max()
    flat = spectrum[(f >= 14) & (f <= 46)]
    # The mean of 50 exponentially distributed powers has a relative standard deviation of 0.14.
    assert 0.08 < flat.std() / flat.mean() < 0.2
    thirds = flat.tensor_split(3)
    assert thirds[0].mean() == pytest.approx(float(thirds[2].mean()), rel=0.15)


def test_color_is_a_power_law():
    clean = torch.ones(2000, 200, dtype=torch.float64)
    added = noise.add_noise(clean, 0.0, dt=DT, color=2.0, generator=generator()) - clean
    spectrum = torch.fft.rfft(added, dim=0).abs().square().mean(dim=1)
    f = torch.fft.rfftfreq(2000, DT).double()
    scaled = (spectrum * f**2)[1:-1]
    assert scaled[:200].mean() == pytest.approx(float(scaled[-200:].mean()), rel=0.05)


def test_noise_leaves_missing_and_silent_gathers_as_they_are():
    clean = torch.ones(2, 100, 4)
    clean[0] = 0.0
    clean[1, :, 2] = torch.nan
    noisy = noise.add_noise(clean, 6.0, dt=DT, generator=generator())
    assert torch.equal(noisy[0], clean[0])
    assert noisy[1, :, 2].isnan().all()
    live = [0, 1, 3]
    assert snr_db(clean[1][:, live], noisy[1][:, live]) == pytest.approx(6.0, abs=1e-3)


def test_number_of_killed_traces(gathers):
    device = gathers.device.type
    dead = (noise.kill_traces(gathers, 0.25, generator=generator(0, device)) == 0).all(dim=-2)
    assert torch.equal(dead.sum(dim=-1).cpu(), torch.full((4, 3), 5))
    assert len({tuple(row) for row in dead.reshape(12, 20).tolist()}) > 6  # chosen for each gather
    asked = torch.linspace(0, 1, 12).reshape(4, 3)
    dead = (noise.kill_traces(gathers, asked, generator=generator(0, device)) == 0).all(dim=-2)
    assert torch.equal(dead.sum(dim=-1).cpu(), torch.round(asked * 20).long())


def test_live_traces_are_untouched(gathers):
    killed = noise.kill_traces(gathers, 0.5, generator=generator(0, gathers.device.type))
    live = (killed != 0).any(dim=-2, keepdim=True).expand_as(killed)
    assert torch.equal(killed[live], gathers[live])


def test_reversed_traces(gathers):
    ratio = (noise.reverse_traces(gathers, 0.2, generator=generator(0, gathers.device.type))
             / gathers).nanmedian(dim=-2).values  # fmt: skip
    assert set(ratio.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal((ratio == -1).sum(dim=-1).cpu(), torch.full((4, 3), 4))


def test_clipped_traces(gathers):
    clipped = noise.clip_traces(
        gathers, 0.4, level=0.3, generator=generator(0, gathers.device.type)
    )
    ratio = clipped.abs().amax(dim=-2) / gathers.abs().amax(dim=-2)
    assert torch.equal((ratio < 0.99).sum(dim=-1).cpu(), torch.full((4, 3), 8))
    torch.testing.assert_close(ratio[ratio < 0.99], torch.full_like(ratio[ratio < 0.99], 0.3))
    small = gathers.abs() <= 0.3 * gathers.abs().amax(dim=-2, keepdim=True)
    assert torch.equal(clipped[small], gathers[small])


def test_spikes(gathers):
    added = (
        noise.add_spikes(gathers, 0.5, amplitude=3.0, generator=generator(0, gathers.device.type))
        - gathers
    )
    assert torch.equal((added != 0).sum(dim=-2).amax(dim=-1).cpu(), torch.ones(4, 3).long())
    assert torch.equal((added != 0).sum(dim=(-2, -1)).cpu(), torch.full((4, 3), 10))
    height = added.abs().amax(dim=(-2, -1)) / gathers.abs().amax(dim=(-2, -1))
    torch.testing.assert_close(height, torch.full_like(height, 3.0))
    assert (added > 0).any()
    assert (added < 0).any()


def test_gain_jitter_in_db():
    ones = torch.ones(2, 10, 20_000, dtype=torch.float64)
    asked = torch.tensor([1.0, 4.0])
    scaled = noise.scale_traces(ones, asked, generator=generator())
    assert torch.equal(scaled[:, 0], scaled[:, -1])  # one gain for the whole trace
    gain_db = 20 * torch.log10(scaled[:, 0])
    # The standard deviation of n normal numbers is known to 1 / sqrt(2 n) = 0.5 %; 4 of them.
    torch.testing.assert_close(gain_db.std(dim=-1), asked.double(), rtol=0.02, atol=0)
    assert abs(float(gain_db[0].mean())) < 4 / math.sqrt(20_000)


def test_a_static_delays_a_sinusoid():
    t = DT * torch.arange(1000, dtype=torch.float64)[:, None]
    delay = torch.tensor([0.0, 0.0007, 0.05, -0.0313])

    def burst(time):  # a 30 Hz sinusoid under a Gaussian, zero at both ends
        return torch.sin(2 * math.pi * 30 * time) * torch.exp(-(((time - 1) / 0.15) ** 2))

    shifted = noise.delay_traces(burst(t).expand(1000, 4), delay, dt=DT)
    torch.testing.assert_close(shifted, burst(t - delay.double()), atol=1e-7, rtol=0)


def test_a_static_does_not_wrap_around():
    spike = torch.zeros(100, 3, dtype=torch.float64)
    spike[95] = 1.0
    delay = torch.tensor([0.02, 5.0, -5.0], dtype=torch.float64)
    shifted = noise.delay_traces(spike, delay, dt=DT)
    assert shifted.abs().max() < 1e-12
    assert noise.delay_traces(spike, -0.19, dt=DT)[0, 0] == pytest.approx(1.0)


def test_statics_have_the_spread_asked():
    spike = torch.zeros(400, 5000, dtype=torch.float64)
    spike[200] = 1.0
    spectrum = torch.fft.rfft(noise.shift_traces(spike, 0.01, dt=DT, generator=generator()), dim=0)
    # The phase of the first frequency of a record of 0.8 s measures the delay.
    delay = -(torch.angle(spectrum[1]) + math.pi) / (2 * math.pi) * 0.8
    delay = (delay + 0.4) % 0.8 - 0.4
    assert float(delay.std()) == pytest.approx(0.01, rel=0.05)
    assert abs(float(delay.mean())) < 0.001


def test_gain_in_time():
    ones = torch.ones(3, 50, 2, dtype=torch.float64)
    gained = noise.gain_in_time(ones, torch.tensor([0.0, 2.0, -1.0]), dt=0.004)
    t = 0.004 * torch.arange(50, dtype=torch.float64)
    t[0] = 0.004
    torch.testing.assert_close(gained[0], ones[0])
    torch.testing.assert_close(gained[1, :, 1], t**2)
    torch.testing.assert_close(gained[2, :, 0], 1 / t)


def test_swell_is_slow_and_on_runs_of_neighbours():
    clean = torch.ones(40, 1000, 60)
    added = noise.add_swell(clean, -10.0, 0.25, dt=DT, max_frequency=8.0, generator=generator())
    added = (added - clean).double()
    torch.testing.assert_close(
        -10 * torch.log10(power(added)), torch.full((40,), -10.0).double(), atol=1e-2, rtol=0
    )
    noisy = (added.abs().amax(dim=-2) > 0).int()
    assert torch.equal(noisy.sum(dim=-1), torch.full((40,), 15).int())
    runs = (noisy.diff(dim=-1).abs().sum(dim=-1) + 2) / 2
    assert runs.double().mean() < 6  # 15 channels at random would make about 11
    spectrum = torch.fft.rfft(added, dim=-2).abs().square().sum(dim=(0, 2))
    above = torch.fft.rfftfreq(1000, DT) > 8.0
    # What float32 rounds of 1 + noise is white, at 1e-7 of the noise's amplitude.
    assert spectrum[above].sum() < 1e-6 * spectrum.sum()


def test_ground_roll_has_the_velocities_asked():
    offset = torch.arange(50.0, 1050.0, 10.0)
    clean = torch.ones(2000, 100, dtype=torch.float64)
    noisy = noise.add_ground_roll(
        clean, -6.0, offset=offset, dt=DT, velocity=(400.0, 400.0), band=(5, 15),
        generator=generator(),
    )  # fmt: skip
    assert snr_db(clean, noisy) == pytest.approx(-6.0, abs=1e-6)
    added = noisy - clean
    t = DT * torch.arange(2000, dtype=torch.float64)[:, None]
    energy = added.square()
    centre = (energy * t).sum(dim=0) / energy.sum(dim=0)
    near_end = offset < 1000
    torch.testing.assert_close(
        centre[near_end], (offset / 400.0)[near_end].double(), atol=0.03, rtol=0
    )
    ratio = energy.sum(dim=0)[offset < 900] * offset[offset < 900]
    # Energy falls as 1 / offset; each trace's strength differs by 10 %, its energy by 20 %.
    assert float(ratio.log().std()) == pytest.approx(0.2, abs=0.06)
    # Nearer than this the wave is cut off by the start of the record.
    spectrum = torch.fft.rfft(added[:, 20:90], dim=0).abs().square().sum(dim=1)
    f = torch.fft.rfftfreq(2000, DT)
    assert spectrum[(f < 4.5) | (f > 15.5)].sum() < 1e-3 * spectrum.sum()


def test_ground_roll_is_dispersive_and_does_not_wrap_around():
    offset = torch.tensor([400.0, 800.0, 1e6])
    clean = torch.ones(1500, 3, dtype=torch.float64)
    added = noise.add_ground_roll(
        clean, 0.0, offset=offset, dt=DT, velocity=(300.0, 900.0), band=(4, 20),
        generator=generator(),
    ) - clean  # fmt: skip
    assert added[:, 2].abs().max() == 0  # has not arrived when the record ends
    fastest = (offset / 900.0 / DT).int()
    for i in (0, 1):
        early = added[: int(fastest[i]) - 200, i]
        assert early.square().sum() < 0.01 * added[:, i].square().sum()
    lasting = [
        ((x**2 * torch.arange(1500.0)[:, None].squeeze()).sum() / (x**2).sum()) for x in added.T[:2]
    ]
    assert lasting[1] > lasting[0]


def test_a_wavelet_turned_by_90_degrees_is_its_hilbert_transform():
    from scipy.signal import hilbert

    t = DT * torch.arange(1000, dtype=torch.float64)[:, None] - 1.0
    b = (math.pi * 15 * t) ** 2
    ricker = ((1 - 2 * b) * torch.exp(-b)).expand(200, 1000, 1)
    varied = noise.vary_wavelet(ricker, 60.0, dt=DT, peak_frequency=15.0, generator=generator())
    quadrature = torch.from_numpy(hilbert(ricker[0, :, 0].numpy()).imag)
    cos = (varied[..., 0] * ricker[0, :, 0]).sum(-1) / ricker[0].square().sum()
    sin = (varied[..., 0] * quadrature).sum(-1) / quadrature.square().sum()
    torch.testing.assert_close(cos**2 + sin**2, torch.ones(200).double(), atol=1e-3, rtol=0)
    rotated = cos[:, None] * ricker[0, :, 0] + sin[:, None] * quadrature
    torch.testing.assert_close(varied[..., 0], rotated, atol=5e-3, rtol=0)
    # The rotations are normal: the mean of cos is exp(-s^2 / 2), to 4 / sqrt(200) of its spread.
    s = math.radians(60)
    assert float(cos.mean()) == pytest.approx(math.exp(-(s**2) / 2), abs=4 * 0.55 / math.sqrt(200))


def test_a_tilted_spectrum_keeps_power_and_peak():
    noise_in = torch.randn(50, 1000, 4, generator=generator(3), dtype=torch.float64)
    varied = noise.vary_wavelet(
        noise_in, 0.0, 4.0, dt=DT, peak_frequency=30.0, generator=generator()
    )
    torch.testing.assert_close(power(varied), power(noise_in))
    before, after = (
        torch.fft.rfft(x, n=2000, dim=-2).abs().square().sum(-1) for x in (noise_in, varied)
    )
    f = torch.fft.rfftfreq(2000, DT)

    def level(x, low, high):
        return 10 * torch.log10(x[:, (f > low) & (f < high)].mean(-1))

    change = [level(after, *b) - level(before, *b) for b in ((18, 25), (36, 50), (72, 100))]
    slopes = change[1] - change[0], change[2] - change[1]
    torch.testing.assert_close(slopes[0], slopes[1], atol=0.8, rtol=0.1)  # straight in dB an octave
    assert float(slopes[0].std()) == pytest.approx(4.0, rel=0.4)


def test_missing_shots(gathers):
    device = gathers.device.type
    kept = noise.kill_shots(gathers, 0.34, generator=generator(0, device))
    gone = (kept == 0).all(dim=(-2, -1)).cpu()
    assert torch.equal(gone.sum(dim=-1), torch.ones(4).long())
    assert torch.equal(kept[~gone], gathers[~gone])
    asked = torch.tensor([0.0, 1 / 3, 2 / 3, 1.0])
    each = noise.kill_shots(gathers, asked, generator=generator(0, device))
    assert (each == 0).all(dim=(-2, -1)).sum(dim=-1).tolist() == [0, 1, 2, 3]


X = torch.ones(2, 100, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise.add_noise(X, 3, dt=0, generator=generator()), "dt: expected seconds above"),
        (lambda: noise.add_noise(X, 3, dt=DT, band=(50, 10), generator=generator()),
         r"0 <= low < high <= 250 Hz, .*found \(50, 10\)"),
        (lambda: noise.add_noise(X, 3, dt=DT, band=(5, 400), generator=generator()),
         "Nyquist frequency of dt = 0.002"),
        (lambda: noise.add_noise(X, 3, dt=DT, band=(1, 2), generator=generator()),
         r"no frequency of a record of 100 samples of 0.002 s \(steps of 5 Hz\)"),
        (lambda: noise.add_noise(X, torch.ones(3), dt=DT, generator=generator()),
         r"snr_db: expected .* shape \(2,\); found shape \(3,\)"),
        (lambda: noise.kill_traces(X, 1.5, generator=generator()), "0 to 1 of the traces"),
        (lambda: noise.kill_traces(X.long(), 0.5, generator=generator()), "found torch.int64"),
        (lambda: noise.kill_traces(X.numpy(), 0.5, generator=generator()), "found ndarray"),
        (lambda: noise.kill_traces(X[0, 0], 0.5, generator=generator()), r"found shape \(4,\)"),
        (lambda: noise.clip_traces(X, 0.5, level=3, generator=generator()), "level: expected 0"),
        (lambda: noise.add_swell(X, 0, 2.0, dt=DT, generator=generator()),
         r"0 to 1 of the traces, found \[2.0\]"),
        (lambda: noise.kill_shots(X, -0.1, generator=generator()), "0 to 1 of the shots"),
        (lambda: noise.kill_shots(X[0], 0.1, generator=generator()), r"\(..., source, time"),
        (lambda: noise.kill_shots(X, torch.ones(3), generator=generator()), r"found shape \(3,\)"),
        (lambda: noise.vary_wavelet(X, 9, dt=DT, peak_frequency=300, generator=generator()),
         "peak_frequency: expected 0 to 250 Hz"),
        (lambda: noise.add_ground_roll(X, 0, offset=torch.ones(3), dt=DT, generator=generator()),
         r"\(..., receiver\) = \(2, 4\), found \(3,\)"),
        (lambda: noise.add_ground_roll(X, 0, offset=torch.ones(4), dt=DT, velocity=(9, 3),
                                       generator=generator()), r"\(lowest, highest\) in m/s"),
        (lambda: noise.delay_traces(X, torch.ones(3), dt=DT), r"= \(2, 4\), found \(3,\)"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with pytest.raises(SimulationError, match=message):
        call()
