import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.receipts.merkle import (
    EMPTY_ROOT,
    ProofError,
    Tree,
    entry_bundle,
    inclusion_proof,
    leaf_hash,
    node_hash,
    parse_tile_path,
    root_hash,
    tile_hashes,
    tile_path,
    tiles_of,
    verify_consistency,
    verify_inclusion,
)
from tests.receipts.vectors import load

CASES = load("merkle")
LOG = load("log_of_15")
SIZES = 70
LEAVES = [leaf_hash(number.to_bytes(2, "big")) for number in range(SIZES)]
TREE = Tree(LEAVES)


def unhexed(hashes: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in hashes]


def hexed(hashes: list[bytes]) -> list[str]:
    return [value.hex() for value in hashes]


def recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word and slow."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(recursive_root(leaves[:split]), recursive_root(leaves[split:]))


@pytest.mark.parametrize("case", CASES["hashes"], ids=lambda case: case["desc"])
def test_a_hash_is_the_published_one(case: dict[str, str]) -> None:
    if case["kind"] == "leaf":
        value = leaf_hash(bytes.fromhex(case["data_hex"]))
    elif case["kind"] == "node":
        value = node_hash(bytes.fromhex(case["left_hex"]), bytes.fromhex(case["right_hex"]))
    else:
        value = Tree().root()

    assert value.hex() == case["sha256"]


def test_the_published_tree_has_its_roots_and_proofs() -> None:
    tree = Tree(leaf_hash(leaf) for leaf in unhexed(CASES["leaves"]))

    assert hexed([tree.root(size) for size in range(9)]) == CASES["roots_by_size"]
    for index, path in enumerate(CASES["inclusion_paths_of_8"]):
        assert hexed(tree.inclusion_proof(index, 8)) == path
    for first, proof in CASES["consistency_proofs_to_8"].items():
        assert hexed(tree.consistency_proof(int(first), 8)) == proof


@pytest.mark.parametrize("case", CASES["inclusion"], ids=lambda case: case["name"])
def test_an_inclusion_proof_is_judged_as_published(case: dict[str, object]) -> None:
    leaf, root = unhexed([str(case["leaf_hash"]), str(case["root"])])
    proof = unhexed(case["proof"])  # type: ignore[arg-type]  # JSON

    def judge() -> None:
        verify_inclusion(
            leaf,
            index=case["index"],  # type: ignore[arg-type]  # JSON
            size=case["size"],  # type: ignore[arg-type]  # JSON
            proof=proof,
            root=root,
        )

    if case["valid"]:
        judge()
    else:
        with pytest.raises(ProofError):
            judge()


@pytest.mark.parametrize("case", CASES["consistency"], ids=lambda case: case["name"])
def test_a_consistency_proof_is_judged_as_published(case: dict[str, object]) -> None:
    first_root, second_root = unhexed([str(case["first_root"]), str(case["second_root"])])
    proof = unhexed(case["proof"])  # type: ignore[arg-type]  # JSON

    def judge() -> None:
        verify_consistency(
            first=case["first"],  # type: ignore[arg-type]  # JSON
            second=case["second"],  # type: ignore[arg-type]  # JSON
            first_root=first_root,
            second_root=second_root,
            proof=proof,
        )

    if case["valid"]:
        judge()
    else:
        with pytest.raises(ProofError):
            judge()


def test_the_root_of_every_size_is_the_one_of_the_definition() -> None:
    for size in range(SIZES + 1):
        assert TREE.root(size) == recursive_root(LEAVES[:size])


def test_every_leaf_is_proved_in_every_size_and_no_other_leaf_is() -> None:
    for size in range(1, SIZES + 1):
        root = TREE.root(size)
        for index in range(size):
            proof = TREE.inclusion_proof(index, size)
            verify_inclusion(LEAVES[index], index=index, size=size, proof=proof, root=root)
            for other, leaf in ((index, LEAVES[index - 1]), ((index + 1) % size, LEAVES[index])):
                if size > 1:
                    with pytest.raises(ProofError):
                        verify_inclusion(leaf, index=other, size=size, proof=proof, root=root)


def test_every_size_is_consistent_with_every_earlier_one() -> None:
    for second in range(1, SIZES + 1):
        for first in range(1, second + 1):
            roots = {"first_root": TREE.root(first), "second_root": TREE.root(second)}
            proof = TREE.consistency_proof(first, second)
            verify_consistency(first=first, second=second, proof=proof, **roots)
            if first < second:
                with pytest.raises(ProofError):
                    verify_consistency(
                        first=first, second=second, proof=[*proof, proof[0]], **roots
                    )
                forked = {**roots, "first_root": leaf_hash(b"fork")}
                with pytest.raises(ProofError):
                    verify_consistency(first=first, second=second, proof=proof, **forked)


