"""What is in a file, as a screen of text: what :mod:`seisgeo.summary` found, in rows with units."""

from __future__ import annotations

import math
import re
import shutil
import textwrap
from collections.abc import Callable
from typing import Any

from seisgeo import conventions
from seisgeo.adapters.segy.geometry import LAYOUTS
from seisgeo.descriptors import DESCRIPTORS
from seisgeo.synth.survey import Survey

__all__ = ["fill", "number", "summary_text", "survey_text"]

#: Coordinates in the order of their rows; others follow.
_ORDER = (
    "offset",
    *(f"{what}_{axis}" for what in ("source", "receiver") for axis in ("x", "y", "depth")),
    *("cdp_x", "cdp_y", "x", "y"),
)
# A card of the standard's form that nobody filled in: labels with room between them, no number.
_EMPTY_FORM = re.compile(r"C? ?\d{0,2} *((?=.*\S {3,}\S)\D*|[A-Z ]+:|END (EBCDIC|TEXTUAL HEADER))")
#: Names (of stations, ...) that a row shows.
_FEW_NAMES = 8
#: Lines of a text header that a summary begins to show.
_CARDS = 8


def survey_text(survey: Survey) -> str:
    """One line about a survey: receivers, offsets, record, wavelet, model grid, surface."""
    cells = " x ".join(map(str, survey.model_shape[::-1]))
    offsets = _span([survey.offset.min().item(), survey.offset.max().item()], "m")
    own = survey.wavelet is not None
    wavelet = "wavelet of its own up to" if own else "Ricker"
    frequency = survey.peak_frequency * (2.5 if own else 1)
    sources = f"{survey.n_sources} sources, " if survey.n_sources > 1 else ""
    return (
        f"{sources}{survey.n_receivers} receivers at offsets {offsets}, "
        f"{survey.nt} samples of {survey.dt * 1e3:g} ms, {wavelet} {frequency:g} Hz, "
        f"model {cells} cells of {survey.grid_spacing:g} m, "
        f"{'free' if survey.free_surface else 'absorbing'} surface"
    )


def summary_text(summary: dict[str, Any], *, headers: bool = False) -> str:
    """Lay out a summary for a terminal: contradictions first, then aligned rows with units.

    Parameters
    ----------
    summary : dict
        Of :func:`seisgeo.summary.summarise`.
    headers : bool, default False
        Add the headers of the file, or the attributes of the cube, and the text header.

    Returns
    -------
    str
        Lines no wider than the terminal, text headers apart.
    """
    rows = next((rows for key, rows in _ROWS.items() if key in summary), _cube_rows)
    lines = [summary["file"]]
    lines += [fill(f"! {finding}", "  ") for finding in summary["findings"]]
    lines += [""] * bool(summary["findings"])
    said = rows(summary)
    width = 1 + max(17, *(len(label) for label, _ in said))
    lines += [_row(*row, width) for row in said]
    text = summary.get("text_header")
    if headers:
        for name in ("binary_header", "trace_headers", "attributes"):
            if name in summary:
                lines += ["", name.replace("_", " ")]
                lines += [_row(f"  {k}", _span(v), 28) for k, v in summary[name].items()]
        lines += ["", "text header", text] if text else []
        return "\n".join(lines)
    more = [f"text header of {len(text.splitlines())} lines"] if text else []
    more += [k.replace("_", " ") for k in ("binary_header", "trace_headers") if k in summary]
    more += ["attributes"] if summary.get("attributes") else []
    lines += [_row("with --headers", ", ".join(more), width)] if more else []
    if text and "traces" in summary:
        lines += _first_cards(text)
    return "\n".join(lines)


def _first_cards(text: str) -> list[str]:
    """The beginning of a text header: cards that say something, not those of an empty form."""
    cards = [line.rstrip() for line in text.splitlines()]
    told = [line for line in cards if sum(map(str.isalpha, line)) > 3]
    told = [line for line in told if not _EMPTY_FORM.fullmatch(line)]
    rest = len(told) - _CARDS
    return ["", *told[:_CARDS], *([f"… and {rest} more"] if rest > 0 else [])] if told else []


