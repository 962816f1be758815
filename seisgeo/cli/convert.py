"""``seisgeo convert`` and ``seisgeo verify``: from format to format."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from seisgeo.cli.base import Flag, app
from seisgeo.cli.outputs import require_free
from seisgeo.cli.segy_options import AS_THE_FILE_SAYS, Segy


@app.command(sort_key=2)
def convert(
    source: str,
    target: Path,
    /,
    *,
    engine: str | None = None,
    select: str | None = None,
    resample: str | None = None,
    revision: Literal["0", "1", "2.0", "2.1"] | None = None,
    output_format: Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16] | None = None,
    byte_order: Literal["big-endian", "little-endian", "pair-swapped"] | None = None,
    memory: str = "300 MB",
    new_headers: Flag = False,
    scheduler: str | None = None,
    checksum: Flag = False,
    overwrite: Flag = False,
    segy: Segy = AS_THE_FILE_SAYS,
) -> None:
    """Convert between SEG-Y, SU, miniSEED, OpenFWI, Zarr and NetCDF; the target's suffix decides.

    Sources may also be SEG-2, SAC, GSE2, or data sets of STEAD, SeisBench and PhaseNet.

    Cubes larger than memory are no trouble: they are read and written block by block. The same
    command goes on where a stopped conversion to Zarr ended.

        seisgeo convert line.sgy line.zarr
        seisgeo convert cube.sgy part.zarr --select inline=100:200,time=0.5:2.0 --resample 0.004
        seisgeo convert line.sgy fixed.sgy --coordinate-scale 0.1
        seisgeo convert line.sgy new.sgy --revision 2.1 --output-format 5

    Parameters
    ----------
    source
        File or folder to read; SEG-Y also by its address (https://…, s3://…).
    target
        What to write: NAME.zarr, NAME.nc (NetCDF), NAME.sgy, NAME.su (Seismic Unix), NAME.mseed,
        NAME.npy (one OpenFWI file), or a name without a suffix for a folder of OpenFWI files.
    engine
        Reader to use: seisgeo-segy, seisgeo-su, seisgeo-seg2, seisgeo-events, seisgeo-openfwi, zarr
        or h5netcdf; found by the source's name.
    select
        What to keep, by label: NAME=FIRST:LAST, NAME=FIRST:LAST:STEP or NAME=VALUE,VALUE for any
        dimension or coordinate (inline, offset, field_record, time, ...), both ends included,
        separated by commas; s and m.
    resample
        Sample interval to bring the traces to, in s (m for depth), without aliases; time=0.004
        where there are samples in time and in depth.
    revision
        Revision of the SEG-Y that is written; by default the source's, or the first that will do.
    output_format
        Sample format code of the SEG-Y that is written: 1 IBM float, 3 int16, 5 IEEE float, ...
    byte_order
        Byte order of the SEG-Y that is written.
    memory
        All that the conversion may take, Python (150 MB) included; for Zarr and NetCDF.
    new_headers
        Make SEG-Y headers anew from the cube, instead of those of the file that it came from;
        Zarr is written without that file's.
    scheduler
        Address of a Dask scheduler (tcp://host:8786) whose workers write the Zarr store; they
        must see source and target under the same names.
    checksum
        Also write TARGET.sha256, which `seisgeo verify` and `sha256sum -c` check.
    overwrite
        Replace what stands under the target's name.
    """
    from seisgeo import adapters

    require_free(target, overwrite)
    options = segy.given()
    engine = engine or ("seisgeo-segy" if options else None)
    try:
        written = adapters.convert(
            source,
            target,
            engine=engine,
            select=select,
            resample=resample,
            memory=memory,
            original=not new_headers,
            revision=revision,
            output_format=output_format,
            byte_order=byte_order,
            scheduler=scheduler,
            checksum=checksum,
            overwrite=overwrite,
            **options,
        )
    except KeyboardInterrupt:
        goes_on = "the same command goes on from here" if target.suffix.lower() == ".zarr" else ""
        raise KeyboardInterrupt(goes_on) from None
    print(f"wrote {written}")


@app.command(sort_key=9)
def verify(file: Path, /) -> None:
    """Compare a file or a store with the checksums that `seisgeo convert --checksum` wrote.

    What was changed, is missing or was added is named.

        seisgeo verify line.zarr

    Parameters
    ----------
    file
        What was written; its checksums stand beside it, in FILE.sha256.
    """
    from seisgeo import adapters

    count = adapters.verify_checksums(file)
    print(f"{file}: {count} file{'s' if count != 1 else ''} as they were written")
