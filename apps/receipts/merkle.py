"""The Merkle tree of the log: RFC 6962 hashes, RFC 9162 proofs, tiles as C2SP tlog-tiles.

A node is named by `(level, index)`: the root of the full subtree over the leaves
`[index * 2^level, (index + 1) * 2^level)`. Full subtrees never change, so whoever keeps nodes
(a `Tree` in memory, a table) can answer for every earlier size of the tree.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

HASH_BYTES = 32
TILE_WIDTH = 256
_TILE_HEIGHT = 8
_MAX_ENTRY_BYTES = 0xFFFF
_TILE_PATH = re.compile(r"((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)

EMPTY_ROOT = hashlib.sha256(b"").digest()
NodeAt = Callable[[int, int], bytes]


class ProofError(ValueError):
    """A proof does not prove what it is shown for."""


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree in memory, made from leaf hashes. An append costs two hashes on average."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaf_hashes:
            self.append(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add a leaf and every node that it completes."""
        level, node = 0, leaf
        while True:
            if level == len(self._levels):
                self._levels.append([])
            nodes = self._levels[level]
            nodes.append(node)
            if len(nodes) % 2:
                return
            node = node_hash(nodes[-2], nodes[-1])
            level += 1

    def node(self, level: int, index: int) -> bytes:
        return self._levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """The root now, or at an earlier size."""
        return root_hash(self._known(len(self) if size is None else size), self.node)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        return inclusion_proof(index, self._known(size), self.node)

    def consistency_proof(self, first: int, second: int) -> list[bytes]:
        return consistency_proof(first, self._known(second), self.node)

    def _known(self, size: int) -> int:
        if not 0 <= size <= len(self):
            raise ValueError(f"the tree has {len(self)} leaves, not {size}")
        return size


def root_hash(size: int, node: NodeAt) -> bytes:
    """The root over the first `size` leaves, from nodes of full subtrees alone."""
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: NodeAt) -> list[bytes]:
    """The hashes from the leaf's sibling up to a child of the root (RFC 9162 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range_root(middle, end, node))
            end = middle
        else:
            proof.append(_range_root(start, middle, node))
            start = middle
    return proof[::-1]


def consistency_proof(first: int, second: int, node: NodeAt) -> list[bytes]:
    """What shows that a tree of `second` leaves begins with that of `first` (2.1.4.1)."""
    if not 0 < first <= second:
        raise ValueError(f"no consistency proof from {first} to {second}")
    proof: list[bytes] = []
    start, end = 0, second
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            proof.append(_range_root(middle, end, node))
            end = middle
        else:
            proof.append(_range_root(start, middle, node))
            start = middle
    if start:
        proof.append(_range_root(start, end, node))
    return proof[::-1]


def verify_inclusion(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise `ProofError` unless the leaf hash stands at `index` under `root` (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError(f"index {index} is outside a tree of {size}")
    _demand_hashes([leaf, root, *proof])
    running = leaf
    for sibling, is_left in _sides(proof, index, size - 1):
        running = node_hash(sibling, running) if is_left else node_hash(running, sibling)
    if running != root:
        raise ProofError("the proof leads to another root")


def verify_consistency(
    *, first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise `ProofError` unless the second tree continues the first (RFC 9162 2.1.4.2).

    From size 0 nothing can be shown, so that is refused: accept a first checkpoint elsewhere.
    """
    if not 0 < first <= second:
        raise ProofError(f"no consistency from {first} to {second}")
    if first == second:
        if proof or first_root != second_root:
            raise ProofError("two roots for one size")
        return
    _demand_hashes([first_root, second_root, *proof])
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        raise ProofError("the proof is empty")
    here, last = first - 1, second - 1
    while here % 2:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling, is_left in _sides(path[1:], here, last):
        if is_left:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != first_root or new != second_root:
        raise ProofError("the second tree does not continue the first")


def tile_hashes(leaf_hashes: Sequence[bytes], level: int, index: int, width: int) -> list[bytes]:
    """The hashes of one tile: full subtrees of `256^level` leaves, `width` of them."""
    span: int = TILE_WIDTH**level
    start = index * TILE_WIDTH
    if not 1 <= width <= TILE_WIDTH or (start + width) * span > len(leaf_hashes):
        raise ValueError(f"no tile {level}/{index} of width {width} in {len(leaf_hashes)} leaves")
    if span == 1:
        return list(leaf_hashes[start : start + width])
    subtrees = (leaf_hashes[n * span : (n + 1) * span] for n in range(start, start + width))
    return [Tree(leaves).node(_TILE_HEIGHT * level, 0) for leaves in subtrees]


def tiles_of(size: int) -> list[tuple[int, int, int]]:
    """Every tile `(level, index, width)` that a log must serve for a checkpoint of this size."""
    tiles = []
    level = 0
    while size:
        full, rest = divmod(size, TILE_WIDTH)
        tiles += [(level, index, TILE_WIDTH) for index in range(full)]
        if rest:
            tiles.append((level, full, rest))
        level, size = level + 1, full
    return tiles


def tile_path(index: int, width: int = TILE_WIDTH) -> str:
    """`1234067` is `x001/x234/067`; a partial tile adds `.p/<width>`."""
    if index < 0 or not 1 <= width <= TILE_WIDTH:
        raise ValueError(f"no tile {index} of width {width}")
    index, last = divmod(index, 1000)
    path = f"{last:03}"
    while index:
        index, group = divmod(index, 1000)
        path = f"x{group:03}/{path}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def parse_tile_path(path: str) -> tuple[int, int]:
    """The `(index, width)` of a tile path; a spelling that we would not write is refused."""
    match = _TILE_PATH.fullmatch(path) if len(path) <= len("x000/") * 6 + len("000.p/255") else None
    if match:
        groups, last, partial = match.groups()
        index = int(groups.replace("x", "").replace("/", "") + last)
        width = int(partial) if partial else TILE_WIDTH
        if width <= TILE_WIDTH and tile_path(index, width) == path:
            return index, width
    raise ValueError("not a tile path")


def entry_bundle(entries: Iterable[bytes]) -> bytes:
    """The entries themselves, each behind its length as a big-endian uint16."""
    parts = []
    for entry in entries:
        if len(entry) > _MAX_ENTRY_BYTES:
            raise ValueError("an entry is longer than a bundle can say")
        parts.append(len(entry).to_bytes(2, "big") + entry)
    return b"".join(parts)


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range_root(start: int, end: int, node: NodeAt) -> bytes:
    """The root over `[start, end)`, where `start` is a multiple of the range's largest subtree."""
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(count)
    return node_hash(_range_root(start, middle, node), _range_root(middle, end, node))


def _sides(proof: Sequence[bytes], here: int, last: int) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a proof, and whether it stands left, on the way up from node `here`."""
    for sibling in proof:
        if last == 0:
            raise ProofError("the proof is too long")
        is_left = here % 2 == 1 or here == last
        yield sibling, is_left
        while is_left and here and here % 2 == 0:
            here, last = here >> 1, last >> 1
        here, last = here >> 1, last >> 1
    if last:
        raise ProofError("the proof is too short")


def _demand_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(value) != HASH_BYTES for value in hashes):
        raise ProofError(f"a hash has {HASH_BYTES} bytes")
