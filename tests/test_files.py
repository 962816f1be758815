import errno

import pytest

from seisgeo.errors import OutputExistsError
from seisgeo.files import whole_output


def test_nothing_under_the_name_until_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    with whole_output(target) as part:
        part.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("folder", [False, True])
def test_a_full_disk_leaves_what_was_there(tmp_path, folder):
    target = tmp_path / "out"
    with whole_output(target) as part:
        _make(part, folder, "old")

    def fill_the_disk():
        with whole_output(target, overwrite=True) as part:
            _make(part, folder, "new")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fill_the_disk()
    assert _read(target, folder) == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("folder", [False, True])
def test_overwriting_is_asked_for(tmp_path, folder):
    target = tmp_path / "out"
    with whole_output(target) as part:
        _make(part, folder, "old")
    with pytest.raises(OutputExistsError, match="already exists"), whole_output(target):
        pytest.fail("the block ran")
    with whole_output(target, overwrite=True) as part:
        _make(part, folder, "new")
    assert _read(target, folder) == "new"
    assert list(tmp_path.iterdir()) == [target]


def _make(path, folder, text):
    if folder:
        path.mkdir()
        path = path / "data"
    path.write_text(text)


def _read(path, folder):
    return ((path / "data") if folder else path).read_text()
