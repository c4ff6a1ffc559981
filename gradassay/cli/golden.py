"""``gradassay golden``: golden vectors, and answers to them in any language."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cyclopts
import msgspec

from gradassay.cli.exit_codes import FAILED, PASSED
from gradassay.cli.files import require_new_file
from gradassay.cli.lines import print_line
from gradassay.core.atomic import write_whole
from gradassay.workbench.options import require_seed

if TYPE_CHECKING:
    from gradassay.crosscheck.golden import Pack, Row

app = cyclopts.App(name="golden", help="Golden vectors for simulators in any language.")
SHOWN_FAILURES = 5


@app.command
def make(*, out: Path, seed: int = 0, overwrite: bool = False) -> int:
    """Write a pack: small networks, inputs and noise, and what is expected of them.

    Parameters
    ----------
    out
        The pack's folder, a new one.
    seed
        Of all draws.
    overwrite
        Replace a pack that is there.
    """
    from gradassay.crosscheck.golden import make_pack, write_pack
    from gradassay.crosscheck.golden.writing import require_free

    require_seed(seed)
    require_free(out, overwrite=overwrite)
    pack = make_pack(seed)
    size = write_pack(pack, out, overwrite=overwrite)
    asked = len(pack.expected)
    print_line(f"pack: {out}, {len(pack.manifest.cases)} cases, {asked:,} arrays to answer,")
    print_line(f"      {size:,} bytes, checksum {pack.manifest.checksum}")
    return PASSED


@app.command
def check(
    answers: Path,
    /,
    *,
    pack: Path | None = None,
    json: Path | None = None,
    rows: bool = False,
    overwrite: bool = False,
) -> int:
    """Compare somebody's answers with a pack.

    Exits with 1 where an array differs, with 2 where the answers cannot be used.

    Parameters
    ----------
    answers
        A folder or .zip: the expected arrays under their names in the pack, as many as there are,
        and a manifest.json that names the pack.
    pack
        A folder or .zip; where not given, the pack of seed 0 is made in memory.
    json
        Write all rows into this file.
    rows
        Print a line for every array, not only for those that fail.
    overwrite
        Replace the file that is there.
    """
    from gradassay.crosscheck.golden import check_answers, make_pack, read_answers, read_pack
    from gradassay.crosscheck.golden.reading import MOST_MANIFEST
    from gradassay.crosscheck.golden.source import MANIFEST, open_source

    require_new_file("--json", json, overwrite=overwrite)
    if pack is None:
        open_source(answers).read(MANIFEST, MOST_MANIFEST)  # before one is made
    questions = read_pack(pack) if pack is not None else make_pack()
    results = check_answers(questions, read_answers(answers, questions))
    _print_results(questions, results, every=rows)
    if json is not None:
        _write(json, questions, results)
    return FAILED if any(row.verdict == "FAIL" for row in results) else PASSED


def _print_results(pack: Pack, rows: Sequence[Row], *, every: bool) -> None:
    """Print a line for each subject of a case, the failures, and the first of each case.

    What was not answered at all is one line of names.
    """
    from gradassay.crosscheck.golden.checking import first_of_case

    for case in pack.manifest.cases:
        own, unanswered = [row for row in rows if row.case == case.name], list[str]()
        for subject in dict.fromkeys(row.subject for row in own):
            group = [row for row in own if row.subject == subject]
            if not every and all(row.verdict == "not answered" for row in group):
                unanswered.append(subject)
                continue
            print_line(_summary(case.name, subject, group))
            failed = [row for row in group if row.verdict == "FAIL"]
            for row in group if every else failed[:SHOWN_FAILURES]:
                print_line(f"  {row_text(row)}")
            if not every and len(failed) > SHOWN_FAILURES:
                print_line(f"  ... and {len(failed) - SHOWN_FAILURES} more; --rows shows all")
        if unanswered:
            print_line(f"not answered {case.name}: {', '.join(unanswered)}")
        first = first_of_case(list(rows), case)
        if first is not None:
            print_line(f"first divergence: {first.where}")
    counts = Counter(row.verdict for row in rows)
    print_line(
        f"{counts['PASS']:,} PASS, {counts['FAIL']:,} FAIL, {counts['not answered']:,} not answered"
    )


def _summary(case: str, subject: str, group: Sequence[Row]) -> str:
    """Return the worst verdict on the arrays of one subject, and how many were answered."""
    verdicts = Counter(row.verdict for row in group)
    worst = next(v for v in ("FAIL", "PASS", "not answered") if verdicts[v])
    answered = len(group) - verdicts["not answered"]
    told = f"{worst} {case} {subject}: "
    if not answered:
        return told + f"{len(group)} arrays"
    return (
        told
        + f"{verdicts['PASS']} of {answered} arrays"
        + (f", {verdicts['not answered']} not answered" if verdicts["not answered"] else "")
    )


def row_text(row: Row) -> str:
    """Return the row in one line."""
    if row.verdict == "not answered":
        return f"not answered {row.path}"
    difference = "not finite" if row.difference is None else f"{row.difference:.3g}"
    told = f"{row.verdict} {row.path}: difference {difference}, tolerance {row.tolerance:.3g}"
    return f"{told}; {row.where}" if row.where is not None else told


def _write(file: Path, pack: Pack, rows: Sequence[Row]) -> None:
    """Write all rows as JSON."""
    counts = Counter(row.verdict for row in rows)
    found = {
        "format": "gradassay-golden-results",
        "schema_version": pack.manifest.schema_version,
        "pack": pack.manifest.checksum,
        "passed": counts["PASS"],
        "failed": counts["FAIL"],
        "not_answered": counts["not answered"],
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    text = msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
    write_whole(file, text)
    print_line(f"results: {file}")
