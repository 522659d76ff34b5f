"""The scheduler and its workers: started here or somewhere else, asked with bounded patience."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import resource_tracker
from typing import Any

from oubli.engines.dask.quiet import loud, quiet
from oubli.engines.dask.registry import ShardMissingError
from oubli.errors import CapacityError, InputError, OubliError

CONNECT = 10.0
"""Seconds until a scheduler answers, or a first worker is there."""

SILENCE = 30.0
"""Seconds that a scheduler may be silent before it counts as gone."""

GRACE = 5.0
"""Seconds in which a scheduler notices that a worker is gone from which nothing could be fetched."""

LARGE = 1 << 20
"""Bytes from which an argument is sent ahead of its task."""


class WorkersLostError(Exception):
    """Workers went away, or were started anew without their shards; `keys` of the shards known to be missing."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        super().__init__(*keys)
        self.keys = set(keys)


OURS = (OubliError, ShardMissingError, MemoryError, ImportError)


class SchedulerGoneError(OubliError):
    """The scheduler does not answer any more."""


class Cluster:
    """A client of a Dask scheduler.

    Parameters
    ----------
    workers : int or str
        How many processes to start on this machine, or the address of a scheduler.

    Raises
    ------
    InputError
        When no scheduler answers at the address, or it has no workers.
    ImportError
        Without Dask.
    """

    def __init__(self, workers: int | str) -> None:
        try:
            import distributed
        except ImportError:
            raise ImportError("the Dask engine needs dask and distributed: pip install 'oubli[dask]'") from None
        quiet()
        self._client: Any = None
        self._local: Any = None
        self._closed = False
        try:
            self._client = self._start(distributed, workers) if isinstance(workers, int) else _connect(workers)
            self.address = str(self._client.scheduler.address)
            self._loop = self._client.loop.asyncio_loop
            self._thread = asyncio.run_coroutine_threadsafe(_thread(), self._loop).result(CONNECT)
            self._wait_for_workers(workers)
        except BaseException:
            self.close()
            raise

    def _start(self, distributed: Any, workers: int) -> Any:
        with ThreadPoolExecutor(1) as aside:
            starting = aside.submit(_local_cluster, distributed, workers)
            try:
                self._local = starting.result()
            except BaseException as error:
                # Half a cluster cannot be closed: an interrupt waits for the other half.
                with contextlib.suppress(Exception):
                    starting.result().close(timeout=CONNECT)
                if isinstance(error, RuntimeError):
                    raise OubliError(
                        f"dask: the workers did not start ({error}); in a script, what starts them has to be under "
                        '`if __name__ == "__main__":`'
                    ) from None
                raise
        return distributed.Client(self._local, set_as_default=False)

    def _wait_for_workers(self, workers: int | str) -> None:
        until = time.monotonic() + CONNECT
        while not self.workers():
            if time.monotonic() > until:
                raise InputError(
                    f"workers: the Dask scheduler at {workers} has no workers; start some with "
                    f"`dask worker {workers}`, where the same version of oubli is installed"
                )
            time.sleep(0.1)

    def workers(self) -> list[str]:
        """Return the addresses of the workers that are there.

        Raises
        ------
        SchedulerGoneError
            When the scheduler does not say.
        """
        if self._client is None or self._client.status != "running":
            raise self._gone()

        async def ask() -> list[str]:
            return sorted(await asyncio.wait_for(self._client.scheduler.ncores(), SILENCE))

        try:
            return list(asyncio.run_coroutine_threadsafe(ask(), self._loop).result(SILENCE + 1))
        except (OSError, TimeoutError, RuntimeError, AttributeError):
            raise self._gone() from None

    def send(self, argument: Any, worker: str) -> Any:
        """Send a large argument to a worker ahead of its task; return what stands for it there."""
        send = self._client.scatter
        return self._patiently(lambda: send([argument], workers=[worker], hash=False, asynchronous=True), [worker])[0]

    def submit(self, worker: str, function: Callable[..., Any], *arguments: Any, actor: bool = False) -> Any:
        """Have a function run on one worker and no other; return its future."""
        try:
            return self._client.submit(
                function, *arguments, workers=[worker], allow_other_workers=False, pure=False, actor=actor
            )
        except Exception as error:
            if self._client is None or self._client.status != "running":
                raise self._gone() from None
            raise OubliError(f"dask: a task could not be sent to {worker} ({error})") from error

    def results(self, futures: Sequence[Any], workers: Iterable[str]) -> list[Any]:
        """Return what futures become, as long as all of these workers are there.

        Raises
        ------
        WorkersLostError, SchedulerGoneError
        """
        return self._patiently(lambda: _gathered(self._client, list(futures)), workers)

    def _patiently(self, ask: Callable[[], Any], workers: Iterable[str]) -> list[Any]:
        needed, patience, until = set(workers), 0.05, float("inf")
        task = self._begin(ask)
        while True:
            try:
                return list(task.result(patience))
            except Exception as error:
                failure = error if task.done() else None
            if isinstance(failure, OURS):
                raise _told(failure) from None
            try:
                self._check(needed)
            except BaseException:
                task.cancel()
                raise
            patience = min(2 * patience, 1.0)
            if failure is not None:
                # On the way, most likely: the scheduler is about to notice that a worker is gone.
                until = min(until, time.monotonic() + GRACE)
                if time.monotonic() > until:
                    raise OubliError(f"dask: a step failed on a worker ({failure!r})") from failure
                time.sleep(patience / 4)
                task = self._begin(ask)

    def _begin(self, ask: Callable[[], Any]) -> Any:
        async def run() -> Any:
            return await ask()

        return asyncio.run_coroutine_threadsafe(run(), self._loop)

    def _check(self, needed: set[str]) -> None:
        if not needed <= set(self.workers()):
            raise WorkersLostError()

    def _gone(self) -> SchedulerGoneError:
        return SchedulerGoneError(f"the Dask scheduler at {getattr(self, 'address', 'this address')} went away")

    def close(self) -> None:
        """Let go of the scheduler, and stop what was started here; more than once does no harm."""
        if self._closed:
            return
        self._closed = True
        client, local = self._client, self._local
        self._client = self._local = None
        if threading.get_ident() == getattr(self, "_thread", None):
            # Collected as garbage on Dask's own thread, which closing waits for.
            threading.Thread(target=_close, args=(client, local)).start()
        else:
            _close(client, local)