def _segy_rows(s: dict[str, Any]) -> list[tuple[str, str]]:
    missing = f"{s['missing_traces']} missing (NaN)" if s["missing_traces"] else "none missing"
    unit = conventions.ATTRS[s["variable"]]["units"]
    axis = "depth" if "depth" in s["dimensions"] else "time"
    return [
        ("format", f"{_kind(s)}, {s['sample_format']}, {s['byte_order']}, {_bytes(s['size'])}"),
        ("cube", _variable(s["variable"], s["dimensions"], unit)),
        ("layout", f"{LAYOUTS[s['layout']]}, confidence {s['confidence']}: {s['layout_reason']}"),
        ("samples", s["samples_reason"].removeprefix("samples are ")),
        ("traces", f"{s['traces']} of {s['samples']} samples, {missing}, {_order_text(s)}"),
        (axis, _axis_text(axis, s["coordinates"][axis], s["samples"], s["interval"])),
        *((name, _SURVEY_ROWS[name](facts)) for name, facts in s["survey"].items()),
        *_coordinate_rows(s["coordinates"]),
        *([("more headers", ", ".join(s["header_names"]))] if s["header_names"] else []),
        *([("stanzas", "; ".join(z["name"] for z in s["stanzas"]))] if s["stanzas"] else []),
    ]  # fmt: skip


def _kind(s: dict[str, Any]) -> str:
    return s["format"] if s["format"] == "SU" else f"{s['format']} revision {s['revision']}"


def _order_text(s: dict[str, Any]) -> str:
    order = s["sort_order"].replace(", ", ", then ")
    return "in no order" if order == "unsorted" else f"sorted by {order}"


def _grid_text(g: dict[str, Any]) -> str:
    between_inlines, between_crosslines = (f"{size:.4g}" for size in g["bin_size"])
    along, across = g["extent"]
    skew = "" if abs(g["angle"] - 90) < 0.1 else f", at {g['angle']:.1f} degrees to each other"
    missing = "" if g["filled"] == 1 else f", {100 * g['filled']:.4g} % of it filled"
    return (
        f"inlines {between_inlines} m apart, crosslines {between_crosslines} m{skew}; inlines run "
        f"at {g['azimuth']:.2f} degrees from north; {along / 1e3:.4g} by {across / 1e3:.4g} km"
        f"{missing}; coordinates fit within {g['residual']:.2g} m"
    )


def _line_text(line: dict[str, Any]) -> str:
    low, usual, high = line["spacing"]
    even = high - low <= 0.01 * usual
    spacing = f"every {usual:g} m" if even else f"{low:g} to {high:g} m apart, usually {usual:g} m"
    bends = "straight" if line["straight"] > 0.999 else "crooked"
    return f"{line['length'] / 1e3:.4g} km long, {bends}, traces {spacing}"


def _spread_text(spread: dict[str, Any]) -> str:
    low, high = spread["traces"]
    parts = [f"{high} traces a gather" if low == high else f"{low} to {high} traces a gather"]
    for kind, word in (("receiver", "receivers"), ("source", "sources"), ("cdp", "CDPs")):
        if f"{kind}_spacing" in spread:
            parts.append(f"{word} every {number(spread[f'{kind}_spacing'])} m")
    if "offset" in spread:
        near, far = map(number, spread["offset"])
        parts.append(f"nearest offset {near} m, farthest {far} m")
    return ", ".join(parts)


_SURVEY_ROWS: dict[str, Callable[[dict[str, Any]], str]] = {
    "grid": _grid_text,
    "line": _line_text,
    "spread": _spread_text,
}


def _cube_rows(s: dict[str, Any]) -> list[tuple[str, str]]:
    source = s["attributes"].get("source")
    rows = [
        ("format", f"{s['format']}, {_bytes(s['size'])}"),
        ("holds", ", ".join(s["kinds"])),
        *(
            (name, _variable("", {d: s["dimensions"][d] for d in v["dimensions"]}, v["units"]))
            for name, v in s["variables"].items()
        ),
        ("families", _span(s["families"])),
        *((name.replace("_", " "), _some(found)) for name, found in s["names"].items()),
        ("survey", survey_text(Survey(**s["survey"])) if s["survey"] else ""),
        ("from", str(source) if source and source != s["file"] else ""),
        *(
            (axis, _axis_text(axis, s["coordinates"][axis], s["dimensions"][axis], step))
            for axis, step in s["interval"].items()
        ),
        *_coordinate_rows(s["coordinates"]),
    ]
    return [row for row in rows if row[1]]


