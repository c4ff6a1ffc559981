"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import ast
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gradassay.core.atomic import require_writable
from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator

# of a file that is named after a data set, which may be a long path
MOST_LETTERS = 100
MAIN_FOUR = "spatial_bp,dfa,zo_single_point,opzo"
Settings = Annotated[list[str] | None, Parameter(name="--set", consume_multiple=False)]


@Parameter(name="*")
@dataclass(frozen=True)
class ModelOptions:
    """Network and machine.

    Parameters
    ----------
    network
        fc-N-N..., the sizes of the hidden layers; a plan of convolutions and pools such as
        32C3-AP2-64C3-AP2-FC; conv5, conv9, resnet18 or resnet34. Where not given, that of the data
        set's recipe.
    steps
        T, time steps of a forward pass; where not given, that of the recipe.
    data_dir
        Folder with the data set's files; otherwise $GRADASSAY_DATA, the cache folder, the Debian
        package's folder, and at last a download.
    standardise
        Scale each channel so that it has mean 0 and variance 1 over the training part; where not
        given, as the recipe says.
    frames_by
        Of events: steps of equal time, or of equal count of events.
    window_ms
        Of events: milliseconds of a recording that are used, from its first event on; where not
        given, all.
    downsample
        Of events: side of the squares of pixels that are added up; where not given, as the recipe
        says.
    backend
        torch, numpy (the slow reference), or module:attribute.
    device
        cpu, or a device of the backend such as cuda.
    """

    network: str | None = None
    steps: int | None = None
    data_dir: Path | None = None
    standardise: bool | None = None
    frames_by: Literal["time", "count"] = "time"
    window_ms: float | None = None
    downsample: int | None = None
    backend: str = "torch"
    device: str = "cpu"

    def problem(self, dataset: str, seed: int) -> ProblemOptions:
        """Return the options of one data set and seed."""
        return ProblemOptions(**vars(self), dataset=dataset, seed=seed)


@Parameter(name="*")
@dataclass(frozen=True)
class ProblemOptions(ModelOptions):
    """Data, network and machine.

    Parameters
    ----------
    dataset
        A name from `gradassay data list`; events:NAME, events made of the images of a data set;
        folder:PATH, images in folders; npz:PATH, arrays.
    seed
        Seed of everything random.
    """

    dataset: str = "digits"
    seed: int = 0


def require_new_file(option: str, file: Path | None, *, overwrite: bool) -> None:
    """Refuse a file that cannot be written, before the work begins.

    Parameters
    ----------
    option : str
        The option that names it.
    file : pathlib.Path or None
        None needs nothing.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    UsageError
        If it is there, is a folder, its folder does not exist, or it cannot be written.
    """
    if file is None:
        return
    if os.path.isdir(file) or (os.path.exists(file) and not overwrite):
        raise UsageError(f"{option}: {str(file)!r} is there; expected a new file, or --overwrite.")
    if not os.path.isdir(file.absolute().parent):
        raise UsageError(f"{option}: got {str(file)!r}, whose folder does not exist.")
    try:
        require_writable(file)
    except OSError as error:
        raise UsageError(
            f"{option}: cannot write {str(file)!r}: {error.strerror}. Choose another file."
        ) from error


def require_different_files(**files: Path | None) -> None:
    """Refuse two options that name the same file.

    Parameters
    ----------
    **files : pathlib.Path or None
        By the option's name, without its dashes.

    Raises
    ------
    UsageError
        If one would replace what the other wrote.
    """
    seen: dict[Path, str] = {}
    for option, file in files.items():
        if file is None:
            continue
        before = seen.setdefault(file.absolute(), option)
        if before != option:
            raise UsageError(f"--{before} and --{option}: got {str(file)!r} twice; expected two.")


def require_seed(seed: int) -> None:
    """Refuse a seed that does not fit into the tables of results.

    Raises
    ------
    UsageError
        If it is no integer of 64 bits.
    """
    if not -(2**63) <= seed < 2**63:
        raise UsageError(
            f"--seed: got {seed}; expected a whole number of 64 bits, at most 2**63 - 1."
        )


def chosen_estimators(
    names: Iterable[str],
    settings: Sequence[str] | None,
    defaults: Callable[[str], Mapping[str, object]] | None = None,
) -> dict[str, Estimator]:
    """Return estimators by name, with their options set.

    Parameters
    ----------
    names : iterable of str
        Names as `gradassay.estimators.make_estimator` takes them, sums and ``module:attribute``
        included; each may hold several, separated by commas.
    settings : sequence of str or None
        ``NAME.OPTION=VALUE``, for example ``opzo.alpha=0.1``; the name as it stands in `names`.
    defaults : callable or None
        Gives, for a name, options in force where `settings` does not say otherwise: those of a
        recipe.

    Raises
    ------
    UsageError
        If a name or an option does not exist, or a setting has another form.

    Examples
    --------
    >>> list(chosen_estimators(["dfa,opzo"], ["opzo.momentum=0.999"]))
    ['dfa', 'opzo']
    >>> list(chosen_estimators(["dfa+0.1*local_learning"], ["dfa+0.1*local_learning.gain=2"]))
    ['dfa+0.1*local_learning']
    """
    from gradassay.estimators import make_estimator

    wanted = [_compact(name) for group in names for name in group.split(",") if name.strip()]
    if not wanted:
        raise UsageError("estimators: got none; expected at least one. See `gradassay zoo`.")
    options = {name: dict(defaults(name)) if defaults else {} for name in wanted}
    for setting in settings or ():
        name, option, value = _parse_setting(setting)
        if name not in options:
            raise UsageError(
                f"--set {setting}: {name!r} is not among the chosen estimators"
                f" ({', '.join(options)}); add it or drop the setting."
            )
        options[name][option] = value
    return {name: make_estimator(name, **chosen) for name, chosen in options.items()}


def _compact(name: str) -> str:
    """Return the name of a method or sum without blanks, as it stands in records."""
    return "".join(name.split())


def _parse_setting(setting: str) -> tuple[str, str, object]:
    """Split ``NAME.OPTION=VALUE``; the value is a Python literal or a plain word."""
    left, _, right = setting.partition("=")
    name, _, option = left.strip().rpartition(".")
    if not (name and option.isidentifier() and right):
        raise UsageError(
            f"--set: got {setting!r}; expected NAME.OPTION=VALUE, for example opzo.alpha=0.1."
        )
    try:
        return _compact(name), option, ast.literal_eval(right)
    except (ValueError, SyntaxError):
        return _compact(name), option, right


def file_name(dataset: str) -> str:
    """Return a data set's name as a file can have it.

    Examples
    --------
    >>> file_name("mnist"), file_name("npz:/data/my set.npz")
    ('mnist', 'npz-data-my-set.npz')
    """
    return re.sub(r"[^\w.]+", "-", dataset).strip("-")[-MOST_LETTERS:].lstrip("-")


def command_line() -> str:
    """Return the command as it was typed, for a shell."""
    return shlex.join(["gradassay", *sys.argv[1:]])


def prepare_out(out: Path | None, default: str, *, overwrite: bool) -> Path:
    """Return the results folder, after checking that it can be written later.

    Raises
    ------
    UsageError
        If it exists with something in it and `overwrite` is not given, or cannot be written.
    """
    from gradassay.reports import require_target

    folder = out if out is not None else Path(default)
    require_target(folder, overwrite=overwrite)
    return folder
