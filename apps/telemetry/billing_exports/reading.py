"""Billing exports as files: CSV (also .csv.gz) and Parquet, read in batches of bounded size.

Everything is read as text, so that no amount ever is a float: Parquet's own numbers are written
out with as many digits as they have.
"""

import codecs
import csv
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from apps.telemetry.billing_exports.errors import ExportError
from apps.telemetry.billing_exports.lines import Batch

BATCH_LINES: Final = 8192
BLOCK_BYTES: Final = 1024 * 1024
"""Read at once of a CSV; a single line may not be longer. pyarrow reads some 30 blocks ahead."""
PIECE_BYTES: Final = 1024 * 1024
PARQUET_MAGIC: Final = b"PAR1"
GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file that was looked through once: whole, of a known kind, with a header."""

    path: Path
    kind: str
    """csv, csv.gz or parquet."""
    sha256: bytes
    header: tuple[str, ...]
    lines: int
    """Without the header; of a CSV a few more where its texts have line ends in them."""


def inspect(path: Path) -> ExportFile:
    """Look through the whole file once, so that a broken one is refused before anything is stored.

    Raises ExportError for what is no file, empty, cut off, not UTF-8, or without a header.
    """
    if not path.is_file():
        raise ExportError(f"{path} is not a file." if path.exists() else f"{path} does not exist.")
    if path.stat().st_size == 0:
        raise ExportError(f"{path} is empty.")
    try:
        with path.open("rb") as file:
            kind = _kind(file.read(4))
            file.seek(0)
            sha256, lines = _look_through(file, kind)
        header = _header(path, kind)
        if kind == "parquet":
            lines = _parquet(path).metadata.num_rows
        return ExportFile(path, kind, sha256, header, lines)
    except OSError as problem:
        raise ExportError(f"Cannot read {path}: {problem.strerror or problem}") from problem


def batches(
    export: ExportFile, columns: Sequence[str], ragged: Callable[[int | None], None]
) -> Iterator[Batch]:
    """The lines in order, of each the texts of these columns; a missing column is empty texts.

    `ragged` is told of each line with more or fewer fields than the header, which is left out, and
    by its number, the header being 0.
    """
    if not export.lines:  # a header alone, which pyarrow would refuse
        return
    present = [name for name in columns if name in export.header]
    read = _parquet_batches if export.kind == "parquet" else _csv_batches
    try:
        for table in read(export, present, ragged):
            texts = {name: _texts(table.column(name)) for name in present}
            empty = [""] * table.num_rows
            yield {name: texts.get(name, empty) for name in columns}
    except (pa.ArrowException, OSError) as problem:
        raise ExportError(f"{export.path} cannot be read any further: {problem}") from problem


def _kind(magic: bytes) -> str:
    if magic == PARQUET_MAGIC:
        return "parquet"
    return "csv.gz" if magic.startswith(GZIP_MAGIC) else "csv"


def _look_through(file: IO[bytes], kind: str) -> tuple[bytes, int]:
    """The file's SHA-256 and its lines; on the way texts are checked to be whole and UTF-8."""
    digest = hashlib.sha256()
    check = None if kind == "parquet" else _TextCheck(is_packed=kind == "csv.gz")
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
        if check is not None:
            check.take(piece)
    return digest.digest(), 0 if check is None else check.end()