async def _gathered(client: Any, futures: list[Any]) -> list[Any]:
    # Without its own raising, which leaves the errors of other futures to be logged.
    found = await client.gather(futures, errors="skip", asynchronous=True)
    if len(found) == len(futures):
        return list(found)
    failed = next(future for future in futures if future.status != "finished")
    error = await failed.exception(asynchronous=True)
    raise error if isinstance(error, Exception) else OSError(f"a step is {failed.status}")


async def _thread() -> int:
    return threading.get_ident()


def _local_cluster(distributed: Any, workers: int) -> Any:
    # Inherited by the workers: an interrupt at the terminal is for who started them. Python's tracker of resources
    # undoes it for what is started by the thread that starts the tracker itself.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # One thread each, in every library; no limit of memory, at which Dask would kill a worker: shards do not spill.
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        # Without a dashboard Dask would still listen on its usual port, and warn where that is taken.
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        memory_limit=0,
        silence_logs=logging.CRITICAL + 1,
        env={"NUMBA_NUM_THREADS": "1"},
    )


def _connect(address: str) -> Any:
    import distributed

    try:
        return distributed.Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"workers: no Dask scheduler answers at {address} ({str(error) or type(error).__name__}); start one with "
            "`dask scheduler`, or give a number of workers to start here"
        ) from None


def _close(client: Any, local: Any) -> None:
    for one in (client, local):
        if one is not None:
            with contextlib.suppress(Exception):
                one.close(timeout=CONNECT)
    loud()


def _told(error: BaseException) -> BaseException:
    """Return what to raise for an error of a step."""
    if isinstance(error, ShardMissingError):
        return WorkersLostError(error.args)
    if isinstance(error, MemoryError):
        return CapacityError("dask: a worker has no memory left; use more workers, or workers with more memory")
    if isinstance(error, ImportError):
        return InputError(f"workers: a worker cannot import what it needs ({error}); install the same oubli there")
    return error
