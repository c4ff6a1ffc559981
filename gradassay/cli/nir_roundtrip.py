"""``gradassay nir roundtrip``: which export or import changes a network, and how."""

from __future__ import annotations

import dataclasses
import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from gradassay.cli.options import require_new_file


def roundtrip(
    libraries: Annotated[list[str] | None, Parameter(name="LIBRARY")] = None,
    /,
    *,
    seed: int = 0,
    json: Path | None = None,
    page: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Export networks of frameworks to NIR, import them again, and tell what was changed.

    Parameters
    ----------
    libraries
        snntorch, spikingjelly, norse, sinabs: all of them where none is given. Each one's networks
        go through its own export, and into the import of each.
    seed
        Of weights and inputs.
    json
        Also write the outcome to this file.
    page
        Also write it as a page (Markdown) to this file.
    overwrite
        Replace the files.
    """
    from gradassay.crosscheck.adapters import LIBRARIES, MissingLibrary
    from gradassay.crosscheck.conformance import library_versions
    from gradassay.crosscheck.nir.exchange import Exchange, exchange

    for option, file in (("--json", json), ("--page", page)):
        require_new_file(option, file, overwrite=overwrite)
    wanted, console = libraries or list(LIBRARIES), Console(highlight=False, soft_wrap=True)
    exchanges: dict[str, Exchange] = {}
    missing = []
    for name in wanted:
        try:
            exchanges[name] = exchange(name)
        except MissingLibrary as error:
            missing.append(name)
            Console(stderr=True, highlight=False, soft_wrap=True).print(str(error), markup=False)
    if not exchanges:
        return 2

    from gradassay.crosscheck.nir.roundtrip import round_trips
    from gradassay.crosscheck.nir.roundtrip_page import roundtrip_page
    from gradassay.reports import write_whole

    trips = []
    for name in exchanges:
        for trip in round_trips(name, exchanges, seed=seed):
            told = trip.refused or f"{trip.differing} of {trip.compared} entries differ"
            importer = trip.importer or "export"
            console.print(f"{name} {trip.network} -> {importer}: {told}", markup=False)
            for line in trip.changed:
                console.print(f"     {line}", markup=False)
            trips.append(trip)
    versions = library_versions([*exchanges, "nir", "nirtorch", "torch"])
    if json:
        rows = [dataclasses.asdict(trip) for trip in trips]
        outcome = {"seed": seed, "versions": versions, "trips": rows}
        write_whole(json, json_format.dumps(outcome, indent=1) + "\n")
    if page:
        command = " ".join(["gradassay nir roundtrip", *(libraries or []), "--page FILE"])
        write_whole(page, roundtrip_page(trips, versions=versions, command=command, seed=seed))
    return 2 if missing else 0
