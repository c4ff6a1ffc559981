"""Where the results of trainings go, and going on after an interruption."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradassay.cli.files import prepare_out
from gradassay.core.errors import UsageError

if TYPE_CHECKING:
    from gradassay.training import RunFolder


@dataclass(frozen=True)
class KeepingOptions:
    """Where results go, and going on after an interruption.

    Parameters
    ----------
    out
        Results folder; results/train-DATASET, or results/DATASET of `run`, where not given.
        Metrics and checkpoints are in OUT.run.
    overwrite
        Replace the results that are there, or a training that was begun.
    resume
        Go on with the training that was begun in OUT.run, or begin one.
    checkpoint_every
        Seconds between checkpoints.
    tensorboard
        Folder for TensorBoard, one run in it for each training.
    """

    out: Path | None = None
    overwrite: bool = False
    resume: bool = False
    checkpoint_every: float = 60.0
    tensorboard: Path | None = None

    def folder(self, default: str) -> Path:
        """Return the results folder, after checking that it can be written later."""
        if self.resume and self.overwrite:
            raise UsageError("--resume and --overwrite: got both; expected one of them.")
        folder = self.out if self.out is not None else Path(default)
        begun = self.resume and run_folder_of(folder).is_dir()
        prepare_out(folder, default, overwrite=self.overwrite or begun)
        self.run_folder(folder).require_usable()
        return folder

    def run_folder(self, folder: Path) -> RunFolder:
        """Return the folder of a training whose results go to `folder`."""
        from gradassay.training import RunFolder

        return RunFolder(run_folder_of(folder), resume=self.resume, overwrite=self.overwrite)


def run_folder_of(folder: Path) -> Path:
    """Return where metrics and checkpoints are kept."""
    return folder.with_name(f"{folder.name}.run")
