"""Header fields of SEG-Y as data: name, byte and type.

Names are segyio's, in snake_case; bytes count from 1, as the standard counts them (SEG-Y revision
2.1, tables 2 and 3: https://library.seg.org/seg-technical-standards). Sample counts are unsigned,
as every reader takes them.
"""

from __future__ import annotations

import functools
from typing import Any, Literal, NamedTuple

import numpy as np

__all__ = [
    "BINARY_FIELDS",
    "CUBE_NAMES",
    "ELEVATIONS",
    "EXTENSION",
    "EXTENSION_FIELDS",
    "IBM",
    "OVERLAID",
    "REVISION_2_FIELDS",
    "SCALARS",
    "TRACE_FIELDS",
    "TRACE_HEADER_BYTES",
    "Field",
    "Order",
    "header_dtype",
    "scaled",
    "unscaled",
]

TRACE_HEADER_BYTES = 240

#: Byte order by NumPy's sign: ">" big-endian, "<" little-endian.
Order = Literal[">", "<"]


#: Type of a field that holds an IBM float of four bytes: read as the bits, then decoded.
IBM = "ibm4"


class Field(NamedTuple):
    """A header field: its name, its first byte (from 1), its NumPy type or :data:`IBM`.

    The type has a byte order only where the field does not follow the file's.
    """

    name: str
    byte: int
    dtype: str

    @property
    def stored(self) -> np.dtype:
        """NumPy type of the stored bytes."""
        return np.dtype("u4" if self.dtype == IBM else self.dtype)


#: Binary header: bytes 3201-3600 of the file.
BINARY_FIELDS: tuple[Field, ...] = (
    Field("job_id", 3201, "i4"),
    Field("line_number", 3205, "i4"),
    Field("reel_number", 3209, "i4"),
    Field("traces", 3213, "i2"),
    Field("aux_traces", 3215, "i2"),
    Field("interval", 3217, "i2"),
    Field("interval_original", 3219, "i2"),
    Field("samples", 3221, "u2"),
    Field("samples_original", 3223, "u2"),
    Field("format", 3225, "i2"),
    Field("ensemble_fold", 3227, "i2"),
    Field("sorting_code", 3229, "i2"),
    Field("vertical_sum", 3231, "i2"),
    Field("sweep_frequency_start", 3233, "i2"),
    Field("sweep_frequency_end", 3235, "i2"),
    Field("sweep_length", 3237, "i2"),
    Field("sweep", 3239, "i2"),
    Field("sweep_channel", 3241, "i2"),
    Field("sweep_taper_start", 3243, "i2"),
    Field("sweep_taper_end", 3245, "i2"),
    Field("taper", 3247, "i2"),
    Field("correlated_traces", 3249, "i2"),
    Field("binary_gain_recovery", 3251, "i2"),
    Field("amplitude_recovery", 3253, "i2"),
    Field("measurement_system", 3255, "i2"),
    Field("impulse_signal_polarity", 3257, "i2"),
    Field("vibratory_polarity", 3259, "i2"),
    Field("ext_traces", 3261, "i4"),
    Field("ext_aux_traces", 3265, "i4"),
    Field("ext_samples", 3269, "i4"),
    Field("ext_interval", 3273, "f8"),
    Field("ext_interval_original", 3281, "f8"),
    Field("ext_samples_original", 3289, "i4"),
    Field("ext_ensemble_fold", 3293, "i4"),
    Field("byte_order", 3297, "u4"),
    Field("segy_revision", 3501, "u1"),
    Field("segy_revision_minor", 3502, "u1"),
    Field("trace_flag", 3503, "i2"),
    Field("extended_headers", 3505, "i2"),
    Field("additional_trace_headers", 3507, "i4"),  # revision 2.0; 2.1 has the next two instead
    Field("additional_trace_headers_short", 3507, "i2"),
    Field("survey_type", 3509, "i2"),
    Field("time_basis", 3511, "i2"),
    Field("total_traces", 3513, "u8"),
    Field("first_trace_offset", 3521, "u8"),
    Field("data_trailers", 3529, "i4"),
)

