"""A reader that leaves early, as ``head`` does, is nobody's defect."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", ["--help", "train --help", "zoo", "zoo opzo", "data list"])
def test_output_that_nobody_reads_ends_without_a_word_on_the_standard_error(words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "gradassay", *words.split()]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
