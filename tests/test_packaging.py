"""The package as others get it: what it declares, what an import costs, what its archives hold."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import segyio
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import seisgeo

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]

# Where each folder of the checkout is imported from.
HOMES = {"seisgeo": "seisgeo", "adapters": "seisgeo/adapters", "synth": "seisgeo/synth"}
# What conda-forge calls differently, and what it does not have.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
ONLY_ON_PYPI = {"deepwave"}
HEAVY = {
    "torch",
    "deepwave",
    "obspy",
    "dask",
    "matplotlib",
    "lightning",
    "numba",
    "segyio",
    "fsspec",
    "aiohttp",
}


def sources() -> dict[str, str]:
    """Every Python file of the library: path in the checkout -> path when installed."""
    found = {}
    for folder, home in HOMES.items():
        # os.walk does not follow links, so that each file is met along one path only.
        for directory, _, names in os.walk(ROOT / folder):
            for name in names:
                if name.endswith(".py"):
                    inside = Path(directory, name).relative_to(ROOT / folder).as_posix()
                    found[f"{folder}/{inside}"] = f"{home}/{inside}"
    return found


def data_files() -> set[str]:
    """What is installed beside the Python files: the models' weights, cards and index."""
    models = (ROOT / "seisgeo" / "pretrained").rglob("*")
    found = {p.relative_to(ROOT).as_posix() for p in models if p.is_file()}
    return {"seisgeo/py.typed"} | {p for p in found if not p.endswith((".py", ".pyc"))}


def floors(requirements: list[str]) -> dict[str, str]:
    parsed = [Requirement(text) for text in requirements]
    return {canonicalize_name(r.name): str(r.specifier) for r in parsed}


def direct_requirements(*extras: str) -> list[str]:
    """Requirements of the package and of some extras, by default of all."""
    optional = PROJECT["optional-dependencies"]
    return PROJECT["dependencies"] + [text for e in extras or optional for text in optional[e]]


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(c) for c in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{command} in {cwd}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


# ------------------------------------------------------------------------- what is declared


def test_packages_are_the_folders_that_hold_python_files():
    installed = set(sources().values())
    folders = {str(Path(file).parent).replace("/", ".") for file in installed}
    assert SETUPTOOLS["packages"] == sorted(folders)
    assert {f"{name.replace('.', '/')}/__init__.py" for name in folders} <= installed


def test_links_make_a_checkout_look_like_an_installed_package():
    for name in ("adapters", "synth"):
        assert (ROOT / "seisgeo" / name).readlink() == Path("..", name)
        assert SETUPTOOLS["package-dir"][f"seisgeo.{name}"] == name


def test_conda_environment_names_the_same_dependencies_with_the_same_floors():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    conda = floors([item for item in listed if isinstance(item, str)])
    (from_pip,) = [item["pip"] for item in listed if isinstance(item, dict)]

    wanted = floors(PROJECT["dependencies"])
    assert conda == {
        "python": PROJECT["requires-python"],
        "pip": "",
        **{CONDA_NAMES.get(k, k): v for k, v in wanted.items() if k not in ONLY_ON_PYPI},
    }
    assert from_pip[-1] == ".", "the environment installs this checkout, after what it needs"
    assert floors(from_pip[:-1]) == {name: wanted[name] for name in ONLY_ON_PYPI}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = floors([line for line in lines if line and not line.startswith("#")])
    assert all(re.fullmatch(r"==[^*,]+", version) for version in pinned.values())
    return {name: version.removeprefix("==") for name, version in pinned.items()}


def test_constraints_pin_every_direct_dependency_within_its_floor():
    pinned = pins()
    for text in direct_requirements():
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        assert name in pinned, f"constraints.txt does not pin {name}"
        assert pinned[name] in requirement.specifier, f"{name}=={pinned[name]} is not {text}"


@pytest.mark.skipif(
    Path(sys.prefix).resolve() != ROOT / ".venv",
    reason="only the environment that make sets up holds the versions of constraints.txt",
)
def test_constraints_are_what_the_tests_ran_with():
    wanted = {canonicalize_name(Requirement(text).name) for text in direct_requirements("dev")}
    pinned = {name: version for name, version in pins().items() if name in wanted}
    # A local label (torch 2.13.0+cpu) says how a version was built, not which one it is.
    assert pinned == {name: importlib.metadata.version(name).split("+")[0] for name in wanted}


def test_version_is_written_once_and_carried_everywhere():
    assert PROJECT["dynamic"] == ["version"]
    assert SETUPTOOLS["dynamic"]["version"] == {"attr": "seisgeo._version.__version__"}
    assert importlib.metadata.version("seisgeo") == seisgeo.__version__
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == seisgeo.__version__
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert seisgeo.__version__ in headings


def test_entry_points_are_installed_and_resolve():
    declared = {("console_scripts", *item) for item in PROJECT["scripts"].items()}
    for group, points in PROJECT["entry-points"].items():
        declared |= {(group, *item) for item in points.items()}
    points = importlib.metadata.distribution("seisgeo").entry_points
    assert {(point.group, point.name, point.value) for point in points} == declared
    for point in points:
        assert callable(point.load()), point


def test_torchvision_is_no_dependency_direct_or_not():
    # From PyPI it breaks CPU torch, and with it lightning.
    seen: set[tuple[str, str]] = set()
    todo = [Requirement(text) for text in direct_requirements()]
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                needs = importlib.metadata.requires(name) or []
            except importlib.metadata.PackageNotFoundError:  # of another platform or driver
                continue
            parsed = [Requirement(text) for text in needs]
            todo += [r for r in parsed if r.marker is None or r.marker.evaluate({"extra": extra})]
    names = {name for name, _ in seen}
    assert {"torch", "numpy", "sympy"} <= names, "the walk follows what dependencies need"
    assert "torchvision" not in names


