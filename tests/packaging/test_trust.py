"""What is not trusted is never run, and nothing reaches for the network unasked."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gradassay

ROOT = Path(gradassay.__file__).resolve().parent
# what runs code that is in data, by its full name as it is imported
RUNS_DATA = {
    "cloudpickle.load",
    "cloudpickle.loads",
    "dill.load",
    "dill.loads",
    "joblib.load",
    "marshal.load",
    "marshal.loads",
    "os.popen",
    "os.system",
    "pandas.eval",
    "pandas.read_pickle",
    "pickle.Unpickler",
    "pickle.load",
    "pickle.loads",
    "shelve.open",
    "torch.hub.load",
    "torch.jit.load",
    "torch.load",
    "yaml.load",
    "yaml.unsafe_load",
}
BUILTINS = {"eval", "exec", "compile", "__import__"}
UNPACKS = {"extractall", "unpack_archive"}


def imported(tree: ast.Module) -> dict[str, str]:
    """Full names by the names that a module gives them."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                first = one.name.partition(".")[0]
                names[one.asname or first] = one.name if one.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def full_name(node: ast.expr, names: dict[str, str]) -> str:
    """Dotted name of what is called; its first part as it was imported."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{full_name(node.value, names)}.{node.attr}"
    return ""


def dangers(source: str) -> Iterator[str]:
    """Calls and references in a module that can run what is in data, or unpack it anywhere."""
    tree = ast.parse(source)
    names = imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = full_name(node, names)
            if name in RUNS_DATA or name in BUILTINS or name.rpartition(".")[2] in UNPACKS:
                yield f"line {node.lineno}: {name}"
        if isinstance(node, ast.Call):
            called = full_name(node.func, names)
            given = {word.arg: word.value for word in node.keywords}
            pickles = given.get("allow_pickle")
            if isinstance(pickles, ast.Constant) and pickles.value is not False:
                yield f"line {node.lineno}: allow_pickle"
            elif pickles is not None and not isinstance(pickles, ast.Constant):
                yield f"line {node.lineno}: allow_pickle"
            if called.startswith("subprocess.") and "shell" in given:
                yield f"line {node.lineno}: shell"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.loads(b'')",
        "import pickle as p\np.load(f)",
        "from pickle import loads\nloads(b'')",
        "from pickle import loads as read\nread(b'')",
        "import torch\ntorch.load('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=flag)",
        "import yaml\nyaml.load(text)",
        "eval('1')",
        "run = exec",
        "archive.extractall('x')",
        "import shutil\nshutil.unpack_archive('x')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "import pandas as pd\npd.read_pickle('x')",
    ],
)
def test_every_danger_is_seen(source: str) -> None:
    assert list(dangers(source))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.dumps(1)",
        "import ast\nast.literal_eval('1')",
        "import numpy as np\nnp.load('x', allow_pickle=False)",
        "import re\nre.compile('x')",
        "model.eval()",
    ],
)
def test_what_runs_nothing_is_no_danger(source: str) -> None:
    assert not list(dangers(source))


def test_the_package_runs_nothing_that_is_in_data() -> None:
    files = [path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts]
    assert len(files) > 200
    found = {
        f"{path.relative_to(ROOT)}, {danger}"
        for path in files
        for danger in dangers(path.read_text(encoding="utf-8"))
    }
    assert found == set()


# adapters import libraries that are not installed here
NOT_IMPORTED = ("gradassay.crosscheck.adapters.", "gradassay.crosscheck.nir.exchange.")
PROBE = """
import importlib, socket, sys
def refuse(*arguments, **options):
    raise AssertionError(f"network: {arguments[1:]}")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
for name in sys.stdin.read().split():
    importlib.import_module(name)
print("all imported")
"""


def test_importing_any_module_does_not_reach_for_the_network() -> None:
    names = [
        module.name
        for module in pkgutil.walk_packages([str(ROOT)], "gradassay.")
        if module.name != "gradassay.__main__" and not module.name.startswith(NOT_IMPORTED)
    ]
    assert len(names) > 200
    done = subprocess.run(
        [sys.executable, "-c", PROBE], input="\n".join(names), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "all imported"
