"""``gradassay nir roundtrip``: which export or import changes a network, and how."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gradassay.cli.exit_codes import PASSED, UNUSABLE
from gradassay.cli.files import require_new_file, write_json
from gradassay.cli.lines import print_line
from gradassay.core.atomic import write_whole

if TYPE_CHECKING:
    from gradassay.crosscheck.nir.exchange import Exchange
    from gradassay.crosscheck.nir.roundtrip import RoundTrip


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
    from gradassay.crosscheck.adapters import LIBRARIES
    from gradassay.crosscheck.conformance import library_versions

    for option, file in (("--json", json), ("--page", page)):
        require_new_file(option, file, overwrite=overwrite)
    wanted = libraries or list(LIBRARIES)
    exchanges = _installed(wanted)
    if not exchanges:
        return UNUSABLE

    from gradassay.crosscheck.nir.roundtrip_page import roundtrip_page

    trips = _round_trips(exchanges, seed)
    versions = library_versions([*exchanges, "nir", "nirtorch", "torch"])
    if json:
        rows = [dataclasses.asdict(trip) for trip in trips]
        outcome = {"seed": seed, "versions": versions, "trips": rows}
        write_json(json, outcome)
    if page:
        command = " ".join(["gradassay nir roundtrip", *(libraries or []), "--page FILE"])
        write_whole(page, roundtrip_page(trips, versions=versions, command=command, seed=seed))
    return UNUSABLE if len(exchanges) < len(set(wanted)) else PASSED


def _installed(libraries: Sequence[str]) -> dict[str, Exchange]:
    """Return the exchanges of the libraries that are installed, and print which are not."""
    from gradassay.crosscheck.adapters import MissingLibrary
    from gradassay.crosscheck.nir.exchange import exchange

    found: dict[str, Exchange] = {}
    for name in libraries:
        try:
            found[name] = exchange(name)
        except MissingLibrary as error:
            print_line(str(error), to_stderr=True)
    return found


def _round_trips(exchanges: Mapping[str, Exchange], seed: int) -> list[RoundTrip]:
    """Send every network through every exchange, and print what becomes of it."""
    from gradassay.crosscheck.nir.roundtrip import round_trips

    trips = []
    for name in exchanges:
        for trip in round_trips(name, exchanges, seed=seed):
            told = trip.refused or f"{trip.differing} of {trip.compared} entries differ"
            print_line(f"{name} {trip.network} -> {trip.importer or 'export'}: {told}")
            for line in trip.changed:
                print_line(f"     {line}")
            trips.append(trip)
    return trips
