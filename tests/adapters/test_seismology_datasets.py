"""STEAD, SeisBench and PhaseNet against h5py, numpy and files made by hand."""

import pickle
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import open_cube
from seisgeo.adapters.seismology import open_waveforms
from seisgeo.errors import DataWarning, FormatError, MissingFileError

RNG = np.random.default_rng(5)


# ------------------------------------------------------------------------------------- STEAD


def stead_attributes(name, **changes):
    """Attributes as STEAD writes them: text, numbers, lists, and 'None'."""
    return {
        "trace_name": name,
        "network_code": "TA",
        "receiver_code": "109C",
        "receiver_type": "HH",
        "receiver_latitude": 32.8889,
        "receiver_elevation_m": 150.0,
        "p_arrival_sample": 700.0,
        "p_weight": 0.5,
        "s_arrival_sample": 1894.0,
        "coda_end_sample": np.array([[2896.0]]),
        "snr_db": np.array([56.8, 55.4, 47.4]),
        "source_depth_km": "None",
        "source_distance_km": 102.09,
        "source_magnitude": 3.6,
        "source_mechanism_strike_dip_rake": "None",
        "source_origin_time": "2006-07-23 15:58:50.88",
        "trace_start_time": "2006-07-23 15:59:00.960000",
        "trace_category": "earthquake_local",
        **changes,
    }


def write_stead(path, rows, n=2000):
    with h5py.File(path, "w") as file:
        for attributes in rows:
            values = RNG.normal(size=(n, 3)).astype("f4")
            dataset = file.create_dataset(f"data/{attributes['trace_name']}", data=values)
            dataset.attrs.update(attributes)
    return path


def test_real_stead_events_value_by_value(data_dir):
    path = data_dir / "events/stead_format_50_earthquakes.hdf5"
    ds = open_waveforms(path)
    conventions.validate(ds, "waveforms", values=True)
    with h5py.File(path) as file:
        group = file["earthquake/local"]
        assert ds.sizes["event"] == len(group) == 50
        for row, name in enumerate(ds["trace_name"].values):
            values, facts = group[name][()], group[name].attrs
            for c, column in zip("ENZ", values.T, strict=True):
                np.testing.assert_array_equal(ds["amplitude"][row].sel(component=c).values, column)
            event = ds.isel(event=row)
            for coord, value in {
                "p_arrival": facts["p_arrival_sample"] / 100,
                "s_arrival": facts["s_arrival_sample"] / 100,
                "coda_end": facts["coda_end_sample"] / 100,
                "p_weight": facts["p_weight"],
                "s_weight": facts["s_weight"],
                "p_travel_time": facts["p_travel_sec"],
                "magnitude": facts["source_magnitude"],
                "source_depth": facts["source_depth_km"] * 1e3,
                "epicentral_distance": facts["source_distance_km"] * 1e3,
                "back_azimuth": facts["back_azimuth_deg"],
                "station_latitude": facts["receiver_latitude"],
                "source_gap_deg": facts["source_gap_deg"],
            }.items():
                assert event[coord].item() == pytest.approx(float(value), rel=1e-6), coord
            for coord in ("starttime", "origin_time"):
                said = facts["trace_start_time" if coord == "starttime" else "source_origin_time"]
                assert event[coord].values == np.datetime64(said.replace(" ", "T"), "ns")
            for c, ratio in zip("ENZ", facts["snr_db"], strict=True):
                assert event["snr"].sel(component=c).item() == ratio
            assert event["event_id"].item() == facts["source_id"]


def test_real_stead_travel_times_agree_with_its_samples(data_dir):
    """Origin, start and P sample are told by separate attributes: each checks the others."""
    ds = open_waveforms(data_dir / "events/stead_format_50_earthquakes.hdf5")
    lag = (ds["starttime"] - ds["origin_time"]) / np.timedelta64(1, "s")
    assert float(np.abs(lag + ds["p_arrival"] - ds["p_travel_time"]).median()) < 0.02


