"""A signal ends the work wherever it comes."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time
import weakref

import pytest

from forensics.cli import main as cli
from forensics.endings import Ending, Terminated, collect_rarely

RAISED = [(signal.SIGTERM, Terminated), (signal.SIGHUP, Terminated), (signal.SIGINT, KeyboardInterrupt)]


class Dying:
    """Gets a signal as it is destroyed."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


class Named:
    """Gets a signal as the class that it stands in is made."""

    def __set_name__(self, owner: type, name: str) -> None:
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def _signals_are_heard():
    """As at a terminal: a command in the background inherits that SIGINT is ignored, one under `nohup` SIGHUP."""
    heard = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def wait(seconds: float) -> None:
    """Let Python look for signals."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "kind"), RAISED)
def test_a_signal_in_a_destructor_still_ends(number, kind, capsys):
    def work() -> None:
        with Ending():
            dying = Dying(number)
            del dying
            wait(5)

    with pytest.raises(KeyboardInterrupt) as raised:
        work()
    assert type(raised.value) is kind
    assert "ignored" not in capsys.readouterr().err


def test_a_signal_in_a_callback_of_a_weak_reference_still_ends():
    class Watched:
        pass

    def work() -> None:
        with Ending():
            watched = Watched()
            held.append(weakref.ref(watched, lambda _: signal.raise_signal(signal.SIGTERM)))
            del watched
            wait(5)

    held: list[weakref.ref] = []
    with pytest.raises(Terminated) as raised:
        work()
    assert raised.value.number == signal.SIGTERM
    assert held[0]() is None


def test_a_signal_while_a_class_is_made_is_no_runtime_error():
    def work() -> None:
        with Ending():

            class Holder:
                named = Named()

            made.append(Holder)
            wait(5)

    made: list[type] = []
    with pytest.raises(Terminated):
        work()
    assert made


def test_what_else_is_thrown_away_goes_where_it_went(monkeypatch):
    class Failing:
        def __del__(self) -> None:
            raise ValueError("of another kind")

    unraised = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: unraised.append(what.exc_value))
    with Ending():
        failing = Failing()
        del failing
    assert [str(value) for value in unraised] == ["of another kind"]


def test_a_signal_that_a_compiled_module_prints_and_forgets_is_not_printed(monkeypatch):
    printed = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: printed.append(kind))
    with Ending() as ending:
        for raised in (Terminated, ValueError):
            try:
                if raised is Terminated:
                    signal.raise_signal(signal.SIGTERM)
                    wait(5)
                raise ValueError
            except (Terminated, ValueError) as error:
                sys.excepthook(type(error), error, error.__traceback__)  # as PyErr_Print does
        assert ending.came
    assert printed == [ValueError]


def test_an_error_that_a_signal_left_behind_is_no_traceback(monkeypatch, capsys):
    def work(**_: object) -> None:
        raise ImportError("failed to import")

    monkeypatch.setattr(cli.main, "main", work)
    with Ending() as ending:
        ending.came, ending.number = True, signal.SIGTERM
        assert cli._run([], ending) == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "forensics: ended by SIGTERM\n"
    with Ending() as ending, pytest.raises(ImportError):
        cli._run([], ending)


def test_everything_is_put_back():
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers], sys.unraisablehook, sys.excepthook
    with Ending():
        assert signal.getsignal(signal.SIGTERM) != before[0][0]
    assert ([signal.getsignal(number) for number in numbers], sys.unraisablehook, sys.excepthook) == before


def test_another_thread_changes_nothing():
    hooks = []

    def work() -> None:
        with Ending():
            hooks.append(sys.unraisablehook)

    before = sys.unraisablehook
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert hooks == [before]


def test_garbage_is_looked_for_late_at_first_and_rarely_then():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        collect_rarely()
        assert gc.get_threshold()[0] > 1_000_000
        gc.collect()
        assert gc.get_threshold()[0] == 50_000
        assert gc.get_freeze_count() > frozen
        gc.collect()
        collect_rarely(late=False)
        assert gc.get_threshold()[0] == 50_000
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
