"""The named public sets: a literal table, and where each of them is looked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trimaran.data.sources.cache import cache_root
from trimaran.data.sources.download import Pinned, Progress, Unreachable, fetch
from trimaran.errors import DataError

DIGITS = tuple("0123456789")
CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
THINGS = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


@dataclass(frozen=True)
class NamedSet:
    """A public set of files.

    layouts: each a set of file names that is enough by itself; the first is the public one
    mirrors: URLs of folders that hold the public files
    system:  folder of an installed Debian package with the same files, or None
    """

    name: str
    classes: tuple[str, ...]
    files: tuple[Pinned, ...]
    mirrors: tuple[str, ...]
    origin: str
    licence: str
    layouts: tuple[tuple[str, ...], ...]
    system: str | None = None


def _idx(suffix: str) -> tuple[str, ...]:
    kinds = ("images-idx3-ubyte", "labels-idx1-ubyte")
    return tuple(f"{part}-{kind}{suffix}" for part in ("train", "t10k") for kind in kinds)


IDX_LAYOUTS = (_idx(".gz"), _idx(""))

NAMED = {
    "mnist": NamedSet(
        name="mnist",
        classes=DIGITS,
        files=(
            Pinned(
                "train-images-idx3-ubyte.gz",
                9912422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            Pinned(
                "train-labels-idx1-ubyte.gz",
                28881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            Pinned(
                "t10k-images-idx3-ubyte.gz",
                1648877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            Pinned(
                "t10k-labels-idx1-ubyte.gz",
                4542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "http://yann.lecun.com/exdb/mnist",
        ),
        origin="MNIST (LeCun, Cortes and Burges 1998)",
        licence="not stated by the authors; commonly given as CC BY-SA 3.0",
        layouts=IDX_LAYOUTS,
    ),
    "fashion-mnist": NamedSet(
        name="fashion-mnist",
        classes=CLOTHES,
        files=(
            Pinned(
                "train-images-idx3-ubyte.gz",
                26421880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            Pinned(
                "train-labels-idx1-ubyte.gz",
                29515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            Pinned(
                "t10k-images-idx3-ubyte.gz",
                4422102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            Pinned(
                "t10k-labels-idx1-ubyte.gz",
                5148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        mirrors=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        ),
        origin="Fashion-MNIST (Xiao, Rasul and Vollgraf 2017)",
        licence="MIT",
        layouts=IDX_LAYOUTS,
        system="/usr/share/datasets/fashion-mnist",
    ),
    "cifar10": NamedSet(
        name="cifar10",
        classes=THINGS,
        files=(
            Pinned(
                "cifar-10-binary.tar.gz",
                170052171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        mirrors=("https://www.cs.toronto.edu/~kriz",),
        origin="CIFAR-10 (Krizhevsky 2009)",
        licence="not stated; free for research with citation",
        layouts=(
            ("cifar-10-binary.tar.gz",),
            (*(f"train-{k}.parquet" for k in range(5)), "test.parquet"),
        ),
    ),
}


@dataclass(frozen=True)
class Found:
    """The files of a set, in one folder: `how` says in words where that is."""

    paths: tuple[Path, ...]
    how: str

    def facts(self, entry: NamedSet) -> dict[str, str]:
        """Where the set is from, for its report."""
        return {"origin": entry.origin, "licence": entry.licence, "found in": self.how}


def locate(entry: NamedSet, progress: Progress | None = None) -> Found:
    """The set's files: $TRIMARAN_DATA, the user's cache, Debian's package, or a download.

    Files under $TRIMARAN_DATA are the user's own and are taken as they are; what is downloaded
    must match its pinned size and digest. Raises `Unreachable` where nothing is to be had (at
    once where TRIMARAN_OFFLINE is set), and `DataError` for a folder that lacks some of the files.
    """
    cached = cache_root() / "data" / entry.name
    own = os.environ.get("TRIMARAN_DATA")
    places: list[tuple[Path, str]] = [(cached, "the user's cache")]
    if own:
        places.insert(0, (Path(own) / entry.name, "$TRIMARAN_DATA"))
    if entry.system:
        places.append((Path(entry.system), "the installed Debian package"))
    for folder, how in places:
        paths = _whole(entry, folder, strict=how == "$TRIMARAN_DATA")
        if paths:
            return Found(paths, f"{how} ({folder})")
    return _download(entry, cached, progress)


def _whole(entry: NamedSet, folder: Path, strict: bool) -> tuple[Path, ...]:
    """The files of the first layout that is complete in `folder`; () where there is none."""
    if not folder.is_dir():
        return ()
    lacking = []
    for layout in entry.layouts:
        missing = [name for name in layout if not (folder / name).is_file()]
        if not missing:
            return tuple(folder / name for name in layout)
        lacking.append(f"{missing[0]} of {', '.join(layout)}")
    if strict:
        raise DataError(
            f"{folder} is not a whole {entry.name}: it lacks {' and '.join(lacking)}; add the "
            f"missing files or remove the folder, so that the set is downloaded."
        )
    return ()


def _download(entry: NamedSet, folder: Path, progress: Progress | None) -> Found:
    if os.environ.get("TRIMARAN_OFFLINE"):
        raise Unreachable(
            f"{entry.name} is not on this machine and TRIMARAN_OFFLINE forbids a download; unset "
            f"it, or put the files into $TRIMARAN_DATA/{entry.name}."
        )

    paths = tuple(fetch(file, entry.mirrors, folder, progress) for file in entry.files)
    return Found(paths, f"its public download, verified ({folder})")
