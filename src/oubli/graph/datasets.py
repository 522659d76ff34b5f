"""Graphs by name: found in a folder, or downloaded once from the data set's home with checksums."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from oubli.errors import InputError
from oubli.graph.archive import read_arrays, read_npz
from oubli.graph.collection import GraphCollection, collection_from_arrays
from oubli.graph.disk import is_graph_folder, open_graph
from oubli.graph.downloads import DatasetSource, cache_folder, check_recorded, download
from oubli.graph.graph import Graph
from oubli.graph.sources import PLANETOID_PARTS, read_gnn_benchmark, read_heterophilous, read_ogb, read_planetoid
from oubli.graph.tables import EDGE_SUFFIXES, read_tables
from oubli.graph.tu import read_tu

PLANETOID = "https://raw.githubusercontent.com/kimiyoung/planetoid/af6abf468a772cc055bec88c52e4d6f51b7c37e3/data/"
HETEROPHILOUS = (
    "https://raw.githubusercontent.com/yandex-research/heterophilous-graphs/"
    "a431395582e929d88271309716bea4fe24ce6318/data/"
)
GNN_BENCHMARK = "https://raw.githubusercontent.com/shchur/gnn-benchmark/master/data/npz/"
TU = "https://www.chrsmrrs.com/graphkerneldatasets/"
OGB = "https://snap.stanford.edu/ogb/data/nodeproppred/"


def _planetoid(name: str, checksums: str) -> DatasetSource:
    files = dict(zip((f"ind.{name}.{part}" for part in PLANETOID_PARTS), checksums.split(), strict=True))
    return DatasetSource(name, PLANETOID, files, partial(read_planetoid, name=name))


def _heterophilous(name: str, checksum: str) -> DatasetSource:
    files = {f"{name.replace('-', '_')}.npz": checksum}
    return DatasetSource(name, HETEROPHILOUS, files, partial(read_heterophilous, name=name))


def _gnn_benchmark(name: str, file: str) -> DatasetSource:
    return DatasetSource(name, GNN_BENCHMARK, {file: None}, partial(read_gnn_benchmark, file=file))


# Checksums are of the pinned commits, in the order of PLANETOID_PARTS; at least two unrelated projects publish each.
_SOURCES = [
    _planetoid(
        "cora",
        """
        23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab
        b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a
        9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543
        94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1
        41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad
        2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71
        58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d
        297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875
        """,
    ),
    _planetoid(
        "citeseer",
        """
        d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6
        539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21
        2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668
        8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924
        55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce
        f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95
        d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7
        2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4
        """,
    ),
    _planetoid(
        "pubmed",
        """
        fbe9cb5c47200d1b7769a26e579be3b7130b556831f9d850e77c4c74f2599b33
        4eb5f5d0f30f26497eb0ac6ac9719d09c67e284f1ed0385c93f3ef27a671da3d
        508e538e2abdccdd54c4d3e9f49d638b4af7107d85845f66ddea5a5152658b7e
        e6c807633307a07ed659249006536a147c7999c797f11a2560752990181b41b3
        ee2e0d4819d9fbcc403689c3bf2e49face401b605932f093bc58ab6461130fdd
        0c37bbe3b5014ec365e9d393cf4791925e5ed94fb194305d74f064a8d7b50f0e
        5b89f0036ca22909471f1e6558eb42fa06e0c730a577bde5b058b40638f81dc9
        b101d421688bbaecbd82e8a18f1e282378d6830f3a37666f28ebc47f844341b5
        """,
    ),
    _heterophilous("roman-empire", "a58ba741d123bf892fe5c872138d07463d75a2e9012360b8dd78ac2d4766d428"),
    _heterophilous("amazon-ratings", "4c3a3e3b9d9f6cba0fede4625a00aad8c5721c1a36ed771367f446763241c7dd"),
    _heterophilous("minesweeper", "e664c8dacf1e8ac466c2c09ed4b237bd2c5541f47a6eae9c6092cb87f16412b3"),
    _heterophilous("tolokers", "dacf3ac94cec53d03cd2adb5255c08b33dee1656c33ca8164a464bd9450a1667"),
    _heterophilous("questions", "757ebd772bab1475c4dd951ca9e364400c6db161656cff9d21780ee874cf3074"),
    _heterophilous("chameleon-filtered", "bf46f07e1fb5249280447e5fe3100f3e82fc4b93ad1e13ffcfdec924b6ac0bb5"),
    _heterophilous("squirrel-filtered", "f06370ffb3116c5de8b7a600005400b2293c025e0ce2f6916d8201a825505ac7"),
    _gnn_benchmark("amazon-photo", "amazon_electronics_photo.npz"),
    _gnn_benchmark("amazon-computers", "amazon_electronics_computers.npz"),
    _gnn_benchmark("coauthor-cs", "ms_academic_cs.npz"),
    _gnn_benchmark("coauthor-physics", "ms_academic_phy.npz"),
    DatasetSource(
        "ogbn-arxiv",
        OGB,
        {"arxiv.zip": "49f85c801589ecdcc52cfaca99693aaea7b8af16a9ac3f41dd85a5f3193fe276"},
        partial(read_ogb, file="arxiv.zip"),
    ),
]
SOURCES: dict[str, DatasetSource] = {source.name: source for source in _SOURCES}


def _canonical(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def _tu(name: str) -> DatasetSource:
    return DatasetSource(f"tu-{_canonical(name)}", TU, {f"{name}.zip": None}, partial(read_tu, name=name))


_TU_NAMES = ("MUTAG", "PTC_MR", "AIDS", "ENZYMES", "PROTEINS", "IMDB-BINARY", "IMDB-MULTI")
COLLECTIONS: dict[str, DatasetSource] = {source.name: source for source in map(_tu, _TU_NAMES)}


def load_dataset(name: str, root: str | Path | None = None, split: int | str | None = 0) -> Graph:
    """Load a graph by name.

    ``<name>.npz`` is looked for in `root`, then in the folder that the environment variable OUBLI_DATA names, then in
    the cache of this user. A data set with a known home (see `list_datasets`) that is nowhere is downloaded into the
    cache, which needs the extra ``oubli[data]``.

    Downloads are checked against the sha256 in `SOURCES`. For amazon-photo, amazon-computers, coauthor-cs and
    coauthor-physics none is known for certain: the first download is trusted, its sha256 is recorded in
    ``<name>.sha256`` in the cache, and a later download that differs is refused. The same file holds the sha256 of the
    converted .npz, which is checked whenever it is loaded.

    Parameters
    ----------
    name : str
        For instance ``"cora"``; case does not matter, nor whether words are joined by hyphens or underscores.
    root : str or Path, optional
        A folder of .npz files in the form that `read_npz` takes.
    split : int or str or None, default 0
        Which of the data set's splits, as in `read_npz`. Data sets without public splits have none.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        When the name is unknown, `root` is no folder, the split is not there, the download fails, or a checksum does
        not match.

    Examples
    --------
    >>> from oubli import load_dataset
    >>> graph = load_dataset("cora", split="geom:3")  # doctest: +SKIP
    """
    wanted = _canonical(name)
    folders = _folders(root)
    for folder in folders:
        for stem in dict.fromkeys([name, wanted, wanted.replace("-", "_")]):
            path = folder / f"{stem}.npz"
            if path.is_file():
                check_recorded(path)
                return read_npz(path, split)
    if wanted in COLLECTIONS:
        raise InputError(f"data set {name!r} is many graphs, a label each: oubli.graph.load_collection loads it")
    if wanted not in SOURCES:
        seen = sorted({path.stem for folder in folders for path in folder.glob("*.npz")})
        raise InputError(
            f"data set {name!r} is unknown; those with a home to download from: {', '.join(sorted(SOURCES))}; "
            f"files in {', '.join(map(str, folders))}: {', '.join(seen) or 'none'}"
        )
    return read_npz(download(SOURCES[wanted]), split)


def load_collection(name: str, root: str | Path | None = None) -> GraphCollection:
    """Load graphs with a label each, by name, for instance ``"tu-mutag"``; or the path of an .npz of such graphs.

    ``<name>.npz`` is looked for as by `load_dataset`. Those of the TU collection in `COLLECTIONS` are downloaded into
    the cache where they are nowhere, which needs the extra ``oubli[data]``; for these no checksum is known for certain,
    so the first download is trusted and recorded, and a later one that differs is refused.

    Parameters
    ----------
    name : str
        Case does not matter, nor hyphens or underscores, nor whether a name of the TU collection begins with ``tu-``:
        ``"MUTAG"`` is ``"tu-mutag"``.
    root : str or Path, optional
        A folder of .npz files.

    Raises
    ------
    InputError
        When there is nothing of that name, it holds one graph only, or the download fails.

    Examples
    --------
    >>> from oubli.graph import load_collection
    >>> graphs = load_collection("MUTAG")  # doctest: +SKIP
    """
    if name.endswith(".npz"):
        return collection_from_arrays(read_arrays(name), Path(name).stem)
    folders, wanted = _folders(root), _canonical(name)
    stems = (wanted, f"tu-{wanted}")
    for stem in stems:
        for path in (folder / f"{stem}.npz" for folder in folders):
            if path.is_file():
                check_recorded(path)
                return collection_from_arrays(read_arrays(path), stem)
    for stem in stems:
        if stem in COLLECTIONS:
            return collection_from_arrays(read_arrays(download(COLLECTIONS[stem])), stem)
    raise InputError(
        f"data set {name!r} is unknown; those with a home to download from: {', '.join(sorted(COLLECTIONS))}; "
        f"no {wanted}.npz in {', '.join(map(str, folders))}"
    )


def list_datasets(root: str | Path | None = None) -> list[str]:
    """Return the names that `load_dataset` takes: those with a known home, and the files it finds.

    Parameters
    ----------
    root : str or Path, optional
        As in `load_dataset`.

    Returns
    -------
    list of str
        Ascending.
    """
    found = {_canonical(path.stem) for folder in _folders(root) for path in folder.glob("*.npz")}
    return sorted(found | set(SOURCES))


def load_graph(
    data: str | Path,
    split: int | str | None = 0,
    *,
    features: str | Path | None = None,
    root: str | Path | None = None,
) -> Graph:
    """Load a graph from whatever a command line names.

    Parameters
    ----------
    data : str or Path
        The path of an .npz file, of a folder that `import_graph` made, of one with an edge list and a node table, or of
        an edge list; or the name of a data set. What exists as a path is taken as a path.
    split : int or str or None, default 0
        As in `read_npz`; tables and graph folders have one split.
    features : str or Path, optional
        The node table that goes with an edge list.
    root : str or Path, optional
        As in `load_dataset`.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        When there is nothing of that name, or it cannot be read.
    """
    path = Path(data)
    if is_graph_folder(path):
        return _open_folder(path, split, features)
    tabular = path.is_dir() or (path.is_file() and path.suffix != ".npz")
    if features is not None and not tabular:
        raise InputError(f"{data}: a node table goes with an edge list, and this is not the path of one")
    if tabular:
        if split is not None and str(split) != "0":
            raise InputError(f"{path}: no split {split!r}; tables have one, in the column 'split' of the node table")
        return read_tables(path, features)
    if path.is_file() or path.suffix in {".npz", *EDGE_SUFFIXES} or len(path.parts) > 1:
        return read_npz(path, split)
    return load_dataset(str(data), root, split)


def _open_folder(path: Path, split: int | str | None, features: str | Path | None) -> Graph:
    if features is not None:
        raise InputError(f"{path}: a graph folder, which has its features; a node table goes with an edge list")
    if split is not None and str(split) != "0":
        raise InputError(f"{path}: no split {split!r}; a graph folder has one")
    graph = open_graph(path)
    return graph if split is not None else graph.with_splits()


def _folders(root: str | Path | None) -> list[Path]:
    folders = []
    for given, what in ((root, "root"), (os.environ.get("OUBLI_DATA"), "OUBLI_DATA")):
        if not given:
            continue
        if not Path(given).is_dir():
            raise InputError(f"{given}: there is no such folder, and {what} names it as the place of data sets")
        folders.append(Path(given))
    return [*folders, cache_folder()]
