"""Files that are not what they say: one clear message each."""

import contextlib
import warnings

import numpy as np
import pytest
import xarray as xr

from seisgeo.errors import FormatError, HeaderWarning, MissingFileError


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        yield


@pytest.fixture
def viking(data_dir, tmp_path):
    """The bytes of a real file, and a function that writes them changed under a name."""
    data = bytearray((data_dir / "segy/viking_small.segy").read_bytes())

    def write(changed=None, name="changed.sgy"):
        path = tmp_path / name
        path.write_bytes(data if changed is None else changed)
        return path

    return data, write


def test_no_such_file(tmp_path):
    with pytest.raises(MissingFileError, match=r"absent\.sgy: no such file"):
        xr.open_dataset(tmp_path / "absent.sgy")


def test_folder(tmp_path):
    folder = tmp_path / "line.sgy"
    folder.mkdir()
    with pytest.raises(FormatError, match=r"line\.sgy: is a folder; expected a SEG-Y file"):
        xr.open_dataset(folder)


def test_empty_file(viking):
    _, write = viking
    with pytest.raises(FormatError, match="the file is empty; expected a SEG-Y file"):
        xr.open_dataset(write(b""))


@pytest.mark.parametrize("size", [100, 9000])
def test_text_file(viking, size):
    _, write = viking
    text = (b"station,x,y\n" * 1000)[:size]
    with pytest.raises(FormatError, match=r"this is a text file, not SEG-Y"):
        xr.open_dataset(write(text))


def test_short_binary_file(viking):
    _, write = viking
    with pytest.raises(FormatError, match="too short for SEG-Y: 50 bytes"):
        xr.open_dataset(write(bytes(50)))


def test_cut_in_the_middle_of_a_trace(viking, data_dir):
    data, write = viking
    cut = write(data[: 3600 + 100 * 2640 + 1000])
    with pytest.warns(HeaderWarning, match=r"100 whole traces opened, 1 lost.*1000 of its 2640"):
        ds = xr.open_dataset(cut)
    assert ds["amplitude"].shape == (1, 100, 600)
    whole = xr.open_dataset(data_dir / "segy/viking_small.segy")["amplitude"][0, :100]
    np.testing.assert_array_equal(ds["amplitude"][0], whole)


def test_cut_between_shots_keeps_the_grid(viking):
    data, write = viking
    cut = write(data[: 3600 + 300 * 2640])
    ds = xr.open_dataset(cut)
    assert ds["amplitude"].shape == (3, 120, 600)
    assert int((~ds["live"]).sum()) == 60


@pytest.mark.parametrize("extra", [0, 100, 240, 2639])
def test_less_than_one_trace(viking, extra):
    data, write = viking
    with pytest.raises(FormatError, match="not one whole trace"):
        xr.open_dataset(write(data[: 3600 + extra]))


@pytest.mark.parametrize("code", [0, 13, 77, -1])
def test_impossible_format_code(viking, code):
    data, write = viking
    data[3224:3226] = int(code).to_bytes(2, "big", signed=True)
    path = write(data)
    with pytest.raises(FormatError, match=rf"bytes 3225-3226 give sample format {code} \(big-end"):
        xr.open_dataset(path)
    assert xr.open_dataset(path, sample_format=1)["amplitude"].shape == (4, 120, 600)


def test_unknown_format_asked_for(viking):
    _, write = viking
    with pytest.raises(FormatError, match="sample_format=13 is unknown"):
        xr.open_dataset(write(), sample_format=13)


def test_zero_interval_is_taken_from_the_traces(viking):
    data, write = viking
    data[3216:3218] = bytes(2)
    with pytest.warns(HeaderWarning, match=r"binary header: 0, trace headers: 4000\): 4000"):
        ds = xr.open_dataset(write(data))
    assert ds["time"][1] == 0.004


def test_no_interval_anywhere(viking):
    data, write = viking
    data[3216:3218] = bytes(2)
    data[3600 + 116 : 3600 + 118] = bytes(2)
    path = write(data)
    with pytest.raises(FormatError, match=r"0 in the binary header.*Pass sample_interval="):
        xr.open_dataset(path)
    ds = xr.open_dataset(path, sample_interval=0.002)
    np.testing.assert_allclose(ds["time"], 0.002 * np.arange(600))


def test_negative_interval(data_dir):
    path = data_dir / "segy/peer/interval-neg-bin-pos-trace.sgy"
    with pytest.warns(HeaderWarning, match=r"-2, trace headers: 4000\): 4000 \(trace headers\)"):
        xr.open_dataset(path)


def test_zero_sample_count_is_taken_from_the_traces(viking):
    data, write = viking
    data[3220:3222] = bytes(2)
    for i in range(480):
        at = 3600 + i * 2640 + 114
        data[at : at + 2] = (600).to_bytes(2, "big")
    with pytest.warns(HeaderWarning, match=r"binary header: 0, trace headers: 600\): 600"):
        ds = xr.open_dataset(write(data))
    assert ds["amplitude"].shape == (4, 120, 600)


def test_no_sample_count_anywhere(viking):
    data, write = viking
    data[3220:3222] = bytes(2)
    data[3600 + 114 : 3600 + 116] = bytes(2)
    with pytest.raises(FormatError, match="number of samples a trace is 0 both"):
        xr.open_dataset(write(data))


def test_wrong_sample_count_in_the_binary_header(viking):
    data, write = viking
    data[3220:3222] = (601).to_bytes(2, "big")
    for i in range(480):
        at = 3600 + i * 2640 + 114
        data[at : at + 2] = (600).to_bytes(2, "big")
    with pytest.warns(HeaderWarning, match=r"601, trace headers: 600\): 600 \(trace head"):
        ds = xr.open_dataset(write(data))
    assert ds["amplitude"].shape == (4, 120, 600)


def test_extended_text_headers_that_are_not_there(viking):
    data, write = viking
    data[3504:3506] = (2).to_bytes(2, "big")
    with pytest.warns(HeaderWarning, match=r"extended text headers \(binary header: 2\): none"):
        ds = xr.open_dataset(write(data))
    assert ds["amplitude"].shape == (4, 120, 600)


def test_pairwise_swapped_bytes(viking):
    data, write = viking
    data[3296:3300] = b"\x02\x01\x04\x03"
    with pytest.raises(FormatError, match="bytes are swapped in pairs"):
        xr.open_dataset(write(data))


def test_scattered_numbers_make_no_grid(viking):
    data, write = viking
    rng = np.random.default_rng(1)
    for i in range(480):
        at = 3600 + i * 2640 + 188
        data[at : at + 8] = rng.integers(-(2**31), 2**31, 2).astype(">i4").tobytes()
    path = write(data)
    assert xr.open_dataset(path)["amplitude"].shape == (4, 120, 600)


def test_object_instead_of_a_path(viking):
    data, _ = viking
    with pytest.raises(FormatError, match="opened by its path; got an object of type bytes"):
        xr.open_dataset(bytes(data), engine="seisgeo-segy")


def test_any_flipped_header_byte_opens_or_says_why(viking):
    """Never a crash, a hang or a wild allocation."""
    data, write = viking
    rng = np.random.default_rng(7)
    small = data[: 3600 + 30 * 2640]
    for _ in range(150):
        changed = bytearray(small)
        for at in rng.choice(np.r_[3200:3600, 3600:3840, 6240:6480], 4):
            changed[at] = rng.integers(256)
        with contextlib.suppress(FormatError):
            xr.open_dataset(write(changed)).load()
