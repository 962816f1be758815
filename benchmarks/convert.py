"""SEG-Y to Zarr: CPU time and memory of seisgeo against MDIO and segysak; and the compressor.

    python benchmarks/convert.py [--small] [--gigabytes 5] [--folder DIR] [--rounds 3] [FILE ...]

Converts the post-stack files of benchmarks/segy.py, IBM and IEEE (--small makes a tenth). MDIO and
segysak are installed into an environment of their own under DIR. Each conversion runs in a process
of its own, in turns, with the file in the page cache; figures are medians of CPU seconds (with
child processes) and of the peak memory of the largest process. MDIO writes its own default,
segysak what xarray's Zarr writer does in blocks of lines. --gigabytes converts a cube of that size
by seisgeo alone, for its peak memory. Then chunks of the survey of shots, and of the FILEs that
you name, are compressed with each candidate: ratio, and CPU to compress and to read back.
The machine may be shared: only ratios mean something.
The tables are printed, and kept with date and hardware as benchmarks/results/convert-<cpu>.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
import warnings
from pathlib import Path

import numpy as np
from machine import RESULTS, kept_as

#: Compressor -> arguments of Blosc.
CODECS = {
    "lz4 5, bitshuffle": ("lz4", 5, 2),
    "lz4 5, shuffle": ("lz4", 5, 1),
    "zstd 1, bitshuffle": ("zstd", 1, 2),
    "zstd 3, bitshuffle": ("zstd", 3, 2),
    "zstd 5, bitshuffle": ("zstd", 5, 2),
    "zstd 3, shuffle": ("zstd", 3, 1),
}
CHOSEN = "lz4 5, bitshuffle"
#: How many times the CPU of ours a peer is to take at least.
GOALS = {"mdio": 4.0, "segysak": 1.0}
MOST_MB = 300
# Bytes of a file that the compressors are tried on.
TRIED = 64 << 20


def convert_ours(source: str, target: str) -> None:
    from seisgeo.adapters import convert

    convert(source, target)


def convert_mdio(source: str, target: str) -> None:
    from mdio import segy_to_mdio
    from mdio.builder.template_registry import TemplateRegistry
    from segy.standards import get_segy_standard

    segy_to_mdio(
        segy_spec=get_segy_standard(1.0),
        mdio_template=TemplateRegistry().get("PostStack3DTime"),
        input_path=source,
        output_path=target,
        overwrite=True,
    )


def convert_segysak(source: str, target: str) -> None:
    import segysak  # noqa: F401  (registers its engine)
    import xarray as xr

    ds = xr.open_dataset(
        source,
        engine="sgy_engine",
        dim_byte_fields={"iline": 189, "xline": 193},
        extra_byte_fields={"cdp_x": 181, "cdp_y": 185},
        chunks={"iline": 10},
    )
    ds.to_zarr(target, mode="w")


CONVERTERS = {"ours": convert_ours, "mdio": convert_mdio, "segysak": convert_segysak}


def measured(reader: str, source: str, target: str) -> dict[str, float]:
    """CPU seconds, wall seconds and peak memory (MB) of this process and its children."""
    start = time.perf_counter()
    CONVERTERS[reader](source, target)
    wall = time.perf_counter() - start
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    cpu = sum(u.ru_utime + u.ru_stime for u in (own, children))
    return {"cpu": cpu, "wall": wall, "peak_mb": max(peak(), children.ru_maxrss) * 1.024e-3}


def peak() -> int:
    """Peak memory of this process (KiB)."""
    try:  # what the process had that started this one counts in ru_maxrss
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def in_its_own_process(python: Path | str, reader: str, source: Path, target: Path) -> dict:
    # -P: MDIO's package "segy" is not the file of that name beside this one.
    command = [str(python), "-P", __file__, "--reader", reader, str(source), str(target)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{reader} on {source} failed:\n{done.stderr[-2000:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    result["stored_mb"] = sum(f.stat().st_size for f in target.rglob("*") if f.is_file()) / 1e6
    shutil.rmtree(target)
    return result


def peers_python(folder: Path) -> Path:
    """Python of the peers' own environment, made when it is not there."""
    home = folder / "converters"
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, "multidimio", "segysak"], check=True)
    return python


