"""The command `forensics`: a table of sub-commands, each imported only when it is called, and one way for errors to
leave.

Exit codes: 0 all done, 1 wrong usage or a stated error, 2 some inputs of a batch failed (set by the command that ran
it), 130 interrupted from the keyboard, 143 and 129 ended by SIGTERM and SIGHUP.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import click

from forensics.commands import COMMANDS
from forensics.endings import STANDARD_OUTPUT, Ending, caused_by_interruption, forget_output, hold_standard_streams
from forensics.errors import ForensicsError
from forensics.version import __version__

ELSEWHERE = {"bench": "forensics_benchmarks.cli"}
"""Modules of commands that live in another package; the command line stands above the benchmarks and above all else."""


class _ReaderGone(Exception):
    """The reader of our output closed it; click would take the `BrokenPipeError` for a failure."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help, and imports a command's module only to run it."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """As click does; here the help is written."""
        with _reader_recorded():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does; here the commands run."""
        with _reader_recorded():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now, or None for a name that is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(ELSEWHERE.get(cmd_name, f"forensics.cli.{cmd_name}")).command
        command.help = command.help or COMMANDS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a name that is nearly one of ours is answered with it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1, cutoff=0.7)
            if not near:
                raise
            raise click.UsageError(f"there is no command {args[0]!r}; did you mean `{near[0]}`?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@contextlib.contextmanager
def _reader_recorded() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _ReaderGone from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="forensics")
def main() -> None:
    """Tell from the pixels alone whether a still image was ever lossily compressed, by which codec and how strongly."""


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def run(arguments: Sequence[str] | None = None) -> Any:
    """Run the command line and exit; the console script's entry point.

    Parameters
    ----------
    arguments : sequence of str, optional
        The arguments after the program's name; `sys.argv[1:]` when left out.

    Raises
    ------
    SystemExit
        Always, with the exit code.
    """
    hold_standard_streams()
    with Ending() as ending:
        code = _run(arguments, ending)
    _flush()
    sys.exit(code)


def _run(arguments: Sequence[str] | None, ending: Ending) -> int:
    try:
        code = main.main(
            args=None if arguments is None else list(arguments), prog_name="forensics", standalone_mode=False
        )
        sys.stdout.flush()
    except (BrokenPipeError, _ReaderGone):
        forget_output()
        return 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except click.exceptions.NoArgsIsHelpError as error:
        return _said(error.format_message())
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context is not None else ""
        return _said(f"forensics: error: {_one_line(error.format_message())}{hint}")
    except ForensicsError as error:
        return _said(f"forensics: error: {_one_line(error)}")
    except OSError as error:  # a full device, a folder that was closed meanwhile: nothing of ours
        if _of_output(error):
            where = f"cannot write {STANDARD_OUTPUT}: "
        else:
            where = f"{str(error.filename)!r}: " if error.filename is not None else ""
        return _said(f"forensics: error: {where}{error.strerror or _one_line(error)}")
    except MemoryError:
        return _said("forensics: error: there is not enough memory")
    except (KeyboardInterrupt, click.Abort):
        return _ended(ending)
    except Exception as error:
        if not (ending.came or caused_by_interruption(error)):
            raise
        return _ended(ending)
    return code if isinstance(code, int) else 0


def _ended(ending: Ending) -> int:
    name = f"ended by {signal.Signals(ending.number).name}" if ending.number else "interrupted"
    return _said(f"forensics: {name}", 128 + (ending.number or signal.SIGINT))


def _said(line: str, code: int = 1) -> int:
    with contextlib.suppress(OSError):
        click.echo(line, err=True)
    return code


def _of_output(error: OSError) -> bool:
    """Whether an error is one of writing to standard output, which click and this module alone do without naming it."""
    if error.filename is not None:
        return bool(error.filename == STANDARD_OUTPUT)
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "click" or frame.f_globals is globals()


def _flush() -> None:
    """Bring out what is left, and let Python not try again at its end what cannot be written."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        forget_output()


if __name__ == "__main__":
    run()