def test_the_border_between_two_hashes_cannot_be_moved() -> None:
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(
            LEAVES[0] + LEAVES[1][:1],
            index=0,
            size=2,
            proof=[LEAVES[1][1:]],
            root=TREE.root(2),
        )


def test_a_tree_that_changed_a_leaf_is_not_consistent() -> None:
    rewritten = Tree([*LEAVES[:3], leaf_hash(b"rewritten"), *LEAVES[4:]])

    with pytest.raises(ProofError):
        verify_consistency(
            first=5,
            second=SIZES,
            first_root=TREE.root(5),
            second_root=rewritten.root(),
            proof=rewritten.consistency_proof(5, SIZES),
        )


def test_nothing_is_proved_about_a_size_that_the_tree_has_not() -> None:
    for ask in (
        lambda: TREE.root(SIZES + 1),
        lambda: TREE.inclusion_proof(0, SIZES + 1),
        lambda: TREE.inclusion_proof(5, 5),
        lambda: TREE.consistency_proof(0, 5),
        lambda: TREE.consistency_proof(6, 5),
    ):
        with pytest.raises(ValueError, match=r"no|not"):
            ask()


def test_the_published_log_has_its_tile_and_its_bundle() -> None:
    entries = [entry.encode() for entry in LOG["entries"]]
    leaves = [leaf_hash(entry) for entry in entries]

    assert b"".join(tile_hashes(leaves, 0, 0, 15)).hex() == LOG["tile_0_0"]
    assert entry_bundle(entries).hex() == LOG["entry_bundle"]


def test_an_entry_too_long_for_its_length_field_is_refused() -> None:
    assert entry_bundle([b"x" * 0xFFFF])[:2] == b"\xff\xff"
    with pytest.raises(ValueError, match="longer"):
        entry_bundle([b"x" * 0x10000])


def test_the_tiles_of_a_large_log_hold_the_nodes_of_its_tree() -> None:
    leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(70_000)]
    tree = Tree(leaves)

    assert tiles_of(len(leaves))[-3:] == [(1, 0, 256), (1, 1, 17), (2, 0, 1)]
    for level, index, width in tiles_of(len(leaves)):
        expected = [tree.node(8 * level, 256 * index + place) for place in range(width)]
        assert tile_hashes(leaves, level, index, width) == expected


def test_a_log_of_256_leaves_has_a_second_level() -> None:
    assert tiles_of(0) == []
    assert tiles_of(255) == [(0, 0, 255)]
    assert tiles_of(256) == [(0, 0, 256), (1, 0, 1)]


@pytest.mark.parametrize(("level", "index", "width"), [(0, 0, 71), (0, 1, 1), (1, 0, 1), (0, 0, 0)])
def test_a_tile_beyond_the_leaves_is_refused(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match="no tile"):
        tile_hashes(LEAVES, level, index, width)


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [
        (0, 256, "000"),
        (999, 256, "999"),
        (1000, 256, "x001/000"),
        (1234067, 256, "x001/x234/067"),
        (1234067, 112, "x001/x234/067.p/112"),
        (5, 1, "005.p/1"),
    ],
)
def test_a_tile_has_one_path(index: int, width: int, path: str) -> None:
    assert tile_path(index, width) == path
    assert parse_tile_path(path) == (index, width)


@pytest.mark.parametrize(
    "path",
    [
        *["", "0", "0000", "x000/001", "x001/1", "001/x002", "/001", "001/", "../001", "001\n"],
        *["001.p/0", "001.p/256", "001.p/01", "001.p/"],
        *["\u0661\u0661\u0661", "x001/" * 200 + "001"],
    ],
)
def test_another_spelling_of_a_tile_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a tile path"):
        parse_tile_path(path)


@given(st.integers(0, 10**20), st.integers(1, 256))
def test_every_tile_is_found_by_its_path(index: int, width: int) -> None:
    assert parse_tile_path(tile_path(index, width)) == (index, width)


def test_a_proof_from_a_hundred_thousand_leaves_reads_few_nodes() -> None:
    count = 100_000
    tree = Tree(leaf_hash(number.to_bytes(4, "big")) for number in range(count))
    asked: list[tuple[int, int]] = []

    def node(level: int, index: int) -> bytes:
        asked.append((level, index))
        return tree.node(level, index)

    for index in (0, 77_777, count - 1):
        asked.clear()
        proof = inclusion_proof(index, count, node)
        verify_inclusion(
            leaf_hash(index.to_bytes(4, "big")),
            index=index,
            size=count,
            proof=proof,
            root=root_hash(count, tree.node),
        )
        assert len(asked) <= 2 * 17