#: Standard trace header: bytes 1-240 of each trace.
TRACE_FIELDS: tuple[Field, ...] = (
    Field("trace_sequence_line", 1, "i4"),
    Field("trace_sequence_file", 5, "i4"),
    Field("field_record", 9, "i4"),
    Field("trace_number", 13, "i4"),
    Field("energy_source_point", 17, "i4"),
    Field("cdp", 21, "i4"),
    Field("cdp_trace", 25, "i4"),
    Field("trace_identification_code", 29, "i2"),
    Field("n_summed_traces", 31, "i2"),
    Field("n_stacked_traces", 33, "i2"),
    Field("data_use", 35, "i2"),
    Field("offset", 37, "i4"),
    Field("receiver_group_elevation", 41, "i4"),
    Field("source_surface_elevation", 45, "i4"),
    Field("source_depth", 49, "i4"),
    Field("receiver_datum_elevation", 53, "i4"),
    Field("source_datum_elevation", 57, "i4"),
    Field("source_water_depth", 61, "i4"),
    Field("group_water_depth", 65, "i4"),
    Field("elevation_scalar", 69, "i2"),
    Field("source_group_scalar", 71, "i2"),
    Field("source_x", 73, "i4"),
    Field("source_y", 77, "i4"),
    Field("group_x", 81, "i4"),
    Field("group_y", 85, "i4"),
    Field("coordinate_units", 89, "i2"),
    Field("weathering_velocity", 91, "i2"),
    Field("sub_weathering_velocity", 93, "i2"),
    Field("source_uphole_time", 95, "i2"),
    Field("group_uphole_time", 97, "i2"),
    Field("source_static_correction", 99, "i2"),
    Field("group_static_correction", 101, "i2"),
    Field("total_static_applied", 103, "i2"),
    Field("lag_time_a", 105, "i2"),
    Field("lag_time_b", 107, "i2"),
    Field("delay_recording_time", 109, "i2"),
    Field("mute_time_start", 111, "i2"),
    Field("mute_time_end", 113, "i2"),
    Field("trace_sample_count", 115, "u2"),
    Field("trace_sample_interval", 117, "i2"),
    Field("gain_type", 119, "i2"),
    Field("instrument_gain_constant", 121, "i2"),
    Field("instrument_initial_gain", 123, "i2"),
    Field("correlated", 125, "i2"),
    Field("sweep_frequency_start", 127, "i2"),
    Field("sweep_frequency_end", 129, "i2"),
    Field("sweep_length", 131, "i2"),
    Field("sweep_type", 133, "i2"),
    Field("sweep_trace_taper_length_start", 135, "i2"),
    Field("sweep_trace_taper_length_end", 137, "i2"),
    Field("taper_type", 139, "i2"),
    Field("alias_filter_frequency", 141, "i2"),
    Field("alias_filter_slope", 143, "i2"),
    Field("notch_filter_frequency", 145, "i2"),
    Field("notch_filter_slope", 147, "i2"),
    Field("low_cut_frequency", 149, "i2"),
    Field("high_cut_frequency", 151, "i2"),
    Field("low_cut_slope", 153, "i2"),
    Field("high_cut_slope", 155, "i2"),
    Field("year_data_recorded", 157, "i2"),
    Field("day_of_year", 159, "i2"),
    Field("hour_of_day", 161, "i2"),
    Field("minute_of_hour", 163, "i2"),
    Field("second_of_minute", 165, "i2"),
    Field("time_base_code", 167, "i2"),
    Field("trace_weighting_factor", 169, "i2"),
    Field("geophone_group_number_roll1", 171, "i2"),
    Field("geophone_group_number_first_trace_orig_field", 173, "i2"),
    Field("geophone_group_number_last_trace_orig_field", 175, "i2"),
    Field("gap_size", 177, "i2"),
    Field("over_travel", 179, "i2"),
    Field("cdp_x", 181, "i4"),
    Field("cdp_y", 185, "i4"),
    Field("inline_3d", 189, "i4"),
    Field("crossline_3d", 193, "i4"),
    Field("shot_point", 197, "i4"),
    Field("shot_point_scalar", 201, "i2"),
    Field("trace_value_measurement_unit", 203, "i2"),
    Field("transduction_constant_mantissa", 205, "i4"),
    Field("transduction_constant_power", 209, "i2"),
    Field("transduction_unit", 211, "i2"),
    Field("trace_identifier", 213, "i2"),
    Field("scalar_trace_header", 215, "i2"),
    Field("source_type", 217, "i2"),
    Field("source_energy_direction_mantissa", 219, "i4"),
    Field("source_energy_direction_exponent", 223, "i2"),
    Field("source_measurement_mantissa", 225, "i4"),
    Field("source_measurement_exponent", 229, "i2"),
    Field("source_measurement_unit", 231, "i2"),
    Field("unassigned_int1", 233, "i4"),
    Field("unassigned_int2", 237, "i4"),
)

