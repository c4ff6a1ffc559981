"""What stands in the manifest of a pack, and in that of somebody's answers."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from gradassay.core.schemas import without_indentation

FORMAT: Final = "gradassay-golden"
ANSWERS_FORMAT: Final = "gradassay-golden-answers"
SCHEMA_VERSION: Final = 1

Name = Annotated[str, msgspec.Meta(max_length=200)]
Size = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Option = str | int | float | bool | None


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the parts of a manifest: strict."""


class File(Entry, frozen=True):
    """One array.

    Parameters
    ----------
    path : str
        Place in the pack.
    role : {"given", "expected"}
        Input, or what is to be answered.
    dtype : {"<f8", "<f4", "<i8"}
        float64, float32 or int64, little-endian.
    shape : list of int
        In C order.
    bytes : int
        Size of the file.
    sha256 : str
        Of the file.
    tolerance : float
        Largest absolute difference of an answer; 0 where it must be equal.
    """

    path: Name
    role: Literal["given", "expected"]
    dtype: Literal["<f8", "<f4", "<i8"]
    shape: Annotated[list[Size], msgspec.Meta(max_length=8)]
    bytes: Size
    sha256: Digest
    tolerance: Annotated[float, msgspec.Meta(ge=0)]


class LayerEntry(Entry, frozen=True):
    """One layer, fed by the one before it.

    Parameters
    ----------
    type : {"linear", "conv2d", "avgpool", "flatten", "spiking"}
        A convolution is a cross-correlation with stride 1; a pool takes means of squares.
    name : str
        Its parameters are ``name.weight`` and ``name.bias``.
    inputs, outputs : int
        Units.
    input_shape, output_shape : list of int, or null
        (channels, rows, columns) of feature maps, which lie in C order.
    kernel, padding : int, or null
        Side of the kernel or of the pooled square; rows and columns of zeros around the input.
    bias : bool
        Whether there is one.
    """

    type: Literal["linear", "conv2d", "avgpool", "flatten", "spiking"]
    name: Name
    inputs: Size
    outputs: Size
    input_shape: list[Size] | None
    output_shape: list[Size] | None
    kernel: Size | None
    padding: Size | None
    bias: bool


class NetworkEntry(Entry, frozen=True):
    """The network.

    Parameters
    ----------
    layers : list of LayerEntry
        From input to output.
    steps : int
        T.
    leak, threshold : float
        Of all spiking layers.
    reset : {"soft", "hard"}
        Subtract the threshold, or set to 0.
    surrogate : {"sigmoid"}
        psi(u) = k sig(x) (1 - sig(x)), x = k (u - threshold).
    surrogate_scale : float
        k.
    mse_weight : float
        mu of the loss of a step, ((1 - mu) CE + mu MSE) / T.
    """

    layers: Annotated[list[LayerEntry], msgspec.Meta(min_length=2, max_length=100)]
    steps: Size
    leak: float
    threshold: float
    reset: Literal["soft", "hard"]
    surrogate: Literal["sigmoid"]
    surrogate_scale: float
    mse_weight: float


class Method(Entry, frozen=True):
    """One estimator on one network; mappings lead from a name to a path.

    Parameters
    ----------
    name : str
        In the zoo.
    options : dict
        All of them.
    noise : {"independent", "time_pairs", "weights"} or null
        Which of the case's noises it takes.
    scale : float or null
        What the noise is multiplied with (alpha, or the width).
    state, state_after : dict
        Before and after the estimate.
    gradient : dict
        By parameter, of the mean loss of the batch.
    """

    name: Name
    options: dict[str, Option]
    noise: Literal["independent", "time_pairs", "weights"] | None
    scale: float | None
    state: dict[str, Name]
    state_after: dict[str, Name]
    gradient: dict[str, Name]


class Case(Entry, frozen=True):
    """One network in one precision; mappings lead from a name to a path.

    Parameters
    ----------
    name : str
        Network and precision.
    network : NetworkEntry
    inputs, targets : str
        (B, n), the same at every step; (B,).
    params : dict
        By parameter.
    noise : dict of dict
        By kind, then spiking layer (T, B, n) or parameter; without its scale.
    spikes, membrane : dict
        By spiking layer, (T, B, n), of a pass without noise; potentials before the reset.
    outputs, losses, errors : str
        (T, B, m), (T, B), (T, B, m).
    methods : list of Method
    refused : dict
        Estimators that do not take the network, and why.
    """

    name: Name
    network: NetworkEntry
    inputs: Name
    targets: Name
    params: dict[str, Name]
    noise: dict[str, dict[str, Name]]
    spikes: dict[str, Name]
    membrane: dict[str, Name]
    outputs: Name
    losses: Name
    errors: Name
    methods: Annotated[list[Method], msgspec.Meta(max_length=1000)]
    refused: dict[str, str]


class Manifest(Entry, frozen=True):
    """manifest.json of a pack.

    Parameters
    ----------
    format : {"gradassay-golden"}
    schema_version : int
        1.
    seed : int
    versions : dict
        Of Python and the libraries that computed the expected values.
    checksum : str
        Names the problems, for answers to repeat: sha256 of what is given.
    cases : list of Case
    files : list of File
    """

    format: Literal["gradassay-golden"]
    schema_version: Literal[1]
    seed: int
    versions: dict[str, str]
    checksum: Digest
    cases: Annotated[list[Case], msgspec.Meta(min_length=1, max_length=100)]
    files: Annotated[list[File], msgspec.Meta(min_length=1, max_length=10_000)]


class AnswersManifest(Entry, frozen=True):
    """manifest.json of a folder of answers.

    Parameters
    ----------
    format : {"gradassay-golden-answers"}
    schema_version : int
        1.
    pack : str
        The pack's checksum.
    made_by : str
        Whose answers.
    files : dict of str to str, or null
        sha256 of each file, where they are to be verified.
    """

    format: Literal["gradassay-golden-answers"]
    schema_version: Literal[1]
    pack: Digest
    made_by: Annotated[str, msgspec.Meta(max_length=200)] = ""
    files: dict[str, Digest] | None = None


def manifest_schema() -> dict[str, Any]:
    """Return the JSON schema of both manifests."""
    _, components = msgspec.json.schema_components(
        [Manifest, AnswersManifest], ref_template="#/$defs/{name}"
    )
    parts = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in (Manifest, AnswersManifest)]
    return {"anyOf": parts, "$defs": without_indentation(components)}
