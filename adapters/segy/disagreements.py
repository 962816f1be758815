"""What the headers of a file say against its layout, and why a file has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.extents import (
    FILE_HEADER_BYTES,
    ORDER_CONSTANT,
    ORDERS,
    binary_header,
    revision_of,
)
from seisgeo.adapters.segy.fields import TRACE_HEADER_BYTES, Order
from seisgeo.adapters.segy.samples import FORMATS
from seisgeo.adapters.segy.source import Source
from seisgeo.adapters.segy.text import looks_like_text

if TYPE_CHECKING:
    from seisgeo.adapters.segy.layout import Layout

__all__ = ["contradictions", "cut_finding", "lengths_finding", "why_none"]

_CODES = "1 (IBM float32), 2 (int32), 3 (int16), 5 (IEEE float32), 6 to 12, 15 or 16"


def why_none(data: Source, orders: tuple[Order, ...], sample_format: int | None) -> str:
    """Why no layout is possible, in a sentence."""
    head = data[:FILE_HEADER_BYTES].tobytes()
    if looks_like_text(head):
        start = head[:40].decode("latin-1").splitlines()[0]
        return f"this is a text file, not SEG-Y; it begins with {start!r}"
    if sample_format is not None and sample_format not in FORMATS:
        return f"sample_format={sample_format} is unknown; expected {_CODES}"
    codes = {order: binary_header(data, order)["format"] for order in orders}
    if sample_format is None and not any(code in FORMATS for code in codes.values()):
        said = " or ".join(f"{code} ({ORDERS[order]})" for order, code in codes.items())
        return (
            f"bytes 3225-3226 give sample format {said}; expected {_CODES}. "
            "If it is SEG-Y with a wrong code, pass sample_format="
        )
    if len(data) < FILE_HEADER_BYTES + TRACE_HEADER_BYTES:
        return (
            f"not one whole trace: the file ends after its header, at byte {len(data)}; "
            "it is cut short or has no traces"
        )
    return (
        "the number of samples a trace is 0 both in the binary header (bytes 3221-3222) "
        "and in the first trace header (bytes 115-116)"
    )


def contradictions(w: Layout, size: int) -> list[Finding]:
    """All that the headers of a file of `size` bytes contradict in its layout."""
    findings = [*_revision_finding(w), *_count_findings(w)]
    extended = w.binary["extended_headers"]
    if extended != 0 and w.start == FILE_HEADER_BYTES:
        findings.append(
            Finding(
                "extended text headers",
                {"binary header": str(extended)},
                "none read",
                "the traces follow the binary header at once",
            )
        )
    if w.revision >= (2, 0):
        findings += _revision_2_findings(w)
    if w.left_over:
        findings.append(cut_finding(w, size))
    return findings


def cut_finding(w: Layout, size: int) -> Finding:
    """What is lost of a file of `size` bytes that ends inside a trace."""
    values, whole = {"bytes": str(size)}, ""
    if w.counts is None:
        values["bytes a trace"] = str(w.trace_bytes)
        whole = f" of its {w.trace_bytes}"
    return Finding(
        "file size",
        values,
        f"{w.n_traces} whole traces opened, 1 lost",
        f"the file is cut inside trace {w.n_traces + 1}: {w.left_over}{whole} bytes are there",
    )


def lengths_finding(w: Layout) -> list[Finding]:
    """That traces differ in length, where they do."""
    if w.counts is None:
        return []
    return [
        Finding(
            "trace lengths",
            {"trace headers": f"{w.counts.min()} to {w.counts.max()} samples"},
            "shorter traces end in NaN",
            "a cube has one axis, and these counts lead from trace to trace through the file",
        )
    ]


def _revision_finding(w: Layout) -> list[Finding]:
    _, exists = revision_of(w.binary)
    if exists:
        return []
    stated = "{segy_revision}.{segy_revision_minor}".format(**w.binary)
    used = "{}.{} used".format(*w.revision)
    why = "there is no such revision"
    if w.revision >= (2, 0):
        why += ", and bytes 3297-3300 hold the constant of revision 2"
    return [Finding("revision", {"binary header": stated}, used, why)]


def _count_findings(w: Layout) -> list[Finding]:
    if w.counts is not None:
        return lengths_finding(w)
    stated = w.binary["samples"]
    values = {"binary header": str(stated), "trace headers": str(w.trace_samples)}
    if "extended" in w.said_by:
        if stated in (0, w.n_samples) or w.n_samples > 0xFFFF:
            return []
        values = {"binary header": str(stated), "binary header, extended": str(w.n_samples)}
        why = "revision 2 puts the extended count before the other one"
    elif stated == w.n_samples and w.trace_samples in (0, w.n_samples):
        return []
    elif w.left_over == 0:
        why = f"{w.n_traces} whole traces of {w.n_samples} samples fill the file exactly"
    elif w.said_by == "binary header":
        why = "neither count fills the file exactly, and this one holds for the whole file"
    else:
        why = "trace headers repeat at the distance that it gives"
    used = f"{w.n_samples} ({w.said_by}) used"
    return [Finding("samples a trace", values, used, why)]


def _revision_2_findings(w: Layout) -> list[Finding]:
    findings = []
    constant = w.binary["byte_order"]
    if constant not in (0, ORDER_CONSTANT):
        stored = constant.to_bytes(4, "big" if w.order == ">" else "little")
        values = {"bytes 3297-3300": stored.hex(" ")}
        used = f"{ORDERS[w.order]} used"
        why = (
            "the constant of revision 2 is 01 02 03 04, 04 03 02 01 or 02 01 04 03, and sample "
            "format, counts and file size fit this order"
        )
        findings.append(Finding("byte order", values, used, why))
    additional = w.binary["additional_trace_headers"]
    trailers, traces = w.binary["data_trailers"], w.binary["total_traces"]
    if additional != 0 and w.header_bytes == TRACE_HEADER_BYTES:
        values = {"binary header": str(additional)}
        why = "samples follow the first 240 bytes of each trace"
        findings.append(Finding("additional trace headers", values, "none read", why))
    if trailers != 0 and w.trailer_bytes == 0:
        values = {"binary header": str(trailers)}
        why = "the last trace ends with the file"
        findings.append(Finding("data trailers", values, "none read", why))
    if traces not in (0, w.n_traces):
        values = {"binary header": str(traces), "file": str(w.n_traces)}
        lost = traces - w.n_traces
        used = f"{w.n_traces} whole traces opened" + (f", {lost} lost" if lost > 0 else "")
        why = "the file is cut short" if lost > 0 else "the file holds more than that"
        findings.append(Finding("number of traces", values, used, why))
    return findings