#: What revision 2 made of bytes that revision 1 has under another name or none (table 3 of the
#: standard): directions of the source energy in tenths of degrees, and the header's name.
REVISION_2_FIELDS: tuple[Field, ...] = (
    Field("source_energy_direction_vert", 219, "i2"),
    Field("source_energy_direction_xline", 221, "i2"),
    Field("source_energy_direction_iline", 223, "i2"),
    Field("trace_header_name", 233, "S8"),
)

#: Fields of :data:`TRACE_FIELDS` whose bytes :data:`REVISION_2_FIELDS` reads otherwise.
OVERLAID = frozenset(
    {
        "source_energy_direction_mantissa",
        "source_energy_direction_exponent",
        "unassigned_int1",
        "unassigned_int2",
    }
)

#: Begins the names of extension fields that stand for a standard field in higher precision.
EXTENSION = "ext_"

#: Trace header extension 1 of revision 2, the additional header that is named SEG00001 (table 4 of
#: the standard); bytes count within it. A field ``ext_NAME`` takes the place of the standard field
#: NAME where it is not zero; its unit is that of the standard field after its scalar.
EXTENSION_FIELDS: tuple[Field, ...] = (
    Field("ext_trace_sequence_line", 1, "u8"),
    Field("ext_trace_sequence_file", 9, "u8"),
    Field("ext_field_record", 17, "i8"),
    Field("ext_cdp", 25, "i8"),
    Field("ext_receiver_group_elevation", 33, "f8"),
    Field("receiver_depth", 41, "f8"),
    Field("ext_source_surface_elevation", 49, "f8"),
    Field("ext_source_depth", 57, "f8"),
    Field("ext_receiver_datum_elevation", 65, "f8"),
    Field("ext_source_datum_elevation", 73, "f8"),
    Field("ext_source_water_depth", 81, "f8"),
    Field("ext_group_water_depth", 89, "f8"),
    Field("ext_source_x", 97, "f8"),
    Field("ext_source_y", 105, "f8"),
    Field("ext_group_x", 113, "f8"),
    Field("ext_group_y", 121, "f8"),
    Field("ext_offset", 129, "f8"),
    Field("ext_trace_sample_count", 137, "u4"),
    Field("nanosecond_of_second", 141, "i4"),
    Field("ext_trace_sample_interval", 145, "f8"),
    Field("cable_number", 153, "i4"),
    Field("additional_trace_headers", 157, "u2"),
    Field("last_trace_flag", 159, "i2"),
    Field("ext_cdp_x", 161, "f8"),
    Field("ext_cdp_y", 169, "f8"),
)