def test_csv_beside_it_gives_the_same_as_the_attributes(tmp_path):
    rows = [stead_attributes(f"A.TA_{i}_EV", source_magnitude=i / 2) for i in range(4)]
    rows[1]["source_mechanism_strike_dip_rake"] = "[120. 45. -90.]"
    path = write_stead(tmp_path / "chunk.hdf5", rows)
    by_attributes = open_waveforms(path).load()
    pd.DataFrame(rows).to_csv(tmp_path / "chunk.csv", index=False)
    by_table = open_waveforms(path).load()
    xr.testing.assert_equal(
        by_table[sorted(by_table.coords)], by_attributes[sorted(by_table.coords)]
    )
    assert by_table["snr"].values[0].tolist() == [47.4, 55.4, 56.8]  # Z, N, E
    assert by_table["coda_end"].values.tolist() == [28.96] * 4
    assert [float(by_table[n][1]) for n in ("strike", "dip", "rake")] == [120.0, 45.0, -90.0]
    assert np.isnan(by_table["strike"][0])


def test_table_with_records_that_are_not_there(tmp_path):
    names = ["A.TA_1_EV", "A.TA_2_EV", "A.TA_3_EV"]
    path = write_stead(tmp_path / "c.hdf5", [stead_attributes(n) for n in names[:2]])
    table = tmp_path / "picks.csv"
    pd.DataFrame([stead_attributes(n) for n in names[1:]]).to_csv(table, index=False)
    with pytest.warns(DataWarning, match=r"labels for 1 records .*left out: A\.TA_3_EV") as said:
        ds = open_waveforms(path, table=table)
    assert ds["trace_name"].values.tolist() == ["A.TA_2_EV"]
    assert "1 records have no labels in picks.csv: left out" in str(said[0].message)
    pd.DataFrame([stead_attributes("other")]).to_csv(table, index=False)
    with pytest.raises(FormatError, match=r"none of its 1 records is in .*the first is 'other'"):
        open_waveforms(path, table=table)
    pd.DataFrame({"fname": ["a"]}).to_csv(table, index=False)
    with pytest.raises(FormatError, match=r"expected a column 'trace_name'.*found fname"):
        open_waveforms(path, table=table)


def test_arrivals_outside_of_their_record_are_nan_and_named(tmp_path):
    rows = [
        stead_attributes("a", p_arrival_sample=599.0, s_arrival_sample=600.0),
        stead_attributes("b", p_arrival_sample=-1.0, s_arrival_sample=10.0),
    ]
    path = write_stead(tmp_path / "c.hdf5", rows, n=600)
    with pytest.warns(
        DataWarning, match=r"P arrivals outside .*NaN: b \(-0\.01 s of 6 s\)"
    ) as said:
        ds = open_waveforms(path)
    assert "S arrivals outside of their records, NaN: a (6 s of 6 s)" in str(said[0].message)
    np.testing.assert_array_equal(ds["p_arrival"], [5.99, np.nan])
    np.testing.assert_array_equal(ds["s_arrival"], [np.nan, 0.1])


def test_missing_attributes_are_nan_and_named(tmp_path):
    rows = [stead_attributes("a"), stead_attributes("b")]
    del rows[1]["p_arrival_sample"], rows[1]["trace_start_time"], rows[1]["receiver_code"]
    path = write_stead(tmp_path / "c.hdf5", rows)
    with pytest.warns(
        DataWarning, match=r"attribute p_arrival_sample is missing, no value: data/b"
    ):
        ds = open_waveforms(path)
    np.testing.assert_array_equal(ds["p_arrival"], [7.0, np.nan])
    assert np.isnat(ds["starttime"].values[1])
    assert ds["station"].values.tolist() == ["109C", ""]


def test_time_zones_become_utc_and_words_are_no_time(tmp_path):
    rows = [
        stead_attributes("a", trace_start_time="2020-01-01T01:00:00+01:00"),
        stead_attributes("b", trace_start_time="2020-01-01 00:00:00.25"),
        stead_attributes("c", trace_start_time="noon"),
        stead_attributes("d", trace_start_time="2019-12-31T19:00:00-0500"),
    ]
    for row in rows:
        row["p_arrival_sample"] = row["s_arrival_sample"] = 5.0
    path = write_stead(tmp_path / "c.hdf5", rows)
    with pytest.warns(DataWarning, match=r"trace_start_time is no time, NaT: c \('noon'\)"):
        ds = open_waveforms(path)
    want = ["2020-01-01T00:00", "2020-01-01T00:00:00.25", "NaT", "2020-01-01T00:00"]
    np.testing.assert_array_equal(ds["starttime"], np.array(want, "M8[ns]"))