class _TextCheck:
    """Whether a stream of bytes is a text, unpacked where it is packed."""

    def __init__(self, *, is_packed: bool) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._unpacker = zlib.decompressobj(wbits=31) if is_packed else None
        self._line_ends, self._last = 0, b""

    def take(self, piece: bytes) -> None:
        if self._unpacker is None:
            self._decode(piece)
            return
        try:
            while piece:
                self._decode(self._unpacker.decompress(piece, PIECE_BYTES))
                piece = self._unpacker.unconsumed_tail
                if self._unpacker.eof:  # a gzip file may have several members
                    piece = self._unpacker.unused_data or piece
                    self._unpacker = zlib.decompressobj(wbits=31) if piece else self._unpacker
        except zlib.error as problem:
            raise ExportError(f"The gzip file is damaged: {problem}") from problem

    def end(self) -> int:
        """The lines after the first."""
        if self._unpacker is not None and not self._unpacker.eof:
            raise ExportError("The gzip file is cut off: it ends before its end.")
        self._decode(b"", is_last=True)
        return self._line_ends - (self._last in {b"\n", b"\r"})

    def _decode(self, piece: bytes, *, is_last: bool = False) -> None:
        self._line_ends += max(piece.count(b"\n"), piece.count(b"\r"))
        self._last = piece[-1:] or self._last
        if b"\0" in piece:
            raise ExportError("Not a text in UTF-8: save it as CSV in UTF-8.")
        try:
            self._decoder.decode(piece, is_last)
        except UnicodeDecodeError as problem:
            raise ExportError("Not a text in UTF-8: save it as CSV in UTF-8.") from problem


def _header(path: Path, kind: str) -> tuple[str, ...]:
    if kind == "parquet":
        return tuple(_parquet(path).schema_arrow.names)
    with _text(path, kind) as lines:
        names = next(csv.reader(lines), [])
    if not any(name.strip() for name in names):
        raise ExportError(f"{path} has no header.")
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ExportError(f"{path} has these columns twice: {', '.join(twice)}")
    return tuple(names)


@contextmanager
def _text(path: Path, kind: str) -> Iterator[io.TextIOBase]:
    with path.open("rb") as packed:
        plain = gzip.GzipFile(fileobj=packed) if kind == "csv.gz" else packed
        with io.TextIOWrapper(plain, encoding="utf-8-sig", newline="") as lines:
            yield lines


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, memory_map=True, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as problem:
        raise ExportError(f"{path} is not a whole Parquet file: {problem}") from problem


def _csv_batches(
    export: ExportFile, present: Sequence[str], ragged: Callable[[int | None], None]
) -> Iterator[pa.Table]:
    def leave_out(row: pa_csv.InvalidRow) -> str:
        ragged(None if row.number is None else row.number - 1)
        return "skip"

    reader = pa_csv.open_csv(
        pa.input_stream(str(export.path), compression="gzip" if export.kind == "csv.gz" else None),
        read_options=pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=leave_out),
        convert_options=pa_csv.ConvertOptions(
            include_columns=list(present),
            column_types=dict.fromkeys(present, pa.string()),
            strings_can_be_null=False,
        ),
    )
    return _even(reader)


def _even(blocks: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Blocks of any number of lines as batches of BATCH_LINES."""
    waiting: list[pa.RecordBatch] = []
    lines = 0
    for block in blocks:
        waiting.append(block)
        lines += block.num_rows
        while lines >= BATCH_LINES:
            whole = pa.Table.from_batches(waiting)
            yield whole.slice(0, BATCH_LINES)
            waiting = whole.slice(BATCH_LINES).to_batches()
            lines -= BATCH_LINES
    if lines:
        yield pa.Table.from_batches(waiting)


def _parquet_batches(
    export: ExportFile, present: Sequence[str], _ragged: Callable[[int | None], None]
) -> Iterator[pa.RecordBatch]:
    yield from _parquet(export.path).iter_batches(
        batch_size=BATCH_LINES, columns=list(present), use_threads=False
    )


def _texts(column: pa.Array | pa.ChunkedArray) -> list[str]:
    """Each value as a text; nothing is an empty one, and a map is JSON in the order of its keys."""
    kind = column.type
    if pa.types.is_nested(kind):
        return [_as_json(value) for value in column.to_pylist()]
    if not pa.types.is_string(kind):
        column = column.cast(pa.string())
    if column.null_count:
        column = pc.fill_null(column, "")
    texts: list[str] = column.to_pylist()
    return texts


def _as_json(value: Any) -> str:
    if not value:
        return ""
    members = dict(value) if isinstance(value, list) else value
    return json.dumps(members, sort_keys=True, separators=(",", ":"), default=str)
