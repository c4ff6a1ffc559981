"""Files that are damaged, hostile or make no sense: each is refused in one line."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradassay.core.errors import ConfigurationError, DataError, GradassayError, UsageError
from gradassay.crosscheck.nir import read_graph, walking
from gradassay.crosscheck.nir.isolation import unpack
from gradassay.crosscheck.nir.reading import checked_graph
from gradassay.crosscheck.nir.walking import pack, walk_file

h5py = pytest.importorskip("h5py", reason="`pip install gradassay[nir]`")
LIF = "node/nodes/lif"
WEIGHT = "node/nodes/affine/weight"


def change(path: Path, how: Callable[[Any], object]) -> None:
    with h5py.File(path, "r+") as file:
        how(file)


def replace(name: str, value: Any, **options: Any) -> Callable[[Any], object]:
    """Return a change that stores another value."""

    def do(file: Any) -> None:
        del file[name]
        file.create_dataset(name, data=value, **options)

    return do


def link(name: str, target: Any) -> Callable[[Any], object]:
    """Return a change that stores a link."""

    def do(file: Any) -> None:
        del file[name]
        file[name] = target

    return do


def circle(file: Any) -> None:
    file["node/nodes/again"] = file["node"]


def twice(file: Any) -> None:
    file["node/nodes/affine/extra"] = file[WEIGHT]


def huge(file: Any) -> None:
    del file[WEIGHT]
    file.create_dataset(WEIGHT, (10**6, 10**6), "f8", chunks=(16, 16), compression="gzip")


def huge_chunk(file: Any) -> None:
    del file[WEIGHT]
    sizes = {"maxshape": (None, None), "chunks": (8192, 8192)}
    file.create_dataset(WEIGHT, (2, 3), "f8", compression="gzip", **sizes)


def many_rows(file: Any) -> None:
    del file["node/edges"]
    file.create_dataset("node/edges", (10**7, 2), h5py.string_dtype())


def deep(file: Any) -> None:
    group = file["node"]
    for _ in range(30):
        group = group.create_group("nodes/inner") if "nodes" not in group else group["nodes"]
        group = group.create_group("inner") if group.name.endswith("nodes") else group
        group["type"] = "NIRGraph"
        group.create_group("nodes")


def long_text(file: Any) -> None:
    replace(f"{LIF}/type", "L" * 10**6)(file)


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((2, 3), "f8")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "w", (2, 3))
    del file[WEIGHT]
    file.create_virtual_dataset(WEIGHT, layout)


def external(file: Any) -> None:
    del file[WEIGHT]
    file.create_dataset(WEIGHT, (2, 3), "f8", external=[("/etc/hostname", 0, 48)])


def scale_offset(file: Any) -> None:
    replace(WEIGHT, np.ones((2, 3), np.int64), scaleoffset=0)(file)


def ragged(file: Any) -> None:
    del file[WEIGHT]
    file.create_dataset(WEIGHT, (2, 3), h5py.vlen_dtype(np.float64))


def odd_name(file: Any) -> None:
    h5py.h5g.create(file["node/nodes"].id, b"\xff\xfe")


def references(file: Any) -> None:
    del file[WEIGHT]
    file.create_dataset(WEIGHT, (2, 3), h5py.ref_dtype)


def bomb(file: Any) -> None:
    del file[WEIGHT]
    data = file.create_dataset(WEIGHT, (2, 3), "f8", chunks=(2, 3), compression="gzip")
    data.id.write_direct_chunk((0, 0), zlib.compress(bytes(10**7)))


def packed_twice(file: Any) -> None:
    del file[WEIGHT]
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((2, 3))
    plan.set_deflate(9)
    plan.set_deflate(9)
    space = h5py.h5s.create_simple((2, 3))
    h5py.h5d.create(file.id, WEIGHT.encode(), h5py.h5t.NATIVE_DOUBLE, space, plan)


HOSTILE: dict[str, Callable[[Any], object]] = {
    "a soft or external link": link(WEIGHT, h5py.SoftLink("/version")),
    "a soft or external link; only": link(WEIGHT, h5py.ExternalLink("/etc/passwd", "/")),
    "linked twice or in a circle": circle,
    "linked twice or in a circle; store": twice,
    "1000000x1000000 numbers are too many": huge,
    "2x3 numbers are too many": huge_chunk,
    "10,000,000 edges": many_rows,
    "graphs nested over 8 deep": deep,
    "a text of 1,000,000 bytes": long_text,
    "data stored in another file": virtual,
    "data stored in another file; they": external,
    "stored with filter 6": scale_offset,
    "expected numbers, found object": ragged,
    "expected numbers, found object.": references,
    "a chunk that unpacks to more than it declares": bomb,
    "compressed twice": packed_twice,
    "expected numbers, found |V": replace(WEIGHT, np.zeros((2, 3), np.void(b"abc").dtype)),
    "expected numbers, found complex128": replace(WEIGHT, np.zeros((2, 3), complex)),
    "weight: expected numbers.": replace(WEIGHT, "text"),
    "expected numbers.": replace(WEIGHT, np.zeros((2, 3), bool)),
    "expected one text": replace("node/type", 3),
    "holds a 'LIF'; expected a NIRGraph": replace("node/type", "LIF"),
    "type 'Maze' is not supported": replace(f"{LIF}/type", "Maze"),
    "expected pairs of node names": replace("node/edges", np.zeros((2, 2))),
    "there is no node 'lost'": replace("node/edges", [["input", "lost"]], dtype="S9"),
    "a name that is not UTF-8": odd_name,
    "a text that is not UTF-8": replace(f"{LIF}/type", np.bytes_(b"\xff\xfe")),
    "'node' is missing": lambda file: file.pop("node"),
    "'edges' is missing": lambda file: file.pop("node/edges"),
    "tau: is missing": lambda file: file.pop(f"{LIF}/tau"),
    "mood: is not known": lambda file: file.create_dataset(f"{LIF}/mood", data=1.0),
    "tau: shape (3,); expected (2,)": replace(f"{LIF}/tau", np.ones(3)),
    "bias: shape (3,); expected (2,)": replace("node/nodes/affine/bias", np.ones(3)),
    "edge 'input' -> 'affine': shape (3,); expected (4,)": replace(WEIGHT, np.ones((2, 4))),
    "edge 'lif' -> 'output': shape (2,); expected (5,)": replace("node/nodes/output/shape", [5]),
    "shape: got (0,); expected at least 1": replace("node/nodes/input/shape", [0]),
    "shape: expected whole numbers": replace("node/nodes/input/shape", [1.5]),
    "values; too many to run": replace("node/nodes/input/shape", [2**15, 2**15]),
}
VALUES: dict[str, Callable[[Any], object]] = {
    "tau: got 0; expected times above 0": replace(f"{LIF}/tau", [1.0, 0.0]),
    "tau: got -1; expected times above 0": replace(f"{LIF}/tau", [1.0, -1.0]),
    "tau: not finite": replace(f"{LIF}/tau", [1.0, np.inf]),
    "weight: not finite": replace(WEIGHT, np.full((2, 3), np.nan)),
}


@pytest.mark.parametrize("message", HOSTILE)
def test_a_hostile_or_impossible_file_is_refused_in_one_line(
    message: str, chain_file: Path
) -> None:
    change(chain_file, HOSTILE[message])
    with pytest.raises(DataError) as caught:
        read_graph(chain_file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("message", HOSTILE)
def test_the_walk_alone_refuses_it_in_the_same_words(message: str, chain_file: Path) -> None:
    change(chain_file, HOSTILE[message])
    with pytest.raises(DataError) as caught:
        checked_graph(walk_file(chain_file))
    assert message in str(caught.value)


def test_what_the_walk_packs_comes_out_again(chain_file: Path) -> None:
    walked = walk_file(chain_file)
    unpacked = unpack(pack(walked))
    assert unpacked.edges == walked.edges
    assert [node.name for node in unpacked.nodes] == [node.name for node in walked.nodes]
    for one, other in zip(walked.nodes, unpacked.nodes, strict=True):
        assert (one.kind, one.inner, one.fields.keys()) == (
            other.kind,
            other.inner,
            other.fields.keys(),
        )
        assert all(np.array_equal(value, other.fields[name]) for name, value in one.fields.items())


def test_the_process_that_reads_has_limits_and_writes_its_error_as_json(
    chain_file: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    limits: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    walking.main(str(chain_file), "3")
    assert limits[resource.RLIMIT_CPU] == (3, 3)
    assert limits[resource.RLIMIT_FSIZE] == (0, 0)
    assert unpack(capsysbinary.readouterr().out).edges == walk_file(chain_file).edges
    change(chain_file, HOSTILE["'node' is missing"])
    walking.main(str(chain_file), "3")
    told = json.loads(capsysbinary.readouterr().out)
    assert told["code"] == "data"
    assert "'node' is missing" in told["message"]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (subprocess.TimeoutExpired("walk", 1), "did not end"),
        (ValueError("embedded null byte"), "cannot be read"),
        (subprocess.CompletedProcess("walk", -24, b""), "did not end in time"),
        (subprocess.CompletedProcess("walk", -11, b""), "crashed"),
        (subprocess.CompletedProcess("walk", 1, b""), "failed"),
        (subprocess.CompletedProcess("walk", 0, b"PK damaged"), "failed"),
    ],
)
def test_whatever_becomes_of_the_process_is_one_error(
    outcome: Any, words: str, chain_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*given: Any, **named: Any) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(DataError, match=words):
        read_graph(chain_file)


@pytest.mark.parametrize("message", VALUES)
def test_a_value_that_makes_no_sense_is_refused(message: str, chain_file: Path) -> None:
    change(chain_file, VALUES[message])
    with pytest.raises(ConfigurationError) as caught:
        read_graph(chain_file)
    assert message in str(caught.value)


def test_metadata_is_not_read(chain_file: Path) -> None:
    change(chain_file, lambda f: f.__setitem__(f"{LIF}/metadata", h5py.ExternalLink("/x", "/")))
    assert "lif" in read_graph(chain_file).nodes


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n", b"\x80\x04."])
def test_what_is_not_hdf5_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.nir"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.nir: (not an|truncated or damaged) HDF5"):
        read_graph(path)


def test_a_truncated_file_is_refused(chain_file: Path) -> None:
    data = chain_file.read_bytes()
    for length in range(0, len(data), 997):
        chain_file.write_bytes(data[:length])
        with pytest.raises(GradassayError):
            read_graph(chain_file)


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a plain file"):
        read_graph(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        read_graph(tmp_path / "none.nir")


def test_a_file_on_which_the_library_hangs_or_crashes_is_refused(chain_file: Path) -> None:
    data = bytearray(chain_file.read_bytes())
    heap = data.index(b"GCOL")  # texts lie there: an object whose size wraps around
    data[heap + 24 : heap + 32] = (2**64 - 16).to_bytes(8, "little")
    chain_file.write_bytes(bytes(data))
    with pytest.raises(DataError, match="truncated or damaged HDF5"):
        read_graph(chain_file, time_limit_s=2)


def test_without_h5py_the_install_line_is_shown(
    chain_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UsageError, match=r"pip install gradassay\[nir\]"):
        read_graph(chain_file)
