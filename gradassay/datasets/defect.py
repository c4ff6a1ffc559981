"""What is wrong with a file, said by those who do not know its name."""

from __future__ import annotations


class Defect(Exception):
    """What is wrong; who opened the file puts its name before it, and the remedy behind."""
