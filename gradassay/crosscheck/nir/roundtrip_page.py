"""The page of NIR round trips."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from gradassay.crosscheck.nir.roundtrip import SAMPLES, SIZES, STEPS, RoundTrip


def roundtrip_page(
    trips: Sequence[RoundTrip], *, versions: Mapping[str, str], command: str, seed: int
) -> str:
    """Return the page in Markdown; every row comes from a run.

    Parameters
    ----------
    trips : sequence of RoundTrip
        What was found.
    versions : mapping from library to version
        What was run.
    command : str
        That made the page.
    seed : int
        Of weights and inputs.
    """
    ran = ", ".join(f"{name} {number}" for name, number in versions.items())
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    sizes = "-".join(map(str, SIZES))
    lines = [
        "# NIR round trips",
        "",
        f"Made on {today} by `{command}` with {ran}. Nothing here was entered by hand.",
        "",
        f"A network {sizes}, with neurons after both layers, is run as it is, exported by its own",
        "framework, written to a file, imported and run again:",
        f"T = {STEPS}, {SAMPLES} samples, seed {seed}. Entries of the output spikes that differ,",
        "and what is different about a single neuron afterwards, found by running it. The rows",
        "*gradassay* run the file here, under the exporter's own [dialect](nir.md#dialects).",
    ]
    for exporter in dict.fromkeys(trip.exporter for trip in trips):
        lines += ["", f"## {exporter}", "", *_table([t for t in trips if t.exporter == exporter])]
    return "\n".join([*lines, ""])


def _table(trips: Sequence[RoundTrip]) -> list[str]:
    lines = ["| network | imported by | entries that differ | what has changed |"]
    lines.append("|---|---|---:|---|")
    for trip in trips:
        if trip.refused:
            where, count, told = trip.importer or "export", "refused", trip.refused
        else:
            where, count = trip.importer, f"{trip.differing} of {trip.compared}"
            told = "; ".join(trip.changed) or trip.first
        lines.append(f"| {trip.network} | {where} | {count} | {told} |")
    return lines
