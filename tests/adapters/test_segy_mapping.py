"""Where header fields stand when the user says so: dicts and YAML files."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from seisgeo.adapters.segy.fields import TRACE_FIELDS
from seisgeo.adapters.segy.mapping import read_mapping, with_mapping
from seisgeo.errors import FormatError, MissingFileError

PLACES = st.one_of(
    st.integers(1, 237),
    st.tuples(
        st.integers(1, 233),
        st.sampled_from(["int8", "int16", "int32", "int64", "uint16", "float32", "float64"]),
    ),
)


@given(
    mapping=st.dictionaries(st.sampled_from(["inline", "cdp_x", "offset", "my_own"]), PLACES),
    payload=st.binary(min_size=240, max_size=240),
    order=st.sampled_from([">", "<"]),
)
@settings(max_examples=60, deadline=None)
def test_mapped_fields_are_the_bytes_at_their_place(tmp_path_factory, mapping, payload, order):
    if isinstance(mapping.get("my_own"), int):
        with pytest.raises(FormatError, match="no field is called 'my_own'"):
            with_mapping(mapping)
        return
    fields = {f.name: f for f in with_mapping(mapping)}
    text = "".join(
        f"{name}: {place if isinstance(place, int) else list(place)}\n"
        for name, place in mapping.items()
    )
    path = tmp_path_factory.mktemp("yaml") / "mapping.yaml"
    path.write_text(text)
    assert {f.name: f for f in with_mapping(read_mapping(path))} == fields
    for name, place in mapping.items():
        byte, kind = (place, "int32") if isinstance(place, int) else place
        field = fields[{"inline": "inline_3d"}.get(name, name)]
        expected = np.frombuffer(payload, np.dtype(kind).newbyteorder(order), 1, byte - 1)
        got = np.frombuffer(payload, field.stored.newbyteorder(order), 1, field.byte - 1)
        np.testing.assert_array_equal(got, expected)
    untouched = {f.name: f for f in TRACE_FIELDS if f.name in fields and f == fields[f.name]}
    assert len(untouched) >= len(TRACE_FIELDS) - len(mapping)


def test_yaml_mapping_opens_a_file(tmp_path, data_dir):
    path = tmp_path / "mapping.yaml"
    path.write_text("# lines\ninline: 5\ncrossline: [21, int32]\nown: {byte: 1, type: int16}\n")
    volve = data_dir / "velocity/volve10-migvel-depth-sub3d.sgy"
    by_file = xr.open_dataset(volve, headers=path)
    by_dict = xr.open_dataset(
        volve, headers={"inline": 5, "crossline": (21, "int32"), "own": (1, "int16")}
    )
    xr.testing.assert_identical(by_file.drop_attrs(), by_dict.drop_attrs())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inline: 9\ncrossline: [21, int33]\n", r"y, line 2: .*'int33' .* is unknown; expected i"),
        ("inline: 9\ncrossline: [21, S4]\n", r"y, line 2: headers: type 'S4' .* is not a number"),
        ("inline: 0\n", r"y, line 1: headers: 'inline' is at byte 0; bytes count from 1"),
        ("inline: nine\n", r"y, line 1: headers: 'inline' is 'nine'; expected a byte, \(byte, t"),
        ("inline: {bytes: 9}\n", r"y, line 1: .* expected a byte"),
        ("cdp: 9\n\ninline: 5\ncdp: 21\n", r"y, line 4: 'cdp' is already given in line 1"),
        ("inline: [9\ncdp: 5\n", r"y, line 2: no valid YAML"),
        ("- inline\n", r"y, line 1: expected a mapping of header fields to bytes"),
        ("inline: !!python/object/apply:os.getcwd []\n", r"y, line 1: no valid YAML"),
    ],
)
def test_bad_yaml_mapping(tmp_path, text, message):
    path = tmp_path / "m.y"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_mapping(path)


def test_bad_mapping(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.yaml: no such file; expected a YAML"):
        read_mapping(tmp_path / "none.yaml")
    with pytest.raises(FormatError, match="'inline' and 'inline_3d' are the same field; give it o"):
        with_mapping({"inline": 9, "inline_3d": 189})
    with pytest.raises(FormatError, match=r"headers=7: expected a mapping of names to bytes"):
        read_mapping(7)
    with pytest.raises(FormatError, match="headers: 5 is no name"):
        with_mapping({5: 9})
    assert read_mapping(None) == {}
