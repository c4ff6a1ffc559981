"""Tiny data sets in the real formats: idx files, their specification, folders and a web server."""

from __future__ import annotations

import gzip
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gradassay.datasets import places
from gradassay.datasets.specs import DatasetSpec, FileSpec

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
SHAPE = (3, 4)
CLASSES = 5
Encode = Callable[[NDArray[np.uint8]], bytes]


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Return the writer of the idx format that the reader is tested with."""

    def write(array: NDArray[np.uint8]) -> bytes:
        header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
        return header + array.tobytes()

    return write


@dataclass
class Tiny:
    """A data set of 20 + 10 images of 3 x 4 pixels, on no disk yet."""

    arrays: list[NDArray[np.uint8]]
    contents: dict[str, bytes]
    spec: DatasetSpec

    def write(self, folder: Path, *, plain: bool = False) -> Path:
        """Write the four files into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents.items():
            suffix, data = ("", content) if plain else (".gz", gzip.compress(content, mtime=1))
            (folder / f"{name}{suffix}").write_bytes(data)
        return folder


def make_spec(contents: dict[str, bytes], mirrors: tuple[str, ...] = ()) -> DatasetSpec:
    """Return the specification under which the contents count as the published ones."""
    files = []
    for name, content in contents.items():
        packed = gzip.compress(content, mtime=0)
        published = f"sha256:{sha256(packed).hexdigest()}"
        files.append(FileSpec(name, sha256(content).hexdigest(), published, len(packed)))
    return DatasetSpec("tiny", SHAPE, "MIT", CLASSES, tuple(files), mirrors)


@pytest.fixture
def respecify() -> Callable[[dict[str, bytes], tuple[str, ...]], DatasetSpec]:
    return make_spec


@pytest.fixture
def tiny(encode: Encode) -> Tiny:
    generator = np.random.default_rng(5)
    arrays: list[NDArray[np.uint8]] = []
    for count in (20, 10):
        arrays.append(generator.integers(0, 256, (count, *SHAPE), dtype=np.uint8))
        arrays.append(generator.integers(0, CLASSES, count, dtype=np.uint8))
    contents = dict(zip(NAMES, map(encode, arrays), strict=True))
    return Tiny(arrays, contents, make_spec(contents))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's cache folder, environment and proxy out of every test."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(places, "cache_folder", lambda name: folder / name)
    monkeypatch.delenv("GRADASSAY_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


@dataclass
class Web:
    """A server on the loopback interface: path to (status, body, announced length)."""

    url: str
    answers: dict[str, tuple[int, bytes, int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def serve(self, mirror: str, contents: dict[str, bytes]) -> str:
        """Serve the files under a folder and return its address."""
        for name, content in contents.items():
            packed = gzip.compress(content, mtime=0)
            self.answers[f"/{mirror}/{name}.gz"] = (200, packed, len(packed))
        return f"{self.url}/{mirror}/"


@pytest.fixture
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            status, body, announced = site.answers.get(self.path, (404, b"", 0))
            self.send_response(status)
            self.send_header("Content-Length", str(announced))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Web(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()
