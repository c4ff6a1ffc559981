"""What is loaded when, measured in a fresh interpreter."""

import subprocess
import sys

import pytest

ROOT_LINKS = ("verify", "estimators", "reference_snn", "reports")


def loaded_after(code: str) -> set[str]:
    probe = f"{code}\nimport sys\nprint(' '.join(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import gradassay",
        "import gradassay.estimators, gradassay.reference_snn, gradassay.verify",
        "import gradassay.datasets, gradassay.training, gradassay.cost",
        "import gradassay.frames",
        "from gradassay.cli.main import main; main(['--help'])",
        "from gradassay.cli.main import main; main(['run', '--help'])",
        "from gradassay.cli.main import main; main(['zoo'])",
    ],
)
def test_torch_is_not_imported(code: str) -> None:
    assert "torch" not in loaded_after(code)


def test_the_package_itself_loads_nothing_but_itself() -> None:
    assert not {"numpy", "pandas", "matplotlib"} & loaded_after("import gradassay")