def test_cut_hdf5_is_named(tmp_path):
    path = write_stead(tmp_path / "c.hdf5", [stead_attributes("a")])
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(FormatError, match=r"c\.hdf5: this HDF5 file is broken or cut short"):
        open_waveforms(path)
    with pytest.raises(FormatError, match=r"c\.hdf5: .*(broken|cannot be opened)"):
        open_cube(path)


def test_hdf5_without_seismograms_is_said(tmp_path):
    with h5py.File(tmp_path / "c.hdf5", "w") as file:
        file["velocity"] = np.ones((3, 4))
    with pytest.raises(FormatError, match=r"c\.hdf5: this HDF5 file holds no seismograms"):
        open_waveforms(tmp_path / "c.hdf5")


def test_a_record_of_another_length_is_named_when_it_is_read(tmp_path):
    path = write_stead(tmp_path / "c.hdf5", [stead_attributes("a"), stead_attributes("b")])
    with h5py.File(path, "a") as file:
        del file["data/b"]
        file["data/b"] = np.zeros((100, 3), "f4")
    pd.DataFrame([stead_attributes(n) for n in "ab"]).to_csv(tmp_path / "c.csv", index=False)
    ds = open_waveforms(path)
    with pytest.raises(FormatError, match=r"trace 'data/b' has shape \(100, 3\); expected 3 comp"):
        ds["amplitude"].load()


def test_times_without_a_zone_are_reported_once_for_each_column(tmp_path, recwarn):
    def said_of(*texts):
        seisbench(tmp_path / "set")
        table = pd.read_csv(tmp_path / "set/metadata.csv", dtype=str)
        for column, text in zip(("trace_start_time", "source_origin_time"), texts, strict=True):
            table[column] = text
        table.to_csv(tmp_path / "set/metadata.csv", index=False)
        recwarn.clear()
        ds = open_waveforms(tmp_path / "set")
        assert (ds["starttime"].values == np.datetime64("2020-01-01T00:00")).all()
        return "\n".join(str(w.message) for w in recwarn)

    said = said_of("2020-01-01T00:00:00", "2020-01-01 00:00:03.5")
    assert said.count("names no time zone, taken as UTC") == 2
    assert "trace_start_time names no time zone, taken as UTC: bucket0$0,:3,:120 ('2020-" in said
    assert "no time zone" not in said_of("2020-01-01T01:00:00.0+01:00", "2020-01-01T00:00:00Z")
    assert "no time zone" not in said_of("2019-12-31 19:00:00-0500", "2020-01-01T00:00:00.5Z")
    assert said_of("2020-01-01", "2020-01-01T00:00:00Z").count("no time zone") == 1


# ------------------------------------------------------------------------------------ SeisBench


def seisbench(folder, chunk="", order="CW", block=True, rates=None, n=5, components="ZNE"):
    """A data set as the format's description says; gives the samples of each record."""
    folder.mkdir(exist_ok=True)
    lengths = [120, 100, 120, 80, 120][:n]
    samples = [RNG.normal(size=(3, m)).astype("f4") for m in lengths]
    rows = []
    with h5py.File(folder / f"waveforms{chunk}.hdf5", "w") as file:
        facts = {"dimension_order": order, "component_order": components, "unit": "counts"}
        if rates is None:
            facts["sampling_rate"] = 50
        for key, value in facts.items():
            file[f"data_format/{key}"] = value
        padded = np.zeros((n, 3, 120), "f4")
        for i, values in enumerate(samples):
            name = f"bucket0${i},:3,:{lengths[i]}" if block else f"tr{i}"
            if order == "WC" and block:
                name = f"bucket0${i},:{lengths[i]},:3"
            padded[i, :, : lengths[i]] = values
            if not block:
                file[f"data/tr{i}"] = values if order == "CW" else values.T
            rows.append(
                {
                    "trace_name": name,
                    "trace_start_time": f"2020-01-0{i + 1}T00:00:00.000000Z",
                    "trace_P_arrival_sample": 10 * i if i else "",
                    "trace_Pg_arrival_sample": 5 if i == 2 else "",
                    "trace_S_arrival_sample": 40,
                    "trace_Z_snr_db": i,
                    "station_code": "ABC",
                    "station_network_code": "01",
                    "station_latitude_deg": 46.5,
                    "source_depth_km": 2.5,
                    "source_magnitude": 1.5,
                    "path_ep_distance_km": 30.0,
                    "split": "train" if i < 3 else "test",
                    "path_p_residual_s": 0.1,
                }
            )
            if rates is not None:
                rows[-1]["trace_sampling_rate_hz"] = rates[i]
        if block:
            file["data/bucket0"] = padded if order == "CW" else padded.transpose(0, 2, 1)
    pd.DataFrame(rows).to_csv(folder / f"metadata{chunk}.csv", index=False)
    return samples


