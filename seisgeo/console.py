"""What the command line says: tables, JSON, and messages in its own words."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo.errors import SeisgeoError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "as_options",
    "evaluation_text",
    "event_hit_rows",
    "event_hits_text",
    "explain",
    "first_line",
    "hit_rows",
    "hits_text",
    "to_json",
]

#: Options of this command line, which messages of the library name as arguments of Python.
_ARGUMENT = re.compile(
    r"\b(overwrite=True|original=False|headers=\{[^}]*\}|(?:engine|layout|coordinate_scale"
    r"|sample_interval|sample_format|quantity|vertical|revision|byte_order|memory|scheduler"
    r"|format|physics|component|velocity_range|vp_vs|wavelet|batch_size|split)="
    r"(?:\.\.\.)?)(?=(\S?))"
)


def to_json(value: Any) -> str:
    """JSON that any reader takes: a number that is not finite is null."""
    return json.dumps(_without_nan(value), indent=2, allow_nan=False, ensure_ascii=False)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def hit_rows(hits: xr.Dataset) -> list[dict[str, Any]]:
    """Scores and attributes of each query, ready for JSON."""
    rows = []
    for q in range(hits.sizes["query"]):
        one = hits.isel(query=q)
        names = [str(n) for n in one["descriptor"].values] if "descriptor" in one.coords else []
        rows.append(
            {
                "query": q,
                **({"field_record": int(one["field_record"])} if "field_record" in one else {}),
                "gallery_index": [int(i) for i in one["gallery_index"].values],
                "score": [round(float(s), 4) for s in one["score"].values],
                **_trust(one),
                "attributes": {
                    name: {
                        "mean": float(one["descriptor_mean"].values[i]),
                        "std": float(one["descriptor_std"].values[i]),
                        "units": str(one["units"].values[i]),
                    }
                    for i, name in enumerate(names)
                },
            }
        )
    return rows


def _trust(one: xr.Dataset) -> dict[str, Any]:
    """How far a query's hits can be trusted, where the model is calibrated."""
    if "probability" not in one:
        return {}
    return {
        "probability": [round(float(p), 4) for p in one["probability"].values],
        "stranger": bool(one["stranger"]),
    }


def hits_text(rows: list[dict[str, Any]]) -> str:
    """The rows of :func:`hit_rows` for people."""
    return "\n".join(map(_hit_text, rows))


def _hit_text(row: dict[str, Any]) -> str:
    name = (
        f"field record {row['field_record']}" if "field_record" in row else f"query {row['query']}"
    )
    parts = zip(
        row["gallery_index"],
        row["score"],
        [f", {100 * p:.0f} %" for p in row.get("probability", [])] or [""] * len(row["score"]),
        strict=True,
    )
    models = ", ".join(f"{i} ({s:.2f}{p})" for i, s, p in parts)
    lines = [f"{name}: models {models}"]
    if row.get("stranger"):
        lines.append("    unlike any gather of the training survey: do not trust these hits")
    for label, value in row["attributes"].items():
        lines.append(
            f"    {label:<28} {value['mean']:>9.4g} ± {value['std']:<8.3g} {value['units']}"
        )
    return "\n".join(lines)


def event_hit_rows(hits: xr.Dataset) -> list[dict[str, Any]]:
    """Scores of each query among events and what is known of those found, ready for JSON."""
    found = [str(n) for n, v in hits.coords.items() if v.dims == ("query", "rank") and v.size]
    own = [str(n) for n, v in hits.coords.items() if v.dims == ("query",)]
    return [
        {
            "query": q,
            **{name: _plain(hits[name].values[q]) for name in own},
            "gallery_index": hits["gallery_index"].values[q].tolist(),
            "score": [round(float(s), 4) for s in hits["score"].values[q]],
            **{name: [_plain(v) for v in hits[name].values[q]] for name in found},
        }
        for q in range(hits.sizes["query"])
    ]


