"""Options that several commands share."""

from __future__ import annotations

import click

EVERYTHING = click.option(
    "--all", "everything", is_flag=True, help="Try everything that a folder holds, and follow links to folders."
)
FORCE = click.option("--force", is_flag=True, help="Replace pictures that exist; never an input.")