def _model_rows(s: dict[str, Any]) -> list[tuple[str, str]]:
    shapes = s["samples"]
    seismic, velocity = shapes.get("seismic"), shapes.get("velocity")
    scores = {k: v for k, v in s["best_epoch"].items() if k != "epoch" and v is not None}
    best = f", best {s['best_epoch']['epoch'] + 1:g}" if "epoch" in s["best_epoch"] else ""
    rows = [
        (
            "format",
            f"{s['format']}, {_bytes(s['size'])}" + (f", id {s['id'][:12]}" if s["id"] else ""),
        ),
        ("seismic", "{} source(s), {} samples, {} receivers".format(*seismic) if seismic else ""),
        ("velocity", "{1} x {0} cells (x, depth)".format(*velocity) if velocity else ""),
        ("physics", f"{shapes['physics'][0]} descriptors" if shapes else ""),
        ("records", _records_text(s["records"]) if s["records"] else ""),
        ("classes", ", ".join(s["classes"])),
        (
            "survey",
            survey_text(Survey(**s["survey"])) if s["survey"] else "not known" * bool(shapes),
        ),
        ("epochs", f"{s['epochs']}{best}"),
        ("best epoch", ", ".join(f"{k.replace('_', ' ')} {v:.4g}" for k, v in scores.items())),
        ("parameters", _span(s["parameters"])),
    ]
    return [row for row in rows if row[1]]


def _records_text(form: dict[str, Any]) -> str:
    return (
        f"{form['nt']} samples every {number(form['dt'] * 1e3)} ms, components "
        f"{', '.join(form['components'])}"
    )


def _gallery_rows(s: dict[str, Any]) -> list[tuple[str, str]]:
    filters = {name.replace("_", " "): _filter_text(name, v) for name, v in s["filters"].items()}
    return [
        ("format", f"{s['format']}, {_bytes(s['size'])}"),
        ("samples", f"{s['samples']}, found by {s['modality']}"),
        ("index", s["index"]),
        ("model", s["model"][:12]),
        *filters.items(),
    ]


def _filter_text(name: str, values: list[Any] | None) -> str:
    if values and isinstance(values[0], str):
        return _some(values)
    if values is None or name not in DESCRIPTORS:
        return _span(values)
    return _span([float(f"{v:.4g}") for v in values], DESCRIPTORS[name].units)


#: Rows of a summary, by a key that only summaries of this kind have; others are cubes.
_ROWS: dict[str, Callable[[dict[str, Any]], list[tuple[str, str]]]] = {
    "traces": _segy_rows,
    "id": _model_rows,
    "filters": _gallery_rows,
}


def _coordinate_rows(coordinates: dict[str, Any]) -> list[tuple[str, str]]:
    """Offsets first, then positions, then numbers; axes have rows of their own."""
    order = {name: place for place, name in enumerate(_ORDER)}
    names = sorted(coordinates, key=lambda name: order.get(name, len(order)))
    return [
        (k.replace("_", " "), _span(coordinates[k], conventions.ATTRS.get(k, {}).get("units", "")))
        for k in names
        if k not in ("time", "depth")
    ]


def _axis_text(axis: str, ends: Any, samples: int, step: float | None) -> str:
    unit = "s" if axis == "time" else "m"
    every = f"{step * 1e3:.6g} ms" if step and axis == "time" else f"{number(step)} m"
    return f"{_span(ends, unit)}, {samples} samples" + (f" every {every}" if step else "")


def _variable(name: str, dimensions: dict[str, int], units: str) -> str:
    dims = ", ".join(f"{k} {v}" for k, v in dimensions.items())
    return f"{name} ({dims}) {units if units != '1' else ''}".strip()


def _span(value: Any, units: str = "") -> str:
    """A value, a range [lowest, highest] or a mapping, in words."""
    if isinstance(value, dict):
        return ", ".join(f"{k} {_span(v)}" for k, v in value.items())
    if isinstance(value, list):
        low, high = map(number, value)
        text = low if low == high else f"{low} to {high}"
    else:
        text = number(value)
    return f"{text} {units}".strip() if value is not None and units != "1" else text


def _some(names: list[str]) -> str:
    """All names where they are few, else how many there are and the first of them."""
    few = ", ".join(names[:_FEW_NAMES])
    return few if len(names) <= _FEW_NAMES else f"{len(names)}: {few}, …"


def number(value: Any) -> str:
    """A number as people read it."""
    # Ten digits keep the centimetres of a northing.
    return f"{value:.10g}" if isinstance(value, float) else "none" if value is None else str(value)


def _bytes(size: float) -> str:
    power = min(int(math.log10(max(size, 1)) // 3), 4)
    return f"{size / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB')[power]}"


def _row(label: str, value: str, width: int) -> str:
    return fill(f"{label:<{width - 1}} {value}", " " * width)


def fill(text: str, indent: str) -> str:
    """Lines no wider than the terminal, all but the first indented."""
    columns = shutil.get_terminal_size((100, 24)).columns
    return textwrap.fill(
        text,
        max(60, columns),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
