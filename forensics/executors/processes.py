"""Processes of this machine that survive the death of one of them and end with their parent.

Workers are started afresh (not forked from this process, which has threads) in a process group of their own, so that
Ctrl-C on the terminal reaches the parent alone. When the parent ends, however it ends, the kernel ends its workers. One
thread of the parent starts them, feeds them and hears them: the kernel takes the end of the thread that started a
process for the end of its parent.

Several workers that are prepared with a module are forked from a process that has imported it (Python's fork server,
which has one thread), so that they import it once together: of 24 Kodak pictures' verdicts by two processes the
imports were a fifth of the processor time. That process ends with this one, and the workers with it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from forensics.endings import Leaving, collect_rarely, end_with_parent
from forensics.executors.base import TRIES, Died, Executor, Heard, Raised, call_named, described

GRACE = 5.0
"""Seconds that workers are given to end before they are killed, all of them together at the end."""
_NEXT, _DONE, _ERROR = "next", "done", "error"


@dataclass
class _Task:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any]
    heard: Heard | None
    name: str
    tries: int


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    task: _Task | None = None
    deadline: float | None = None


class Processes(Executor):
    """At most `jobs` processes, started when they are needed; see `forensics.executors.executor` for the parameters."""

    def __init__(
        self,
        jobs: int,
        *,
        tries: int = TRIES,
        limit: float | None = None,
        note: Callable[[str], None] | None = None,
    ) -> None:
        self._jobs, self._tries, self._limit, self._note = max(1, jobs), tries, limit, note
        self._waiting: deque[_Task] = deque()
        self._workers: list[_Worker] = []
        self._context: Any = multiprocessing.get_context("spawn")
        self._closing = self._signalled = False
        self._lock = threading.Lock()
        self._woken, self._waker = self._context.Pipe(duplex=False)
        self._thread = threading.Thread(target=self._manage, name="forensics-processes", daemon=True)
        self._thread.start()

    @property
    def slots(self) -> int:
        """The number of processes."""
        return self._jobs

    def submit(self, function: Callable[..., Any], /, *arguments: Any, name: str = "") -> Future[Any]:
        """As for every executor."""
        return self._put(_Task(function, arguments, Future(), None, name, self._tries))

    def stream(
        self, function: Callable[..., Iterable[Any]], /, *arguments: Any, heard: Heard, name: str = "", tries: int = 1
    ) -> Future[None]:
        """As for every executor; what is yielded is heard at once."""
        return self._put(_Task(function, arguments, Future(), heard, name, tries))

    def prepare(self, module: str, function: str, /, *arguments: Any) -> None:
        """As for every executor: one task for each process; several are forked from one that has imported the
        module.
        """
        if self._jobs > 1 and not self._workers:
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload([module])
        for _ in range(self._jobs):
            self._put(_Task(call_named, (module, function, *arguments), Future(), None, "", 1))

    def shutdown(self) -> None:
        """As for every executor."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._wake()
        self._thread.join()
        self._woken.close()
        self._waker.close()

    def _put(self, task: _Task) -> Future[Any]:
        with self._lock:
            if self._closing:
                raise RuntimeError("the executor is shut down")
            self._waiting.append(task)
            self._wake()
        return task.future

    def _wake(self) -> None:
        """Have the thread look again; one byte under way is enough, and a pipe full of them would block."""
        if not self._signalled:
            self._signalled = True
            self._waker.send_bytes(b".")

    def _manage(self) -> None:
        """The thread's life."""
        try:
            while not self._closing:
                self._dispatch()
                busy = [worker for worker in self._workers if worker.task is not None]
                ready = wait([self._woken, *(worker.pipe for worker in busy)], self._patience(busy))
                if self._woken in ready:
                    with self._lock:
                        self._woken.recv_bytes()
                        self._signalled = False
                for worker in busy:
                    if worker.pipe in ready:
                        self._receive(worker)
                    elif worker.deadline is not None and time.monotonic() > worker.deadline:
                        self._lost(worker, f"no answer in {self._limit:g} s")
        finally:
            with self._lock:
                self._closing = True  # whatever it ended by: nothing more is taken
            self._stop_all()

    def _patience(self, busy: Iterable[_Worker]) -> float | None:
        deadlines = [worker.deadline for worker in busy if worker.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) + 0.01 if deadlines else None

    def _dispatch(self) -> None:
        idle = [worker for worker in self._workers if worker.task is None]
        while self._waiting and (idle or len(self._workers) < self._jobs):
            task = self._waiting.popleft()
            if not task.future.running() and not task.future.set_running_or_notify_cancel():
                continue
            try:
                worker = idle.pop() if idle else self._start()
            except Exception as error:  # no more processes are allowed, or this one is only importing its main module
                if self._workers:
                    self._waiting.appendleft(task)  # for those that there are
                    return
                task.future.set_exception(Died(f"no process can be started: {described(error)}"))
                continue
            worker.task = task
            worker.deadline = None if self._limit is None else time.monotonic() + self._limit
            try:
                worker.pipe.send((task.function, task.arguments, task.heard is not None))
            except OSError:  # it died idle: its end of the pipe tells, as for one that died at work
                pass
            except Exception as error:  # what cannot be sent
                worker.task = None
                idle.append(worker)
                task.future.set_exception(Raised(described(error)))

    def _start(self) -> _Worker:
        try:
            return self._started()
        except (OSError, EOFError):
            if self._parent() is not None:
                raise
            self._context = multiprocessing.get_context("spawn")  # what forks them died, or cannot be reached
            return self._started()

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._parent()), daemon=True)
        with _without_interrupts():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _parent(self) -> int | None:
        """The process that workers end with; None for the one that forks them, which ends with this one."""
        return os.getpid() if self._context.get_start_method() == "spawn" else None

    def _receive(self, worker: _Worker) -> None:
        task = worker.task
        assert task is not None
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, OSError):
            _ended(worker.process, GRACE)
            code = worker.process.exitcode
            self._lost(worker, f"signal {-code}" if code is not None and code < 0 else f"exit code {code}")
            return
        if kind == _NEXT:
            if task.heard is not None:
                task.heard(content)
            return
        worker.task = None
        if kind == _DONE:
            task.future.set_result(content)
        else:
            task.future.set_exception(Raised(content))

    def _lost(self, worker: _Worker, how: str) -> None:
        """Put away a worker that is dead or hangs, and begin its task again or give it up."""
        task = worker.task
        assert task is not None
        _kill(worker.process)
        worker.pipe.close()
        self._workers.remove(worker)
        task.tries -= 1
        if task.tries > 0:
            if self._note is not None:
                self._note(f"{task.name or 'a task'}: the process that worked on it died ({how}); it is tried again")
            self._waiting.appendleft(task)
        else:
            task.future.set_exception(Died(how))

    def _stop_all(self) -> None:
        for worker in self._workers:
            worker.pipe.close()
            if worker.task is not None:
                _stop(worker.process)
        until = time.monotonic() + GRACE
        for worker in self._workers:
            _ended(worker.process, until - time.monotonic())
        left = [*(worker.task for worker in self._workers if worker.task is not None), *self._waiting]
        self._workers.clear()
        self._waiting.clear()
        for task in left:
            if not task.future.cancel():
                task.future.set_exception(Died("the executor was shut down"))


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start a process that Ctrl-C does not reach, not even before it has a group of its own: it inherits what is
    blocked here.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(process: Any) -> None:
    """Ask a process to end, and with it what it started in its group."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except OSError:  # it has no group of its own yet
        process.terminate()


def _kill(process: Any) -> None:
    """End a process and what it started in its group, at once."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _ended(process: Any, patience: float) -> None:
    """Wait for a process to end, and kill one that does not in `patience` seconds."""
    process.join(max(0.0, patience))
    if process.is_alive():
        process.kill()
        process.join()


def _serve(pipe: Connection, parent: int | None) -> None:
    """A worker's life: take a task, send what comes of it, and end when the parent's end of the pipe is gone, or the
    parent.
    """
    if parent is None:
        _leave_server()
    end_with_parent(os.getppid() if parent is None else parent)
    os.setpgid(0, 0)
    leaving = Leaving()
    collect_rarely(late=False)  # most was there when this process was forked
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            try:
                function, arguments, streamed = pipe.recv()
                if streamed:
                    for item in function(*arguments):
                        pipe.send((_NEXT, item))
                pipe.send((_DONE, None if streamed else function(*arguments)))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                pipe.send((_ERROR, described(error)))
    leaving.at_once(0)


def _leave_server() -> None:
    """Have the process that forked this one end with the parent, and thereby this one: Python's fork server ends when
    the last process closes a pipe that each of them is given.
    """
    from multiprocessing.forkserver import _forkserver

    alive: int | None = getattr(_forkserver, "_forkserver_alive_fd", None)
    if alive is not None:
        os.close(alive)
        _forkserver._forkserver_alive_fd = None  # type: ignore[attr-defined]
