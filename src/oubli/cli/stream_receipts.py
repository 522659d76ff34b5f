"""The receipts of a stream, one JSON line a batch, in step with the model on the disk.

They are written right before the model is saved. A kill between the two leaves lines of batches that the model on the
disk does not know of; whoever goes on with the stream takes them out first, since the batches will be done again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from oubli.errors import CapacityError, InputError, UnsweptError

if TYPE_CHECKING:
    from oubli.guarantees import Receipt

OURS = b'{"stream": "'
HEAD = re.compile(rb'\{"stream": "([0-9a-f]+)", "first": \d+, "last": (\d+),')


class ReceiptLines:
    """A file of receipts that grows with every save of the model.

    Parameters
    ----------
    path : str
    model, stream : str
        The model's folder and the file of requests, where receipts must not go.
    token : str
        Name of the stream.
    done : int
        Lines of the stream that the saved model has honoured; receipts of later ones are taken out.

    Raises
    ------
    InputError
        When the path is no place for receipts, or cannot be written.
    """

    def __init__(self, path: str, model: str, stream: str, token: str, done: int) -> None:
        self.path, self.token = Path(path), token
        self._pending: list[bytes] = []
        self.size = 0
        _check_place(self.path, model, stream)
        with _told(self.path):
            self._file = self._opened()
            try:
                dropped = self._drop_undone(done)
            except BaseException:
                self._file.close()
                raise
            if dropped:
                self._file.close()
                self._file = self._opened()

    def add(self, first: int, last: int, requests: int, receipt: Receipt) -> None:
        """Note the receipt of the requests from line `first` to line `last`."""
        values = {"stream": self.token, "first": first, "last": last, "requests": requests}
        line = json.dumps(values | {"receipt": receipt.to_dict()}).encode() + b"\n"
        self._pending.append(line)
        self.size += len(line)

    @contextlib.contextmanager
    def written(self) -> Iterator[None]:
        """Put the receipts noted on the disk, for a block that saves the model; if it fails they are taken back."""
        from oubli.graph.durable import flush_file, flush_folder

        before = os.fstat(self._file.fileno()).st_size
        try:
            with _told(self.path):
                self._write(b"".join(self._pending))
                flush_file(self._file)
                flush_folder(self.path.resolve().parent)
            yield
        except UnsweptError:
            self._forget_pending()
            raise
        except Exception:
            # An interrupt is none: the model may be saved by then, and the next run knows.
            self._take_back(before)
            raise
        self._forget_pending()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, content: bytes) -> None:
        # Without a buffer nothing is left over to be written later, when a write has failed.
        while content:
            content = content[self._file.write(content) :]

    def _forget_pending(self) -> None:
        self._pending, self.size = [], 0

    def _take_back(self, size: int) -> None:
        with contextlib.suppress(OSError):
            os.ftruncate(self._file.fileno(), size)

    def _opened(self) -> FileIO:
        file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed by close()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise InputError(
                f"{self.path}: another command is writing there; wait for it, or give another file"
            ) from None
        return file

    def _drop_undone(self, done: int) -> bool:
        """Take out receipts of lines behind the saved position and one that was not written whole."""
        from oubli.graph.durable import write_beside

        if not any(self._is_undone(line, done) for line in self._lines()):
            return False
        with write_beside(self.path) as kept:
            kept.writelines(line for line in self._lines() if not self._is_undone(line, done))
        return True

    def _lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield from file

    def _is_undone(self, line: bytes, done: int) -> bool:
        if not line.endswith(b"\n"):
            if line.startswith(OURS) or OURS.startswith(line):
                return True
            raise InputError(
                f"{self.path}: its last line has no end and is no receipt of a stream; give another file for receipts"
            )
        head = HEAD.match(line)
        return head is not None and head[1] == self.token.encode() and int(head[2]) > done


def _check_place(path: Path, model: str, stream: str) -> None:
    if path.is_dir() or not path.name:
        raise InputError(f"{path}: is a folder; give the path of a file")
    if path.resolve().is_relative_to(Path(model).resolve()):
        raise InputError(f"{path}: lies in the folder of the model, which holds nothing else; give another place")
    if path.exists() and Path(stream).exists() and path.samefile(stream):
        raise InputError(f"{path}: is the stream itself; give another file for receipts")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    from oubli.graph.durable import NO_SPACE

    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise CapacityError(f"{path}: the disk is full; make room and run again") from error
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); give another file") from error