def _plain(value: Any) -> Any:
    """A value of NumPy as JSON has it."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else f"{np.datetime_as_string(value, 'ms')}Z"
    return value.item() if isinstance(value, np.generic) else value


def event_hits_text(rows: list[dict[str, Any]]) -> str:
    """The rows of :func:`event_hit_rows` for people: events by number, and by name where known."""
    lines = []
    for row in rows:
        query = f"query {row['query']} {row.get('query_event_id', '')}".strip()
        events = [f"{i}" for i in row["gallery_index"]]
        if "event_id" in row:
            events = [
                f"{i} {name}".strip() for i, name in zip(events, row["event_id"], strict=True)
            ]
        hits = ", ".join(f"{e} ({s:.2f})" for e, s in zip(events, row["score"], strict=True))
        lines.append(f"{query}: events {hits}")
    return "\n".join(lines)


def evaluation_text(result: dict[str, Any]) -> str:
    """Table of an evaluation, as the functions of :mod:`seisgeo.evaluation` give it."""
    if "score" in result:
        return f"{result['measure']} {result['score']:.4g} ({result['events']} records)"
    lines = [f"{'':<24}{'R@1':>8}{'R@5':>8}{'R@10':>8}{'chance':>8}{'median rank':>13}"]
    for name, s in result["retrieval"].items():
        lines.append(
            f"{name:<24}{s['recall_1']:>8.3f}{s['recall_5']:>8.3f}{s['recall_10']:>8.3f}"
            f"{s['chance_1']:>8.4f}{s['median_rank']:>13g}"
        )
    if "descriptors" not in result:
        return "\n".join(lines)
    columns = f"{'neighbours':>12}{'floor':>9}{'head':>9}"
    lines += ["", f"{'':<24}{'relative error (%)':>30}{'error over IQR':>30}"]
    lines.append(f"{'descriptor':<24}{columns}{columns}{'coverage':>10}")
    for name, e in result["descriptors"].items():
        text = f"{name:<24}"
        for measure, scale in (("relative", 100), ("over_iqr", 1)):
            for part, width in ((e, 12), (e["floor"], 9), (e.get("head", {}), 9)):
                value = part.get(measure)
                digits = 1 if scale == 100 else 2
                text += f"{'-' if value is None else f'{scale * value:.{digits}f}':>{width}}"
        lines.append(f"{text}{e['head']['coverage']:>10.2f}" if "head" in e else text)
    if "confidence" in result:
        c = result["confidence"]
        lines += [
            "",
            f"best hit: stated probability {c['probability']:.3f}, right {c['right']:.3f}, "
            f"calibration error {c['calibration_error']:.3f} (asked with and without the own "
            "model)",
        ]
    return "\n".join(lines)


def as_options(text: str) -> str:
    """A message of the library in words of this command line: ``--overwrite`` and the like."""

    def option(match: re.Match[str]) -> str:
        name, _, value = match[1].partition("=")
        if name == "headers":
            return "--byte.NAME BYTE"
        if name == "original":
            return "--new-headers"
        gap = " " if match[2] and match[2] not in ":;,)." and not value else ""
        return f"--{name.replace('_', '-')}{gap}"

    return _ARGUMENT.sub(option, text)


def first_line(error: BaseException) -> str:
    """First line of a message, or the kind of error where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def explain(error: Exception) -> str:
    """One message for an error: what is wrong, and which option would help."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        # What is being written has a name of its own until it is whole.
        name = re.sub(r"\.([^/]+)\.partial", r"\1", str(error.filename))
        return f"{name}: {error.strerror}"
    if isinstance(error, SeisgeoError):
        text = as_options(str(error))
        # Not every command that opens a file takes these.
        hint = "coordinate-scale" in text and "seisgeo convert" not in text
        return f"{text} (seisgeo convert takes it and writes a copy)" if hint else text
    if isinstance(error, ValueError):
        return as_options(first_line(error))
    return (
        f"{type(error).__name__}: {first_line(error)} (with SEISGEO_TRACEBACK=1 in the "
        "environment, the place in the code is shown)"
    )
