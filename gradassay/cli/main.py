"""The command ``gradassay``: one sub-command a file, loaded only when it is called."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import cyclopts
from cyclopts.config import Toml

from gradassay import __version__
from gradassay.cli.exit_codes import INTERRUPTED, PASSED, UNREAD, UNUSABLE
from gradassay.cli.interrupts import prompt_interrupts
from gradassay.cli.lines import print_line
from gradassay.cli.unexpected import told
from gradassay.cli.whole_numbers import refuse_fractions
from gradassay.core.errors import GradassayError, UsageError
from gradassay.core.memory import keep_freed_memory

app = cyclopts.App(
    name="gradassay",
    help="Verify and benchmark the gradient estimators that train spiking neural networks.",
    help_epilogue="Exit codes: 0 all passed, 1 a check failed, 2 could not run, 3 inconclusive.",
    version=__version__,
    version_flags=["--version"],
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
COMMANDS = {
    "run": "Verify, measure, train and report: the main job.",
    "verify": "Verify estimators: both backends, autograd, exact enumeration of all noise.",
    "measure": "Measure bias, variance and cost of estimators, with intervals.",
    "variance": "Measure how variance depends on one number at a time, beside theory.",
    "cost": "Count, time and weigh an update, and show how its cost grows.",
    "train": "Train a network with each estimator on a full data set.",
    "bench-train": "Train every method on every data set from every seed; one table.",
    "report": "Write the HTML report of a results folder, or export it for a paper.",
    "compare": "Compare two results folders: what changed beyond noise.",
    "sweep": "Measure or train at every point of a grid; one data set.",
    "data": "List, check and download data sets.",
    "zoo": "List the estimators and what they claim, or show one.",
    "crosscheck": "Cross-check other implementations with the NumPy reference.",
    "golden": "Make golden vectors, or check a simulator's answers to them.",
    "bench": "Time training steps against bare products and other libraries.",
    "nir": "Run NIR graphs under a named dialect and compare them with recordings.",
}
for command, text in COMMANDS.items():
    module = command.replace("-", "_")
    target = f"gradassay.cli.{module}:{'app' if command in ('data', 'golden', 'nir') else module}"
    app.command(target, name=command, help=text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        Words after the program's name; None for those of the process. ``--debug`` anywhere shows
        the traceback of an error, ``--config FILE`` takes options that are not given from a TOML
        file.

    Returns
    -------
    int
        0 all passed; 1 a check failed; 2 could not run (usage, data, configuration); 3 inconclusive
        under ``--strict``; 130 interrupted; 141 the reader of the output went away.
    """
    keep_freed_memory()
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # last, for module:attribute of the working folder
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        words, sources = _without_config(words)
        app.config = (*sources, refuse_fractions)
        with prompt_interrupts():
            result = app(words, exit_on_error=False, print_error=False)
    except (GradassayError, cyclopts.CycloptsError) as error:
        if debug:
            raise
        _print_error(str(error))
        return UNUSABLE
    except KeyboardInterrupt as interrupt:
        if debug:
            raise
        _print_error(str(interrupt) or "interrupted; nothing was written.")
        return INTERRUPTED
    except (Exception, SystemExit) as error:
        if _is_closed_pipe(error):
            sys.stderr.close()  # keeps the interpreter from complaining at exit
            return UNREAD
        if debug:
            raise
        _print_error(told(error))
        return UNUSABLE
    return result if isinstance(result, int) else PASSED


def _without_config(words: list[str]) -> tuple[list[str], tuple[Toml, ...]]:
    """Return the words without ``--config FILE``, and the file as a source of options."""
    if "--config" not in words:
        return words, ()
    place = words.index("--config")
    if place + 1 == len(words):
        raise UsageError("--config: got no file; expected a TOML file with options of the command.")
    path = words[place + 1]
    try:
        tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--config: {path}: {reason}; expected a TOML file.") from error
    source = Toml(path, use_commands_as_keys=False, must_exist=True)
    return words[:place] + words[place + 2 :], (source,)


def _is_closed_pipe(error: BaseException) -> bool:
    """Whether the reader of our output went away; rich makes an exit of that."""
    return isinstance(error, BrokenPipeError) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError)
    )


def _print_error(message: str) -> None:
    """Write ``error: message`` on the standard error, without markup."""
    text = " ".join(message.splitlines()).strip()
    print_line(f"error: {text}", to_stderr=True)
