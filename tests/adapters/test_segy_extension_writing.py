"""What the standard trace header has no room for is written into trace header extension 1."""

import struct
import warnings

import numpy as np
import pytest
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import convert, write_segy
from seisgeo.adapters.segy import SegyFile
from seisgeo.errors import ConventionError, HeaderWarning

# Metres that no scalar of the standard makes whole, and that 32 bits do not hold to a centimetre.
FINE = [6_000_000.0 + 1 / 3, 6_000_010.0 + 2 / 7]
FAR = [3.0e9 + 0.125, 3.0e9 + 25.5]
ENDS = [(">", "big-endian", False), ("<", "little-endian", False), (">", "pair-swapped", True)]


def gathers(**coords):
    rng = np.random.default_rng(5)
    n = (2, 3, 20)
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), rng.standard_normal(n).astype(np.float32))},
        {
            "time": 0.002 * np.arange(20),
            "field_record": ("shot", [7, 8]),
            "source_x": ("shot", [1000.0, 1025.0]),
            "receiver_x": (("shot", "receiver"), np.arange(6.0).reshape(2, 3) * 100 + 37),
            "channel": ("receiver", [1, 2, 3]),
        },
    )
    return conventions.describe(ds.assign_coords(coords))


def opened(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        warnings.filterwarnings("ignore", "(?s).*1 contradiction.*swapped in pairs", HeaderWarning)
        return xr.open_dataset(path)


@pytest.mark.parametrize("revision", ["2.0", "2.1"])
@pytest.mark.parametrize(("sign", "order", "in_pairs"), ENDS)
def test_doubles_come_back_exactly(tmp_path, revision, sign, order, in_pairs):
    receivers = np.arange(6.0).reshape(2, 3) / 3 + 6e6
    ds = gathers(
        source_y=("shot", FINE),
        receiver_y=(("shot", "receiver"), receivers),
        source_depth=("shot", [1 / 3, 2 / 3]),
        receiver_depth=(("shot", "receiver"), receivers - 6e6),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        path = write_segy(ds, tmp_path / "x.sgy", revision=revision, byte_order=order)
    again = opened(path)
    for name in ("source_x", "source_y", "receiver_x", "receiver_y", "source_depth"):
        np.testing.assert_array_equal(again[name], ds[name])
    np.testing.assert_array_equal(again["receiver_depth"], ds["receiver_depth"])
    np.testing.assert_array_equal(again["amplitude"], ds["amplitude"])
    # By hand: traces of two headers, the second with its name, the double in bytes 105-112.
    raw = path.read_bytes()
    length = 480 + 20 * 4
    assert len(raw) == 3600 + 6 * length
    if in_pairs:
        pairs = np.frombuffer(raw[3200:], np.uint16).byteswap()
        raw = raw[:3200] + pairs.tobytes()
    count, at = ("i", 3506) if revision == "2.0" else ("h", 3506)
    assert struct.unpack_from(sign + count, raw, at) == (1,)
    for trace, shot in enumerate([0, 0, 0, 1, 1, 1]):
        second = 3600 + trace * length + 240
        assert raw[second + 232 : second + 240].decode("cp037") == "SEG00001"
        assert raw[second - 8 : second].decode("cp037") == "SEG00000"
        assert struct.unpack_from(f"{sign}d", raw, second + 104) == (FINE[shot],)
        assert struct.unpack_from(f"{sign}Q", raw, second) == (trace + 1,)
        assert struct.unpack_from(f"{sign}I", raw, second + 136) == (20,)
        assert struct.unpack_from(f"{sign}d", raw, second + 144) == (2000.0,)
    # Whoever knows only the standard header has them to the millimetre or better.
    y, scalar = (SegyFile(path).headers[n] for n in ("source_y", "source_group_scalar"))
    np.testing.assert_allclose(y / -scalar.astype(float), np.repeat(FINE, 3), atol=1e-2)


def test_what_has_no_room_takes_revision_2_by_itself(tmp_path):
    ds = gathers(source_y=("shot", FAR), receiver_y=(("shot", "receiver"), np.full((2, 3), FAR[0])))
    path = write_segy(ds, tmp_path / "x.sgy")
    again = opened(path)
    assert again.attrs["revision"] == "2.0"
    np.testing.assert_array_equal(again["source_y"], FAR)
    np.testing.assert_array_equal(again["receiver_y"], ds["receiver_y"])
    np.testing.assert_array_equal(again["source_x"], ds["source_x"])
    assert (SegyFile(path).headers["source_y"] == 0).all()
    assert convert(convert(path, tmp_path / "x.zarr"), tmp_path / "y.sgy").read_bytes() == (
        path.read_bytes()
    )


def test_numbers_beyond_32_bits(tmp_path):
    path = write_segy(gathers(field_record=("shot", [7, 5_000_000_000])), tmp_path / "x.sgy")
    assert opened(path)["field_record"].values.tolist() == [7, 5_000_000_000]


def test_offsets_with_fractions(tmp_path):
    ds = gathers(offset=(("shot", "receiver"), np.arange(6).reshape(2, 3) * 12.5 + 100))
    ds = ds.drop_vars(["source_x", "receiver_x"])
    path = write_segy(ds, tmp_path / "x.sgy", revision=2.1)
    np.testing.assert_array_equal(opened(path)["offset"], ds["offset"])
    with pytest.warns(HeaderWarning, match="offsets rounded to the metre; revision=2.0 keeps them"):
        write_segy(ds, tmp_path / "one.sgy")
    assert SegyFile(tmp_path / "one.sgy").header_bytes == 240


def test_offsets_that_the_metre_does_not_tell_apart(tmp_path):
    rng = np.random.default_rng(1)
    ds = xr.Dataset(
        {"amplitude": (("cdp", "offset", "time"), rng.standard_normal((3, 4, 9), np.float32))},
        {"cdp": [1, 2, 3], "offset": [1.0, 1.25, 1.5, 1.75], "time": 0.004 * np.arange(9)},
    )
    path = write_segy(conventions.describe(ds), tmp_path / "x.sgy")
    again = opened(path)
    assert again["amplitude"].dims == ("cdp", "offset", "time")
    np.testing.assert_array_equal(again["offset"], ds["offset"])
    np.testing.assert_array_equal(again["amplitude"], ds["amplitude"])


def test_a_stack_far_from_its_origin(tmp_path):
    x = 4.0e8 + np.arange(12.0).reshape(3, 4) / 7
    ds = xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), np.ones((3, 4, 9), np.float32))},
        {
            "inline": [1, 2, 3],
            "crossline": [5, 6, 7, 8],
            "time": 0.004 * np.arange(9),
            "cdp_x": (("inline", "crossline"), x),
            "cdp_y": (("inline", "crossline"), x + 1),
        },
    )
    path = write_segy(conventions.describe(ds), tmp_path / "x.sgy", revision=2.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)  # no affine grid
        again = xr.open_dataset(path)
    np.testing.assert_array_equal(again["cdp_x"], x)
    np.testing.assert_array_equal(again["cdp_y"], x + 1)