def compare_converters(path: Path, folder: Path, python: Path, rounds: int) -> dict:
    np.fromfile(path, np.uint8)  # into the page cache
    taken: dict[str, list[dict]] = {}
    for _ in range(rounds):
        for reader in CONVERTERS:
            own = sys.executable if reader == "ours" else python
            taken.setdefault(reader, []).append(
                in_its_own_process(own, reader, path, folder / f"out-{reader}.zarr")
            )
    table = {
        reader: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for reader, runs in taken.items()
    }
    for reader, goal in GOALS.items():
        table[reader] |= {"ratio_cpu": table[reader]["cpu"] / table["ours"]["cpu"], "goal": goal}
        table[reader]["ratio_memory"] = table[reader]["peak_mb"] / table["ours"]["peak_mb"]
    return table


def compare_codecs(path: Path) -> dict[str, dict[str, float]]:
    """Chunks of a file as they would be stored, compressed and read back."""
    import xarray as xr
    from numcodecs import blosc

    from seisgeo.adapters.blocks import blocks_of, chunks_of

    warnings.simplefilter("ignore")  # real files contradict themselves, which is not the point here
    variable = next(iter(xr.open_dataset(path).data_vars.values())).variable
    chunks, size = [], 0
    for region in blocks_of(variable.shape, chunks_of(variable)):
        chunks.append(np.ascontiguousarray(variable[region].values))
        size += chunks[-1].nbytes
        if size >= TRIED:
            break
    blosc.set_nthreads(1)
    table = {}
    for name, (codec, level, shuffle) in CODECS.items():
        start = time.process_time()
        packed = [blosc.compress(c, codec.encode(), level, shuffle) for c in chunks]
        middle = time.process_time()
        for p in packed:
            blosc.decompress(p)
        end = time.process_time()
        table[name] = {
            "ratio": size / sum(map(len, packed)),
            "compress_s_per_gb": (middle - start) / size * 1e9,
            "decompress_s_per_gb": (end - middle) / size * 1e9,
        }
    return table


def show(title: str, table: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    keys = list(dict.fromkeys(key for row in table.values() for key in row))
    print(f"{'':22}" + "".join(f"{key:>21}" for key in keys))
    for name, row in table.items():
        cells = (f"{row[key]:21.3f}" if key in row else f"{'-':>21}" for key in keys)
        missed = "   MISSED" if row.get("ratio_cpu", 1e9) < row.get("goal", 0) else ""
        print(f"{name:22}{''.join(cells)}{missed}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="real SEG-Y for the compressors")
    parser.add_argument("--small", action="store_true", help="files of a tenth of the size")
    parser.add_argument("--gigabytes", type=float, default=0, help="size of a cube for its memory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where files and peers are kept")
    parser.add_argument("--reader", choices=CONVERTERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        print(json.dumps(measured(options.reader, *map(str, options.files))))
        return

    from segy import FORMATS, surveys, write_survey  # beside this file

    folder = options.folder or Path(tempfile.gettempdir()) / "seisgeo-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    python = peers_python(folder)
    converters, codecs = {}, {}
    for survey, shape in surveys(options.small).items():
        for name, code in FORMATS.items():
            path = folder / f"{survey}-{name.lower()}-{'x'.join(map(str, shape))}.sgy"
            if survey != "stack" and name != "IBM":
                continue
            if not path.exists():
                write_survey(path, survey, shape, code)
            title = f"{survey} {' x '.join(map(str, shape))}, {name}"
            if survey == "stack":
                converters[title] = compare_converters(path, folder, python, options.rounds)
                show(title, converters[title])
            else:  # the stack's lines repeat each other, which says nothing about compressors
                codecs[title] = compare_codecs(path)
                show(f"{title}: compressors", codecs[title])
    for path in options.files:
        codecs[path.name] = compare_codecs(path)
        show(f"{path.name}: compressors", codecs[path.name])
    large = None
    if options.gigabytes:
        shape = (max(1, round(options.gigabytes * 1e9 / 6.24e6)), 1000, 1500)
        path = folder / f"stack-ibm-{'x'.join(map(str, shape))}.sgy"
        if not path.exists():
            write_survey(path, "stack", shape, 1)
        large = in_its_own_process(sys.executable, "ours", path, folder / "out-large.zarr")
        large |= {"gigabytes": path.stat().st_size / 1e9, "at_most_mb": MOST_MB}
        show(f"stack {' x '.join(map(str, shape))}, IBM", {"ours": large})

    from seisgeo.devices import processor

    RESULTS.mkdir(exist_ok=True)
    cpu = processor()
    size = "-small" if options.small else ""
    out = RESULTS / f"convert-{kept_as(cpu)}{size}.json"
    report = {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "unit": "s of CPU and wall, MB, medians; the ratios are what may be quoted",
        "converters": converters,
        "compressors": {"chosen": CHOSEN, **codecs},
        "large": large,
    }
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(out)
    print(f"\nkept as {out}")


if __name__ == "__main__":
    main()
