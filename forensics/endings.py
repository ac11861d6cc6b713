"""How processes begin and end: garbage is looked for rarely, signals become one exception, children end with their
parent, closed standard streams stay closed.

A process that is killed outright cannot clean up, so its children watch over themselves: the kernel sends them a signal
of their own when their parent is gone (`PR_SET_PDEATHSIG`, prctl(2)), whatever ended it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import errno
import gc
import io
import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end a command as Ctrl-C does, with what was made kept."""
_AGAIN = 0.01
"""Seconds after which an exception that Python threw away is raised again. Where a destructor still runs it is thrown
away and comes once more, so that the number decides the delay alone: a tenth of the 0.1 s that seem immediate to a user
(J. Nielsen, Usability Engineering, 1993, section 5.5)."""
_OBJECTS, _OBJECTS_AT_FIRST = 50_000, 1_500_000
"""New objects after which garbage is looked for, and the first time: a matter of speed."""
_PR_SET_PDEATHSIG = 1
"""Of linux/prctl.h: the signal that a process gets when its parent ends (prctl(2))."""


class Terminated(KeyboardInterrupt):
    """A signal asked this process to end; what holds for Ctrl-C holds for it. `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Ending:
    """Turns `SIGNALS` into `Terminated`, and sees that neither it nor Ctrl-C is lost; use as a context manager in the
    main thread.

    Python throws away what is raised in a destructor or in a callback, and 3.11 makes a `RuntimeError` of what is
    raised where a class is being made: there the exception is raised a moment later. Compiled modules may print what is
    raised while they import another, and raise an `ImportError` of their own: it is not printed, and `came` tells. A
    signal that is ignored, as `nohup` leaves it, stays ignored; outside the main thread nothing is changed.

    Attributes
    ----------
    number : int
        The signal that came, 0 for none and for Ctrl-C.
    came : bool
        Whether one of `SIGNALS` or Ctrl-C came.
    """

    def __init__(self) -> None:
        self.number, self.came = 0, False
        self._printed = sys.excepthook
        self._before: dict[int, Any] = {}
        self._hook = sys.unraisablehook

    def __enter__(self) -> Ending:
        expected = {**dict.fromkeys(SIGNALS, signal.SIG_DFL), signal.SIGINT: signal.default_int_handler}
        expected[signal.SIGALRM] = signal.SIG_DFL
        for number, handler in expected.items():
            try:
                if signal.getsignal(number) == handler:
                    self._before[number] = signal.signal(number, self._received)
            except ValueError:  # not the main thread
                return self
        self._hook, sys.unraisablehook = sys.unraisablehook, self._thrown_away
        self._printed, sys.excepthook = sys.excepthook, self._printed_within
        return self

    def __exit__(self, *_: object) -> None:
        if signal.SIGALRM in self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if sys.unraisablehook == self._thrown_away:
            sys.unraisablehook = self._hook
        if sys.excepthook == self._printed_within:
            sys.excepthook = self._printed

    def _received(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        if number in SIGNALS:
            self.number = number
        if _makes_a_class(frame):
            self._later()
        elif self.number:
            raise Terminated(self.number)
        else:
            raise KeyboardInterrupt

    def _thrown_away(self, what: sys.UnraisableHookArgs) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            self._later()
        else:
            self._hook(what)

    def _printed_within(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            self._printed(kind, error, trace)

    def _later(self) -> None:
        if signal.SIGALRM in self._before:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)


def _makes_a_class(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "__set_name__":
            return True
        frame = frame.f_back
    return False


def caused_by_interruption(error: BaseException | None) -> bool:
    """Whether an exception comes of Ctrl-C or of one of `SIGNALS`: Python 3.11 raises `RuntimeError` from them where a
    class is being made, as on import.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the one that started it ends; `parent` is that one's id.

    Ends at once where the parent is gone already.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def collect_rarely(late: bool = True) -> None:
    """Have Python look for garbage after 50,000 new objects instead of 700: what a command makes lives as long as it
    does, and looking takes 2 to 3 % of a report's time.

    Where `late`, that is after a million and a half the first time: importing everything and a verdict make half of
    them, and to look at those takes 6 % of the imports' time. What is there then is not looked at again.
    """
    if not late:
        gc.set_threshold(_OBJECTS, 20, 20)
        return

    def first(phase: str, info: dict[str, int]) -> None:
        if phase == "stop" and first in gc.callbacks:
            gc.callbacks.remove(first)
            gc.set_threshold(_OBJECTS, 20, 20)
            gc.freeze()

    gc.callbacks.append(first)
    gc.set_threshold(_OBJECTS_AT_FIRST, 20, 20)


class Leaving:
    """Lets a process end without freeing one by one all objects that it has made, a tenth of a second of processor time
    with everything loaded; what others have registered for its end after this was made is done first.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._leave)

    def at_once(self, code: int) -> None:
        """The process is about to end, with this exit code."""
        self._code = code

    def _leave(self) -> None:
        if self._code is None:
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(self._code)


STANDARD_OUTPUT = "standard output"
"""How messages name it, and the file name of its errors."""


class _Closed(io.TextIOBase):
    """Stands for a standard stream that was closed when the program started: to write to it is an error, and not a
    crash.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), self._name)

    def flush(self) -> None:
        pass


def hold_standard_streams() -> None:
    """Keep descriptors 0 to 2 from being given to files that are opened later, where they were closed at the start.

    `sys.stdout` then refuses to be written to, `sys.stderr` swallows, and `sys.stdin` is at its end.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = _Closed(STANDARD_OUTPUT)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def forget_output() -> None:
    """Let nothing more be written to standard output: its reader is gone, or its device is full, and Python flushes at
    its end.
    """
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
