"""SEG-Y over the network: a server on loopback, with ranges and without, and fsspec's memory."""

import http.server
import pickle
import re
import socket
import subprocess
import sys
import threading
import warnings

import fsspec
import numpy as np
import pytest
import xarray as xr
from handmade import padded, shots

from seisgeo.adapters import convert, describe_segy, open_cube
from seisgeo.adapters.opening import find_engine
from seisgeo.adapters.segy import SegyFile, remote
from seisgeo.adapters.segy.scan import scan
from seisgeo.adapters.segy.source import as_place
from seisgeo.errors import HeaderWarning, MissingFileError, RemoteFileError


class Handler(http.server.BaseHTTPRequestHandler):
    """Files from a dictionary, with ranges, and a list of what was asked for."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        web = self.server
        path = self.path.partition("?")[0].lstrip("/")
        if path in web.refused or path not in web.files:
            self.send_response(web.refused.get(path, 404))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = web.files[path]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = data
        if asked and web.ranges:
            a, b = int(asked[1]), int(asked[2]) + 1
            part = data[a:b]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {a}-{a + len(part) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if body:
            web.sent.append(len(part))
        self.send_header("ETag", f'"{web.tags.get(path, 1)}"')
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if body:
            try:
                self.wfile.write(part)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def web(monkeypatch, tmp_path):
    """A server on loopback; `web.files` maps paths to bytes."""
    monkeypatch.setenv("SEISGEO_HEADER_INDEX", "off")
    # A queue of five connections, the usual, drops some on a busy machine.
    kind = type("Server", (http.server.ThreadingHTTPServer,), {"request_queue_size": 128})
    server = kind(("127.0.0.1", 0), Handler)
    server.files, server.tags, server.refused, server.sent = {}, {}, {}, []
    server.ranges = True
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def memory(monkeypatch):
    monkeypatch.setenv("SEISGEO_HEADER_INDEX", "off")
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()


@pytest.fixture
def small_pages(monkeypatch):
    """Even small files are read in parts, of small pages and requests."""
    monkeypatch.setattr(remote, "_WHOLE_BYTES", 0)
    monkeypatch.setattr(remote, "_PAGE_BYTES", 4096)
    monkeypatch.setattr(remote, "_GAP_BYTES", 300)
    monkeypatch.setattr(remote, "_REQUEST_BYTES", 5000)
    monkeypatch.setattr(remote, "_FLIGHT_BYTES", 20_000)
    monkeypatch.setattr(remote.RemoteSource, "block_bytes", 20_000)


# 300 traces of 2000 samples: 2.5 MB, more than is fetched whole.
LARGE, LARGE_TRACES = shots([2000] * 300, per_shot=30)


def test_cube_over_http(web):
    web.files["line.sgy"] = LARGE
    ds = xr.open_dataset(f"{web.url}/line.sgy")
    assert ds["amplitude"].sizes == {"shot": 10, "receiver": 30, "time": 2000}
    np.testing.assert_array_equal(ds["amplitude"].values.reshape(300, 2000), LARGE_TRACES)
    np.testing.assert_array_equal(ds["field_record"], 100 + np.arange(10))
    assert ds.attrs["source"] == f"{web.url}/line.sgy"


def test_only_what_is_asked_for_is_fetched(web):
    web.files["line.sgy"] = LARGE
    file = SegyFile(f"{web.url}/line.sgy")
    opening = sum(web.sent)
    assert opening < 200_000
    web.sent.clear()
    got = file.read(np.array([7, 250]), slice(0, 500))
    np.testing.assert_array_equal(got, np.stack(LARGE_TRACES)[[7, 250], :500])
    assert web.sent == [2000, 2000]
    web.sent.clear()
    np.testing.assert_array_equal(file.read(slice(100, 140)), LARGE_TRACES[100:140])
    assert web.sent == [40 * 8240 - 240]
    web.sent.clear()
    file.read(slice(110, 130))  # within the last rows
    assert web.sent == []
    file.release()
    file.read(slice(100, 140))  # nothing was kept
    assert web.sent == [40 * 8240 - 240]


@pytest.mark.parametrize(
    ("where", "code", "order"),
    [
        *(("memory", code, order) for code in (1, 3, 5, 7, 9) for order in "<>"),
        *(("http", 1, ">"), ("http", 7, "<")),
    ],
)
def test_every_kind_of_file_in_parts(web, memory, small_pages, where, code, order):
    counts = [50, 50, 50, 80, 80, 80, 30, 65, 80]
    for name, data, traces in (
        ("even.sgy", *shots([60] * 40, code=code, order=order)),
        ("ragged.sgy", *shots(counts, code=code, order=order)),
        ("ragged.su", *shots(counts, order=order, bare=True)),
    ):
        web.files[name] = data
        memory.pipe(f"/{name}", data)
        file = SegyFile(f"{web.url}/{name}" if where == "http" else f"memory://{name}")
        assert file.source.data is None
        expected = padded(traces)
        np.testing.assert_array_equal(file.read(slice(None)), expected)
        numbers = np.array([8, 0, -1, 3, 3])
        wanted = expected[numbers]
        wanted[2] = np.nan
        np.testing.assert_array_equal(file.read(numbers), wanted)
        np.testing.assert_array_equal(file.read(numbers, slice(5, 28, 4)), wanted[:, 5:28:4])
        np.testing.assert_array_equal(file.read(slice(None), 7), expected[:, [7]])
        at = np.array([0, 29, 7])
        np.testing.assert_array_equal(
            file.read_points(np.array([0, 8, 6]), at), expected[[0, 8, 6], at]
        )
        np.testing.assert_array_equal(file.field("trace_number"), np.arange(len(traces)) % 3 + 1)


def test_real_files_as_on_disk(web, data_dir, small_pages):
    for name in ("segy/viking_small.segy", "segy/peer/f3-lsb.sgy", "segy/peer/multi-text.sgy"):
        web.files[name] = (data_dir / name).read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HeaderWarning)
            here, there = xr.open_dataset(data_dir / name), xr.open_dataset(f"{web.url}/{name}")
        xr.testing.assert_equal(there, here)
        apart = {"source"}
        assert {k: v for k, v in there.attrs.items() if k not in apart} == {
            k: v for k, v in here.attrs.items() if k not in apart
        }


@pytest.mark.parametrize("odd", [False, True])
def test_bytes_swapped_in_pairs(web, small_pages, odd):
    binary = [(3501, "B", 2), (3297, "I", 16909060)]
    data, traces = shots([61] * 31, code=7, binary=binary)
    assert len(data) % 2 == 1
    if not odd:
        data, traces = shots([60] * 30, code=7, binary=binary)
    turned = bytearray(data)
    end = len(data) // 2 * 2
    turned[3200:end:2], turned[3201:end:2] = data[3201:end:2], data[3200:end:2]
    web.files["pairs.sgy"] = bytes(turned)
    file = SegyFile(f"{web.url}/pairs.sgy")
    np.testing.assert_array_equal(file.read(slice(None)), traces)
    np.testing.assert_array_equal(
        file.read(np.array([3, 1]), 59)[:, 0], [traces[3][59], traces[1][59]]
    )


def test_a_small_file_is_fetched_once(web):
    data, traces = shots([50] * 9)
    web.files["small.sgy"] = data
    web.ranges = False  # nor are ranges needed for it
    ds = xr.open_dataset(f"{web.url}/small.sgy")
    np.testing.assert_array_equal(ds["amplitude"].values.reshape(9, 50), traces)
    assert web.sent == [len(data)]


def test_a_server_without_ranges_is_named(web):
    web.files["line.sgy"] = LARGE
    web.ranges = False
    with pytest.raises(RemoteFileError, match=r"line\.sgy: the server gives no ranges of bytes"):
        xr.open_dataset(f"{web.url}/line.sgy")


def test_no_such_file(web, memory):
    with pytest.raises(MissingFileError, match=r"/absent\.sgy: no such file"):
        xr.open_dataset(f"{web.url}/absent.sgy")
    with pytest.raises(MissingFileError, match=r"memory://absent\.sgy: no such file"):
        open_cube("memory://absent.sgy")


def test_access_refused_and_broken_servers(web):
    web.refused = {"secret.sgy": 403, "broken.sgy": 503}
    with pytest.raises(RemoteFileError, match=r"access is refused \(the server answered 403\)"):
        xr.open_dataset(f"{web.url}/secret.sgy?signature=abc")
    with pytest.raises(RemoteFileError, match=r"the server answered 503"):
        xr.open_dataset(f"{web.url}/broken.sgy")


def test_secrets_stay_out_of_messages(web):
    with pytest.raises(MissingFileError) as caught:
        xr.open_dataset(f"{web.url.replace('//', '//user:secret@')}/absent.sgy?signature=abc")
    assert "secret" not in str(caught.value)
    assert "signature" not in str(caught.value)


def test_connection_refused():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RemoteFileError, match=r"the server cannot be reached \(.*refused|Connect"):
        xr.open_dataset(f"http://127.0.0.1:{port}/line.sgy")


def test_missing_package_and_unknown_protocol(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(RemoteFileError, match=r"reading s3:// needs .*: pip install s3fs"):
        xr.open_dataset("s3://bucket/line.sgy")
    with pytest.raises(RemoteFileError, match=r"nothing://line\.sgy: Protocol not known"):
        xr.open_dataset("nothing://line.sgy")


def test_a_file_that_changes_is_found_out(web, monkeypatch):
    web.files["line.sgy"] = LARGE
    file = SegyFile(f"{web.url}/line.sgy")
    monkeypatch.setattr(remote, "_RECHECK_SECONDS", 0.0)
    file.read(np.array([3]))
    web.tags["line.sgy"] = 2
    with pytest.raises(RemoteFileError, match=r"line\.sgy: the file has changed since it was op"):
        file.read(np.array([4]))


def test_a_file_that_shrinks_is_found_out_at_once(web):
    web.files["line.sgy"] = LARGE
    file = SegyFile(f"{web.url}/line.sgy")
    web.files["line.sgy"] = LARGE[:1_000_000]
    with pytest.raises(RemoteFileError, match="the file has changed since it was opened"):
        file.read(np.array([290]))


def test_name_with_a_query(web):
    assert find_engine("https://example.org/data/LINE.SGY?X-Amz-Signature=a/b.su") == "seisgeo-segy"
    assert find_engine("s3://bucket/shots.su") == "seisgeo-su"
    web.files["line.sgy"] = LARGE
    ds = open_cube(f"{web.url}/line.sgy?version=2")
    assert ds["amplitude"].shape == (10, 30, 2000)
    # It may be a signature: it goes into no file that is made from this.
    assert ds.attrs["source"] == f"{web.url}/line.sgy"


def test_options_of_the_file_system_are_handed_on(web, monkeypatch):
    web.files["line.sgy"] = LARGE
    seen = []
    original = Handler._answer

    def looking(self, body):
        seen.append(self.headers.get("Authorization"))
        original(self, body)

    monkeypatch.setattr(Handler, "_answer", looking)
    options = {"headers": {"Authorization": "Bearer abc"}}
    ds = xr.open_dataset(f"{web.url}/line.sgy", storage_options=options)
    ds["amplitude"][0, 0].load()
    assert set(seen) == {"Bearer abc"}
    with pytest.raises(RemoteFileError, match=r"line\.sgy"):
        xr.open_dataset(f"{web.url}/line.sgy", storage_options={"headers": 7})


def test_chunks_threads_and_pickles(web):
    web.files["line.sgy"] = LARGE
    url = f"{web.url}/line.sgy"
    ds = xr.open_dataset(url, chunks={"shot": 2})
    got = ds["amplitude"].compute(scheduler="threads").values
    np.testing.assert_array_equal(got.reshape(300, 2000), LARGE_TRACES)
    copy = pickle.loads(pickle.dumps(xr.open_dataset(url)))
    np.testing.assert_array_equal(copy["amplitude"][3, 4], LARGE_TRACES[94])


def test_another_process_opens_a_pickle(web, tmp_path):
    web.files["line.sgy"] = LARGE
    (tmp_path / "file.pickle").write_bytes(pickle.dumps(SegyFile(f"{web.url}/line.sgy")))
    code = "import pickle,sys; f = pickle.load(open(sys.argv[1],'rb')); print(f.read([94]).sum())"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "file.pickle"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == LARGE_TRACES[94].sum()


def test_local_urls_are_mapped(tmp_path):
    path = tmp_path / "a line.sgy"
    path.write_bytes(shots([50] * 9)[0])
    for url in (f"file://{path}", path.as_uri()):
        assert as_place(url) == path
        assert xr.open_dataset(url)["amplitude"].shape == (3, 3, 50)


def test_description_and_conversion(web, tmp_path):
    web.files["line.sgy"] = LARGE
    url = f"{web.url}/line.sgy"
    assert describe_segy(url)["traces"] == 300
    store = convert(url, tmp_path / "line.zarr")
    np.testing.assert_array_equal(
        xr.open_dataset(store)["amplitude"].values.reshape(300, 2000), LARGE_TRACES
    )
    # Headers travelled along: the file comes back byte for byte.
    assert convert(store, tmp_path / "line.sgy").read_bytes() == LARGE


def test_a_conversion_fetches_samples_once(web, tmp_path):
    web.files["line.sgy"] = LARGE
    convert(f"{web.url}/line.sgy", tmp_path / "line.zarr")
    # All headers, then all samples with the headers between them.
    assert sum(web.sent) < 2.2 * len(LARGE)


def test_command_line(web, tmp_path, capsys):
    from seisgeo.cli import app

    web.files["line.sgy"] = LARGE
    url = f"{web.url}/line.sgy?version=2"
    app(["info", url], result_action="return_value")
    assert "300" in capsys.readouterr().out
    app(["convert", url, str(tmp_path / "line.nc")], result_action="return_value")
    assert xr.open_dataset(tmp_path / "line.nc")["amplitude"].shape == (10, 30, 2000)


def test_a_report_opens_the_file_once(web, tmp_path, monkeypatch):
    from seisgeo.adapters.segy import file
    from seisgeo.cli import app

    scans = []
    monkeypatch.setattr(file, "scan", lambda *args: scans.append(1) or scan(*args))
    web.files["line.sgy"] = LARGE
    out = tmp_path / "qc.html"
    url = f"{web.url}/line.sgy?token=secret"
    app(["info", url, "--html", str(out)], result_action="return_value")
    page = out.read_text(encoding="utf-8")
    assert "<title>line.sgy</title>" in page
    assert "secret" not in page
    assert len(scans) == 1
