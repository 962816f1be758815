"""Earthquakes, icequakes and labels that travel: the one command, results merged in one JSON.

    python benchmarks/seismology.py [--only icequakes,seisclip,lacim]
    python benchmarks/seismology.py --only seisclip --epochs 60 --head-seeds 3
    python benchmarks/seismology.py --table

Tables that are not measured again stay in the JSON, with the date, the hardware and the settings of
their own run. --table fills the pages of docs/ from it.
Seeds are fixed, and events are made by seisgeo.synth; real records are those of --real.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import platform
from pathlib import Path
from typing import Any

import seisbind_table
from machine import RESULTS, kept_as

#: Parts, their modules and the pages that show them.
PARTS = {
    "icequakes": ("seismology_icequakes", "docs/icequakes.md"),
    "seisclip": ("seismology_seisclip", "docs/earthquakes.md"),
    "lacim": ("lacim", "docs/labels_that_travel.md"),
}


def markdown(table: dict[str, Any]) -> str:
    """A table as it stands in the documentation."""
    if table["kind"] == "domains":
        from lacim import table as domains

        return domains(table["rows"])
    return seisbind_table.KINDS[table["kind"]](table["rows"])


def kept(path: Path) -> dict[str, Any]:
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    return {"parts": {}}


def settings(module: Any, options: argparse.Namespace, names: list[str] | None) -> dict[str, float]:
    """The numbers a table was measured with: of its part's options, or those named."""
    own = argparse.ArgumentParser()
    module.add_arguments(own)
    numbers = {k: getattr(options, k) for k in vars(own.parse_args([]))}
    return {
        k: v
        for k, v in numbers.items()
        if type(v) in (int, float) and (names is None or k in names)
    }


def merge(
    path: Path, machine: str, name: str, module: Any, options: argparse.Namespace, found: Any
) -> None:
    """Write a part's tables into the JSON, each with how it was measured; other tables stay."""
    from seisgeo._version import __version__

    report = kept(path)
    tables = report["parts"].setdefault(name, {"tables": {}})["tables"]
    for title, table in found["tables"].items():
        tables[title] = {
            "kind": table["kind"],
            "measured": {
                "date": datetime.date.today().isoformat(),
                "hardware": machine,
                "seisgeo": __version__,
                "python": platform.python_version(),
                "settings": settings(module, options, table.get("settings")),
            },
            "rows": table["rows"],
        }
    RESULTS.mkdir(exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def about(table: dict[str, Any]) -> str:
    """How a table was measured, as a line of the documentation."""
    measured = table["measured"]
    said = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in measured["settings"].items())
    return f"{measured['hardware']}, {measured['date']}{'; ' if said else ''}{said}."


def write_pages(root: Path) -> None:
    """Fill the tables of the pages, between the markers of each part's name."""
    reports = [kept(path) for path in sorted(RESULTS.glob("seismology-*.json"))]
    for name, (_, page) in PARTS.items():
        path = root / page
        if not path.exists():
            continue
        texts = []
        for report in reports:
            if name in report["parts"]:
                for title, table in report["parts"][name]["tables"].items():
                    texts += [f"**{title}**", about(table), markdown(table)]
        content = "\n\n".join(["In parentheses: 95 % intervals.", *texts])
        filled = seisbind_table.fill(
            path.read_text(encoding="utf-8"),
            name,
            content if texts else "No results are kept yet.",
        )
        path.write_text(filled, encoding="utf-8")


def chosen(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    return names


def main() -> None:
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--only", type=chosen, default=list(PARTS), help="parts, with commas")
    first.add_argument("--table", action="store_true", help="fill docs from the JSON, and stop")
    first.add_argument("--device", help="of the training; by default CUDA where there is one")
    first.add_argument("--workers", type=int, help="processes that make events")
    early, _ = first.parse_known_args()
    if early.table:
        write_pages(RESULTS.parents[1])
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], parents=[first])
    modules = {name: importlib.import_module(PARTS[name][0]) for name in early.only}
    for name, module in modules.items():
        module.add_arguments(parser.add_argument_group(name))
    options = parser.parse_args()

    from seisgeo.devices import default_device, hardware

    machine = hardware(default_device(options.device))
    path = RESULTS / f"seismology-{kept_as(machine.split(',')[0])}.json"
    for name, module in modules.items():
        found = module.run(options)
        merge(path, machine, name, module, options, found)
        for title, table in found["tables"].items():
            print(f"\n{title}\n{seisbind_table.text(markdown(table))}", flush=True)
    print(f"\nkept as {path}")


if __name__ == "__main__":
    main()