# -------------------------------------------------------------------------- what an import costs

AND_SAY_MODULES = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
COMMAND = """
import sys
from seisgeo.cli import main
sys.argv = ["seisgeo", *{arguments}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import seisgeo", ""),
        (COMMAND.format(arguments=["--help"]), "retrieve"),
        (COMMAND.format(arguments=["synth", "--help"]), "--families"),
        (COMMAND.format(arguments=["--version"]), seisgeo.__version__),
    ],
    ids=["import", "help", "help of a command", "version"],
)
def test_nothing_heavy_loads_before_it_is_used(code, says, tmp_path):
    *text, modules = run(sys.executable, "-c", code + AND_SAY_MODULES, cwd=tmp_path).splitlines()
    assert says in "\n".join(text)
    assert not HEAVY & set(json.loads(modules))


# ------------------------------------------------------------------- wheel, sdist, installations


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the sources, so that building leaves nothing among them."""
    copy = tmp_path_factory.mktemp("checkout") / "seisgeo"
    left_out = shutil.ignore_patterns(".*", "build", "dist", "out", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=left_out)
    return copy


@pytest.fixture(scope="module")
def archives(checkout, tmp_path_factory) -> dict[str, Path]:
    """The sdist, the wheel built from it, and the wheel built from the checkout."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", out / "sdist", checkout, cwd=out)
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out / "tree", checkout, cwd=out)
    (sdist,) = out.glob("sdist/*.tar.gz")
    (wheel_of_sdist,) = out.glob("sdist/*.whl")
    (wheel,) = out.glob("tree/*.whl")
    return {"sdist": sdist, "wheel of the sdist": wheel_of_sdist, "wheel": wheel}


@pytest.mark.slow
def test_sdist_holds_every_source_once(archives):
    with tarfile.open(archives["sdist"]) as archive:
        names = [m.name.split("/", 1)[1] for m in archive.getmembers() if m.isfile()]
        assert all(m.isfile() or m.isdir() for m in archive.getmembers()), "no links"
    assert sorted(name for name in names if name.endswith(".py")) == sorted(sources())
    told = {"README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "pyproject.toml"}
    assert {*data_files(), *told} <= set(names)
    assert {name.split("/")[0] for name in names} <= {
        "MANIFEST.in", "PKG-INFO", "adapters", "seisgeo", "seisgeo.egg-info", "setup.cfg", "synth",
        *told,
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("which", ["wheel", "wheel of the sdist"])
def test_wheel_holds_every_module_once_and_nothing_beside_the_package(archives, which):
    names = zipfile.ZipFile(archives[which]).namelist()
    assert sorted(n for n in names if n.endswith(".py")) == sorted(sources().values())
    information = f"seisgeo-{seisgeo.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"seisgeo", information}
    assert f"{information}/licenses/LICENSE" in names
    beside = {n for n in names if n.startswith("seisgeo/") and not n.endswith(".py")}
    assert beside == data_files()
    assert any(name.endswith("model.seisbind") for name in beside)


LOOK = """
import importlib, importlib.util, json, pkgutil, sys, warnings
import seisgeo, seisgeo.adapters, seisgeo.synth, xarray

def file(name):
    try:
        return importlib.import_module(name).__file__
    except ModuleNotFoundError as error:
        if error.name != "triton":  # openfwi_cuda needs it; only PyTorch for CUDA brings it
            raise
        return importlib.util.find_spec(name).origin

names = [m.name for m in pkgutil.walk_packages(seisgeo.__path__, "seisgeo.")]
cube = xarray.open_dataset(sys.argv[1])
print(json.dumps({
    "files": {name: file(name) for name in ["seisgeo", *names]},
    "strays": [name for name in ("adapters", "synth") if importlib.util.find_spec(name)],
    "typed": importlib.resources.files("seisgeo").joinpath("py.typed").is_file(),
    "engines": list(xarray.backends.list_engines()),
    "dims": cube.amplitude.dims,
    "amplitude": cube.amplitude.values.tolist(),
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["folder", "editable", "wheel", "wheel of the sdist", "sdist"])
def test_works_installed_away_from_the_checkout(way, checkout, archives, tmp_path):
    amplitude = np.arange(2 * 3 * 25, dtype=np.float32).reshape(2, 3, 25)
    segyio.tools.from_array3D(tmp_path / "cube.sgy", amplitude, dt=4000)

    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    targets = {"folder": [checkout], "editable": ["--editable", checkout]}
    target = targets[way] if way in targets else [archives[way]]
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet"]
    run(*pip, *target, cwd=tmp_path)
    # The dependencies are seen where the tests' own environment has them. A folder named in a .pth
    # joins the path without its own .pth files: the editable seisgeo beside them stays out.
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path)
    shared = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(site.strip(), "dependencies.pth").write_text("\n".join(sorted(shared)) + "\n")

    seen = json.loads(run(python, "-I", "-c", LOOK, "cube.sgy", cwd=tmp_path))
    modules = {path.removesuffix(".py").replace("/", ".") for path in sources().values()}
    assert set(seen["files"]) == {name.removesuffix(".__init__") for name in modules}
    home = checkout if way == "editable" else venv
    assert all(Path(file).is_relative_to(home) for file in seen["files"].values())
    assert not seen["strays"]
    assert seen["typed"]
    assert {"seisgeo-segy", "seisgeo-openfwi"} <= set(seen["engines"])
    assert seen["dims"] == ["inline", "crossline", "time"]
    np.testing.assert_array_equal(np.array(seen["amplitude"], np.float32), amplitude)
    assert run(venv / "bin" / "seisgeo", "--version", cwd=tmp_path).strip() == seisgeo.__version__