@pytest.mark.parametrize("order", ["CW", "WC"])
@pytest.mark.parametrize("block", [True, False], ids=["blocks", "traces"])
def test_seisbench_folder(tmp_path, order, block):
    samples = seisbench(tmp_path / "set", order=order, block=block)
    ds = xr.open_dataset(tmp_path / "set")
    conventions.validate(ds, "waveforms")
    assert ds["component"].values.tolist() == ["Z", "N", "E"]
    assert ds["sample_count"].values.tolist() == [120, 100, 120, 80, 120]
    again = pickle.loads(pickle.dumps(ds))
    for row, values in enumerate(samples):
        found = again["amplitude"].values[row]
        np.testing.assert_array_equal(found[:, : values.shape[1]], values)
        assert np.isnan(found[:, values.shape[1] :]).all()
        np.testing.assert_array_equal(ds["amplitude"][row, 1, 20:70].values, values[1, 20:70])
    np.testing.assert_array_equal(ds["p_arrival"], [np.nan, 0.2, 0.1, 0.6, 0.8])
    assert ds["s_arrival"].values.tolist() == [0.8] * 5
    assert ds["network"].values.tolist() == ["01"] * 5
    assert ds["source_depth"].values[0] == 2500
    assert ds["epicentral_distance"].values[0] == 30_000
    assert ds["split"].values.tolist() == ["train"] * 3 + ["test"] * 2
    assert ds["path_p_residual_s"].values[0] == 0.1
    assert ds["snr"].sel(component="Z").values.tolist() == [0, 1, 2, 3, 4]
    assert ds["starttime"].values[1] == np.datetime64("2020-01-02", "ns")
    assert ds.attrs["unit"] == "counts"


def test_seisbench_split_and_component_order(tmp_path):
    samples = seisbench(tmp_path / "set", components="ENZ")
    ds = xr.open_dataset(tmp_path / "set", split="test")
    assert ds.sizes["event"] == 2
    np.testing.assert_array_equal(ds["amplitude"].sel(component="Z")[0, :80], samples[3][2])
    with pytest.raises(FormatError, match=r"no record of split 'dev'; splits: test, train"):
        xr.open_dataset(tmp_path / "set", split="dev")


def test_seisbench_chunks(tmp_path):
    folder = tmp_path / "set"
    samples = [*seisbench(folder, "2019"), *seisbench(folder, "2020")]
    (folder / "chunks").write_text("2019\n2020\n")
    ds = xr.open_dataset(folder)
    assert ds.sizes["event"] == 10
    np.testing.assert_array_equal(ds["amplitude"][7].values, samples[7])
    assert open_waveforms(folder / "waveforms2020.hdf5").sizes["event"] == 5
    (folder / "chunks").write_text("2019\n2021\n")
    with pytest.raises(MissingFileError, match=r"waveforms2021\.hdf5: no such file; a data set"):
        xr.open_dataset(folder)


def test_seisbench_several_rates(tmp_path):
    seisbench(tmp_path / "set", rates=[100, 100, 100, 20, 100])
    with pytest.warns(DataWarning, match=r"1 records are sampled at 20 Hz, not 100 Hz, and left"):
        ds = xr.open_dataset(tmp_path / "set")
    assert ds.sizes["event"] == 4
    assert xr.open_dataset(tmp_path / "set", sampling_rate=20)["time"].values[1] == 0.05


def test_seisbench_that_lacks_what_it_needs(tmp_path):
    folder = tmp_path / "set"
    seisbench(folder)
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        del file["data_format/sampling_rate"]
    with pytest.raises(FormatError, match="nothing says the sampling rate"):
        xr.open_dataset(folder)
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        del file["data_format/component_order"]
    with pytest.raises(FormatError, match="data_format/component_order is missing"):
        xr.open_dataset(folder)
    (folder / "metadata.csv").unlink()
    with pytest.raises(MissingFileError, match=r"metadata\.csv: no such file"):
        xr.open_dataset(folder)