def test_traces_of_other_lengths_beyond_16_bits(tmp_path):
    values = np.ones((1, 3, 70_000), np.float32)
    values[0, 1, 20:] = np.nan
    values[0, 2, 66_000:] = np.nan
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), values)},
        {
            "time": 0.001 * np.arange(70_000),
            "sample_count": (("shot", "receiver"), [[70_000, 20, 66_000]]),
        },
    )
    file = SegyFile(write_segy(conventions.describe(ds), tmp_path / "x.sgy"))
    assert file.sample_counts.tolist() == [70_000, 20, 66_000]
    assert file.headers["trace_sample_count"].tolist() == [0, 20, 0]
    np.testing.assert_array_equal(file.read(slice(None)), values[0])


@pytest.mark.parametrize(
    ("name", "options", "coords"),
    [
        ("x.sgy", {"revision": 1}, {"source_y": ("shot", FAR)}),
        ("x.su", {}, {"source_y": ("shot", FAR)}),
        ("x.sgy", {}, {"channel": ("receiver", [1, 2, 5_000_000_000])}),
        ("x.sgy", {}, {"field_record": ("shot", [1, 2**60])}),
        ("x.sgy", {}, {"source_y": ("shot", [0.0, np.inf])}),
    ],
)
def test_what_has_no_room_at_all(tmp_path, name, options, coords):
    with pytest.raises(ConventionError, match=r"do not fit into SEG-Y|exceed 32 bits"):
        write_segy(gathers(**coords), tmp_path / name, **options)
    assert not (tmp_path / name).exists()


def test_ordinary_cubes_have_one_header(tmp_path):
    path = write_segy(gathers(), tmp_path / "x.sgy", revision=2.1)
    assert SegyFile(path).header_bytes == 240
