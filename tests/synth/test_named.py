import pytest

import seisgeo as sg
from seisgeo.adapters import open_cube
from seisgeo.errors import ConventionError, FormatError, MissingFileError, ParameterError
from seisgeo.synth import Survey, named_survey
from seisgeo.synth.named import SURVEYS


def test_usual_surveys_have_names():
    for name, make in SURVEYS.items():
        assert named_survey(name) == make()
    assert named_survey("Ocean_Bottom") == Survey.ocean_bottom()
    assert named_survey("areal").axes == ("depth", "y", "x")


def test_a_survey_comes_back_from_json(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(Survey.crosswell().to_json())
    assert named_survey(file) == Survey.crosswell()
    file.write_text('{"dt": 0.001}')
    with pytest.raises(FormatError, match=r"mine\.json: expected a survey as Survey\.to_json"):
        named_survey(file)
    file.write_text("not json")
    with pytest.raises(FormatError, match=r"mine\.json: expected a survey"):
        named_survey(file)
    file.write_text(Survey.openfwi().to_json().replace('"dt": 0.001', '"dt": -1'))
    with pytest.raises(ConventionError, match=r"mine\.json: survey: dt must be positive, found -1"):
        named_survey(file)
    with pytest.raises(MissingFileError, match=r"none\.json: no such file"):
        named_survey(tmp_path / "none.json")


def test_field_files_give_theirs_with_a_wavelet(data_dir):
    line = data_dir / "segy" / "viking_small.segy"
    with pytest.warns(sg.errors.HeaderWarning):
        shots = open_cube(line)
    for wavelet in ("ricker", "minimum-phase", 90.0):
        expected = Survey.from_gathers(shots, wavelet=wavelet)
        with pytest.warns(sg.errors.HeaderWarning):
            assert named_survey(line, wavelet=wavelet) == expected
    assert expected.wavelet is not None


def test_what_is_no_survey():
    with pytest.raises(ParameterError, match="no survey 'lnad'; there are openfwi, land, streamer"):
        named_survey("lnad")
    with pytest.raises(ParameterError, match="the survey 'land' has none; name a file of gathers"):
        named_survey("land", wavelet="minimum-phase")
    with pytest.raises(MissingFileError, match=r"none\.sgy: no such file"):
        named_survey("none.sgy")