#: Standard field -> the field that holds its scalar.
SCALARS: dict[str, str] = {
    **dict.fromkeys(
        (
            *("receiver_group_elevation", "source_surface_elevation", "source_depth"),
            *("receiver_datum_elevation", "source_datum_elevation"),
            *("source_water_depth", "group_water_depth"),
        ),
        "elevation_scalar",
    ),
    **dict.fromkeys(
        ("source_x", "source_y", "group_x", "group_y", "cdp_x", "cdp_y"), "source_group_scalar"
    ),
    **dict.fromkeys(
        (
            *("source_uphole_time", "group_uphole_time"),
            *("source_static_correction", "group_static_correction", "total_static_applied"),
            *("lag_time_a", "lag_time_b", "delay_recording_time"),
            *("mute_time_start", "mute_time_end"),
        ),
        "scalar_trace_header",
    ),
    "shot_point": "shot_point_scalar",
}

#: Coordinates of gathers under the elevation scalar -> header field (bytes 41-48 and 53-68).
ELEVATIONS: dict[str, str] = {
    "receiver_elevation": "receiver_group_elevation",
    "source_elevation": "source_surface_elevation",
    "receiver_datum_elevation": "receiver_datum_elevation",
    "source_datum_elevation": "source_datum_elevation",
    "source_water_depth": "source_water_depth",
    "receiver_water_depth": "group_water_depth",
}

#: Trace header fields by the name that their values have in a cube.
CUBE_NAMES: dict[str, str] = {
    "channel": "trace_number",
    "crossline": "crossline_3d",
    "inline": "inline_3d",
    "receiver_x": "group_x",
    "receiver_y": "group_y",
    "source_point": "energy_source_point",
    **ELEVATIONS,
}


@functools.lru_cache(maxsize=64)
def header_dtype(
    fields: tuple[Field, ...], *, order: Order, itemsize: int, first: int = 1
) -> np.dtype:
    """Structured type of a header.

    Parameters
    ----------
    fields : tuple of Field
        Fields; they may overlap.
    order : {">", "<"}
        Byte order.
    itemsize : int
        Bytes from one header to the next.
    first : int, default 1
        Number of the header's first byte.

    Returns
    -------
    numpy.dtype
        One named entry for each field, at its byte.
    """
    layout: Any = {
        "names": [f.name for f in fields],
        "formats": [
            f.stored if f.dtype[0] in "<>" else f.stored.newbyteorder(order) for f in fields
        ],
        "offsets": [f.byte - first for f in fields],
        "itemsize": itemsize,
    }
    return np.dtype(layout)


def scaled(values: np.ndarray, scalars: np.ndarray) -> np.ndarray:
    """Apply a scalar field: negative divides, positive multiplies, zero means one.

    Parameters
    ----------
    values, scalars : numpy.ndarray
        Header values and their scalars, of shapes that broadcast.

    Returns
    -------
    numpy.ndarray
        Float64. Divided rather than multiplied by a fraction, so that 123 / 100 is 1.23.

    Examples
    --------
    >>> scaled(np.array([123, 123, 123]), np.array([-100, 10, 0]))
    array([   1.23, 1230.  ,  123.  ])
    """
    factor, divisor = _factor_and_divisor(scalars)
    return np.asarray(values, np.float64) * factor / divisor


def unscaled(values: np.ndarray, scalars: np.ndarray) -> np.ndarray:
    """Undo :func:`scaled`: what a field would hold, before rounding.

    Examples
    --------
    >>> unscaled(np.array([1.234, 1230.0, 123.0]), np.array([-100, 10, 0]))
    array([123.4, 123. , 123. ])
    """
    factor, divisor = _factor_and_divisor(scalars)
    return np.asarray(values, np.float64) * divisor / factor


def _factor_and_divisor(scalars: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scalars = np.asarray(scalars, np.float64)
    return np.where(scalars > 0, scalars, 1.0), np.where(scalars < 0, -scalars, 1.0)
