"""``oubli unlearn --stream``: request after request from a file, resumed where an earlier run ended."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from oubli.cli.models import open_model
from oubli.cli.request import Entry, RequestReader, check_present, to_removal
from oubli.cli.stream_batch import Batch, Request
from oubli.cli.stream_lines import FileLines, Line, Mark, PipedLines, open_stream
from oubli.cli.stream_receipts import ReceiptLines
from oubli.cli.stream_tally import Tally
from oubli.cli.terminal import StopSignals, progress_to
from oubli.errors import InputError, OubliError, UnsweptError
from oubli.guarantees.position import StreamPosition

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST_PENDING = 1 << 24
"""Bytes of receipts that may wait for the model to be saved."""


@dataclass(frozen=True)
class StreamOptions:
    """How to work through a stream.

    Parameters
    ----------
    stream : str
        File of requests; ``-`` is standard input.
    batch : int
        Requests merged into one removal.
    checkpoint : float
        Seconds after which the model is saved in between.
    missing, level : str
        As for `NodeClassifier.unlearn`.
    receipt : str, optional
        File that gets a receipt a batch.
    engine, workers : optional
        As for `open_model`.
    """

    stream: str
    batch: int
    checkpoint: float
    missing: Literal["error", "ignore"]
    level: Literal["reselected", "frozen"]
    receipt: str | None
    engine: str | None = None
    workers: int | str | None = None


class BadLineError(Exception):
    """A line that cannot be honoured.

    Parameters
    ----------
    reason : OubliError
        It names the line.
    """

    def __init__(self, reason: OubliError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class StreamRun:
    """One run through a stream, from where the model is in it.

    Parameters
    ----------
    model : str
        The model's folder.
    options : StreamOptions

    Raises
    ------
    InputError
        When the stream, the model or the place for receipts cannot be used.
    """

    def __init__(self, model: str, options: StreamOptions) -> None:
        self.model, self.options = model, options
        self.fitted = open_model(model, options.engine, options.workers)
        self.reader = RequestReader(self.fitted.graph_)
        former = self.fitted.stream_position
        self.key = self.fitted.graph_.index.ledger.key
        self.source: FileLines | PipedLines = open_stream(options.stream, self.key, former)
        self.former = former if self.source.resumed else None
        self.replaced = former if self.former is None and self.source.resumable else None
        self.token = self.former.token if self.former else secrets.token_hex(8)
        self.done = self.saved = self.source.mark()
        try:
            self.receipts = self._receipts()
        except OubliError:
            self.source.close()
            raise
        self.tally = Tally()
        self.stop = StopSignals()
        self.finished = False

    def run(self) -> None:
        """Honour what is left of the stream, and save.

        Raises
        ------
        OubliError
            For a line that cannot be honoured, all before it being done and saved; or when saving fails.
        KeyboardInterrupt
            When a signal asked to stop, with what is done and how to go on as its message.
        """
        started = self._saved_at = time.monotonic()
        text = f"Going on after line {self.done.lines:,}" if self.former else "Forgetting"
        total = self.source.count()
        try:
            with self.stop:
                try:
                    with progress_to(text, total, self.done.lines, "lines") as reach:
                        self._work(reach)
                except BadLineError as bad:
                    raise self._stopped(bad) from None
                if self._unsaved:
                    self._save()
        finally:
            self.tally.seconds = time.monotonic() - started
            self.source.close()
            if self.receipts:
                self.receipts.close()
        if self.stop.asked and not self.finished:
            raise KeyboardInterrupt(self._told_of_done("run the same command again", "give the lines after them"))

    def _receipts(self) -> ReceiptLines | None:
        if self.options.receipt is None:
            return None
        return ReceiptLines(self.options.receipt, self.model, self.options.stream, self.token, self.done.lines)

    def _work(self, reach: Callable[[int], None]) -> None:
        batch = Batch()
        for line in self.source:
            if line is not None and not self.stop.asked:
                self._take(batch, line)
            # What a pipe brings does not wait for a whole batch longer than for a save.
            waited = line is None and self._due
            if len(batch.requests) == self.options.batch or waited or self.stop.asked:
                self._honour(batch)
                batch = Batch()
                reach(self.done.lines)
            if self._unsaved and self._due:
                self._save()
            if self.stop.asked:
                return
        self._honour(batch)
        self.done, self.finished = self.source.mark(), True

    @property
    def _due(self) -> bool:
        full = self.receipts is not None and self.receipts.size > LARGEST_PENDING
        return full or time.monotonic() - self._saved_at >= self.options.checkpoint

    @property
    def _unsaved(self) -> bool:
        return self.tally.requests > self.tally.saved_requests

    def _take(self, batch: Batch, line: Line) -> None:
        """Check a line and add it to the batch; one that is bad lets those before it pass first."""
        try:
            entries = self._entries(line)
            if self.options.missing == "error":
                batch.check_unclaimed(entries)
        except OubliError as error:
            self._honour(batch)
            raise BadLineError(error) from None
        batch.add(Request(line, entries, self.source.mark()))

    def _entries(self, line: Line) -> list[Entry]:
        where = f"{self.source.name}, line {line.number}"
        try:
            entries = self.reader.parsed(line.content.decode(), where)
        except UnicodeDecodeError as error:
            raise InputError(f"{where}: not text in UTF-8 (byte {error.start}); save it as plain text") from None
        except InputError as error:
            cut = "" if line.ended else "; it has no end, so the file was cut off or is still being written"
            raise InputError(str(error).replace("not JSON, line 1:", "not JSON:") + cut) from None
        if not entries:
            raise InputError(f"{where}: nothing is requested there; take the line out")
        return entries

    def _honour(self, batch: Batch) -> None:
        """Honour what is in a batch, if anything is."""
        if not batch.requests:
            return
        if self.receipts and self.source.resumable and not self.former and not self.tally.saves:
            self._begin(batch.requests)
        self._honour_together(batch.requests)

    def _begin(self, requests: list[Request]) -> None:
        """Save before anything is done, so that a later run knows the receipts of this one by their token."""
        # A file given by mistake does not take the place of another.
        if error := self._before_absent(requests[:1])[1]:
            raise BadLineError(error)
        self._save()

    def _honour_together(self, requests: list[Request]) -> None:
        """Honour requests at once; where one of them cannot be, honour those before it and raise for it."""
        try:
            self._forget(requests)
            return
        except InputError as error:
            refused = error
        except OubliError as error:
            raise self._bad(requests, error) from None
        # Looked for only now: in a stream that is well there is none.
        good, absent = self._before_absent(requests)
        if absent is not None:
            if good:
                self._honour_together(good)
            raise BadLineError(absent)
        if len(requests) == 1:
            raise self._bad(requests, refused)
        for request in requests:
            self._honour_together([request])

    def _before_absent(self, requests: list[Request]) -> tuple[list[Request], OubliError | None]:
        """Return the requests before the first that names what is not there, and the error for that one."""
        for at, request in enumerate(requests if self.options.missing == "error" else []):
            try:
                check_present(self.fitted.graph_, request.entries)
            except OubliError as error:
                return requests[:at], error
        return requests, None

    def _bad(self, requests: list[Request], error: OubliError) -> BadLineError:
        first, last = requests[0].line.number, requests[-1].line.number
        where = f"{self.source.name}, line {first}" if first == last else f"{self.source.name}, lines {first} to {last}"
        reason = str(error).removeprefix("unlearn: ").replace("; nothing was changed", "")
        return BadLineError(type(error)(f"{where}: {reason}"))

    def _forget(self, requests: list[Request]) -> None:
        removal = to_removal([entry for request in requests for entry in request.entries])
        receipt = self.fitted.unlearn(removal, missing=self.options.missing, level=self.options.level)
        self.done = requests[-1].mark
        self.tally.add(len(requests), receipt)
        if self.receipts:
            self.receipts.add(requests[0].line.number, requests[-1].line.number, len(requests), receipt)

    def _save(self) -> None:
        """Save the model with its place in the stream, and the receipts of what it has honoured."""
        if isinstance(self.source, FileLines):
            self.fitted.stream_position = self._position(self.source)
        with self.receipts.written() if self.receipts else contextlib.nullcontext():
            self.fitted.save(self.model)
        self.saved, self._saved_at = self.done, time.monotonic()
        self.tally.note_save()

    def _position(self, source: FileLines) -> StreamPosition:
        before = self.former.requests if self.former else 0
        return StreamPosition(
            token=self.token,
            lines=self.done.lines,
            bytes=self.done.bytes,
            requests=before + self.tally.requests,
            content=self.done.seen.hexdigest() if self.done.seen else "",
            name=source.path_hash,
            first=source.first_hash,
        )

    def _stopped(self, bad: BadLineError) -> OubliError:
        """Save what was done before a bad line, and return the error that tells of both."""
        told = self._told_of_done(
            "mend the line and run the same command again", "mend the line and give it again with those after it"
        )
        if self._unsaved:
            try:
                self._save()
            except UnsweptError:
                raise
            except OubliError as unsaved:
                told = (
                    f"{self._lines_told(self.saved)} done in the saved model; what came after was not saved ({unsaved})"
                )
        return type(bad.reason)(f"{bad.reason}. {told[:1].upper()}{told[1:]}")

    def _told_of_done(self, mend_file: str, mend_pipe: str) -> str:
        if not self.source.resumable:
            return f"{self._lines_told(self.done)} done and saved; {mend_pipe}"
        return f"{self._lines_told(self.done)} done and saved; {mend_file}, which goes on there"

    def _lines_told(self, mark: Mark) -> str:
        if not mark.lines:
            return "no line is"
        return "line 1 is" if mark.lines == 1 else f"lines 1 to {mark.lines:,} are"
