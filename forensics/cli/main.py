"""The command `forensics`: a table of sub-commands, each imported only when it is called, and one way for errors to leave.

Exit codes: 0 all done, 1 wrong usage or a stated error, 2 some inputs of a batch failed (set by the command that ran it),
130 interrupted from the keyboard.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from forensics.commands import COMMANDS
from forensics.errors import ForensicsError
from forensics.version import __version__

ELSEWHERE = {"bench": "forensics_benchmarks.cli"}
"""Modules of commands that live in another package; the command line stands above the benchmarks and above all else."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and help, and imports a command's module only to run it."""

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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="forensics")
def main() -> None:
    """Tell from the pixels alone whether a still image was ever lossily compressed, by which codec and how strongly."""


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _quiet_exit() -> NoReturn:
    """Leave after the reader of our output closed it: nothing more to say, and no traceback at shutdown."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


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
    try:
        code = main.main(
            args=None if arguments is None else list(arguments), prog_name="forensics", standalone_mode=False
        )
        sys.stdout.flush()
    except BrokenPipeError:
        _quiet_exit()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = 1
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see `{context.command_path} --help`)" if context is not None else ""
        click.echo(f"forensics: error: {_one_line(error.format_message())}{hint}", err=True)
        code = 1
    except ForensicsError as error:
        click.echo(f"forensics: error: {_one_line(error)}", err=True)
        code = 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("forensics: interrupted", err=True)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    run()
