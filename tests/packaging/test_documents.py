"""What the documents point to is there."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)")


def links(document: Path) -> list[str]:
    return [link for link in LINK.findall(document.read_text()) if "://" not in link]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_within_the_repository_leads_to_a_file_of_it(document: Path) -> None:
    missing = [link for link in links(document) if not (document.parent / link).exists()]
    assert missing == []


def test_the_readme_links_to_files_that_are_under_version_control() -> None:
    known = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*")}
    if (ROOT / ".git").exists():  # an unpacked archive has none, and holds nothing but its files
        told = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        known = set(told.stdout.splitlines())
    found = links(ROOT / "README.md")
    assert len(found) > 5
    assert [link for link in found if link not in known] == []


TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)


def entries(page: Path) -> list[Path]:
    """Return the pages that a page's tables of contents name."""
    lines = [line for block in TOCTREE.findall(page.read_text()) for line in block.splitlines()]
    names = [re.sub(r".*<(.*)>", r"\1", line) for line in lines if line and line[0] != ":"]
    return [one_of(page.parent / name) for name in names]


def one_of(name: Path) -> Path:
    """Return the file of an entry, which has no ending."""
    found = [path for end in (".md", ".rst", ".ipynb") if (path := Path(f"{name}{end}")).is_file()]
    assert len(found) == 1, f"{name}: {len(found)} files"
    return found[0].resolve()


def test_every_page_is_in_one_table_of_contents_of_the_site() -> None:
    index = ROOT / "docs" / "index.md"
    listed = [index]
    for page in listed:  # grows
        listed += entries(page)
    written = [
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("docs/reference/*.rst"),
        *ROOT.glob("examples/*.ipynb"),
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    ]
    assert sorted(listed) == sorted(path.resolve() for path in written)


THEORY = sorted(ROOT.glob("docs/theory/*.md"))


@pytest.mark.parametrize("page", THEORY, ids=lambda path: path.stem)
def test_theory_names_functions_and_tests_that_exist(page: Path) -> None:
    named = re.findall(r"`([\w./]+)`", page.read_text())
    tests = "".join(path.read_text() for path in ROOT.glob("tests/**/test_*.py"))
    for name in named:
        if name.startswith("test_"):
            assert f"def {name}(" in tests, name
        elif "/" in name:
            assert (ROOT / name).exists(), name
        elif "." in name:
            module, _, function = name.rpartition(".")
            home = importlib.import_module(f"gradassay.verify.oracles.{module}")
            assert callable(getattr(home, function)), name
    assert page.stem == "index" or any(name.startswith("test_") for name in named)
