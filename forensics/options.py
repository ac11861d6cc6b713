"""Options that several commands share."""

from __future__ import annotations

import click

FORCE = click.option("--force", is_flag=True, help="Replace pictures that exist; never an input.")
