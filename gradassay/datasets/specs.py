"""The data sets that exist: their files, hashes, mirrors, folders and licenses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileSpec:
    """One idx file, as it is published.

    Parameters
    ----------
    name : str
        Name without ``.gz``.
    sha256 : str
        Of the decompressed content: gzip headers differ between copies, the content does not.
    published_hash : str
        Of the published ``.gz``, in pooch's form ``"sha256:..."``.
    published_bytes : int
        Size of the published ``.gz``.
    """

    name: str
    sha256: str
    published_hash: str
    published_bytes: int


@dataclass(frozen=True)
class DatasetSpec:
    """A data set of four idx files, or one that comes with scikit-learn.

    Parameters
    ----------
    name : str
        The name that a user gives.
    shape : tuple of int
        Height and width of an image.
    license : str
        Short name of the license.
    classes : int
        Labels are 0 to ``classes - 1``.
    files : tuple of FileSpec
        Training images and labels, test images and labels; none if it comes with scikit-learn.
    mirrors : tuple of str
        Folders on the web, each with a closing slash, tried in turn.
    package_folder : str or None
        Where the Debian package keeps its files.
    package : str or None
        Name of the Debian package.
    """

    name: str
    shape: tuple[int, int]
    license: str
    classes: int = 10
    files: tuple[FileSpec, ...] = ()
    mirrors: tuple[str, ...] = ()
    package_folder: str | None = None
    package: str | None = None

    @property
    def bundled(self) -> bool:
        """Whether the data comes with scikit-learn and no file is needed."""
        return not self.files


DIGITS = DatasetSpec(name="digits", shape=(8, 8), license="CC BY 4.0")

MNIST = DatasetSpec(
    name="mnist",
    shape=(28, 28),
    license="CC BY-SA 3.0",
    files=(
        FileSpec(
            "train-images-idx3-ubyte",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            9_912_422,
        ),
        FileSpec(
            "train-labels-idx1-ubyte",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            28_881,
        ),
        FileSpec(
            "t10k-images-idx3-ubyte",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            1_648_877,
        ),
        FileSpec(
            "t10k-labels-idx1-ubyte",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            4_542,
        ),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

FASHION_MNIST = DatasetSpec(
    name="fashion-mnist",
    shape=(28, 28),
    license="MIT",
    files=(
        FileSpec(
            "train-images-idx3-ubyte",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            26_421_880,
        ),
        FileSpec(
            "train-labels-idx1-ubyte",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            29_515,
        ),
        FileSpec(
            "t10k-images-idx3-ubyte",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            4_422_102,
        ),
        FileSpec(
            "t10k-labels-idx1-ubyte",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            5_148,
        ),
    ),
    # the second one has no https; the pinned hash stands in for it
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    package_folder="/usr/share/datasets/fashion-mnist",
    package="dataset-fashion-mnist",
)

DATASETS = (DIGITS, MNIST, FASHION_MNIST)