def test_seisbench_labels_for_traces_that_are_not_there(tmp_path):
    folder = tmp_path / "set"
    seisbench(folder, block=False)
    with h5py.File(folder / "waveforms.hdf5", "a") as file:
        del file["data/tr1"]
    with pytest.warns(DataWarning, match=r"labels for 1 records that are not in the file.*tr1"):
        ds = xr.open_dataset(folder)
    assert ds["trace_name"].values.tolist() == ["tr0", "tr2", "tr3", "tr4"]


# ------------------------------------------------------------------------------------- PhaseNet


def test_real_phasenet_records_value_by_value(data_dir):
    folder = data_dir / "events/phasenet"
    with pytest.warns(DataWarning, match=r"waveform\.csv has labels for 104 records that are not"):
        ds = xr.open_dataset(folder)
    assert ds.sizes == {"event": 50, "component": 3, "time": 9001}
    table = pd.read_csv(folder / "waveform.csv").set_index("fname")
    vertical = 0
    for row, name in enumerate(ds["trace_name"].values):
        with np.load(folder / f"{name}.npz") as file:
            values, channels = file["data"], str(file["channels"]).split("_")
            assert ds["p_arrival"].values[row] == int(file["itp"]) / 100
        assert ds["s_arrival"].values[row] == table.loc[f"{name}.npz", "its"] / 100
        for column, c in enumerate("ENZ"):
            found = ds["amplitude"].sel(component=c)[row].values
            if any(channel.endswith(c) for channel in channels):
                np.testing.assert_array_equal(found, values[:, column])
            else:
                assert np.isnan(found).all()
                assert not values[:, column].any()
        vertical += len(channels) == 1
        assert ds["live"].values[row].sum() == len(channels)
        assert ds["instrument"].values[row] == channels[0][:2]
        assert ds["network"].values[row], ds["station"].values[row] == tuple(name.split("_")[:2])
    assert vertical > 0


def test_phasenet_without_a_table_reads_labels_from_the_files(data_dir, tmp_path):
    some = sorted((data_dir / "events/phasenet").glob("NC_*.npz"))[:3]
    for path in some:
        shutil.copy(path, tmp_path)
    ds = xr.open_dataset(tmp_path)
    assert ds["s_arrival"].values.tolist() == [int(np.load(p)["its"]) / 100 for p in some]
    one = xr.open_dataset(some[0])
    assert one.sizes["event"] == 1


def test_phasenet_csv_finds_its_files(data_dir):
    with pytest.warns(DataWarning, match="104 records"):
        ds = xr.open_dataset(data_dir / "events/phasenet/waveform.csv", engine="seisgeo-events")
    assert ds.sizes["event"] == 50


def test_broken_npz_is_named_and_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "good.npz", data=np.zeros((50, 3)), itp=3, its=7, channels="HHE_HHN_HHZ")
    whole = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "a_bad.npz").write_bytes(whole[:-100])
    with pytest.raises(FormatError, match=r"a_bad\.npz: this \.npz file is broken or cut short"):
        xr.open_dataset(tmp_path)
    objects = np.array([None, {}], object)
    np.savez(tmp_path / "a_bad.npz", data=objects, itp=3, its=7, channels="HHE_HHN_HHZ")
    with pytest.raises(FormatError, match=r"a_bad\.npz: .*allow_pickle=False"):
        xr.open_dataset(tmp_path)
    np.savez(tmp_path / "a_bad.npz", data=np.zeros((20, 3)), itp=3, its=7, channels="HHE_HHN_HHZ")
    with pytest.raises(FormatError, match=r"good\.npz: data has shape \(50, 3\); expected 20"):
        xr.open_dataset(tmp_path).load()


def test_options_of_another_format_are_refused(data_dir):
    stead = data_dir / "events/stead_format_50_earthquakes.hdf5"
    with pytest.raises(FormatError, match="split= is for data sets in SeisBench's format"):
        open_waveforms(stead, split="train")
    with pytest.raises(FormatError, match="table= is for data sets of STEAD and PhaseNet"):
        xr.open_dataset(data_dir / "icequakes", table="a.csv")
