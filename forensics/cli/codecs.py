"""`forensics codecs`: every codec there is, and whether it runs here; then the other lossy processes."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(form: str) -> None:
    """List the codecs, their versions and whether they run here, and the processes beyond them.

    For each codec: class, file suffix, library and version, its strength parameter with its range, and its switches
    with their values, the default in brackets. For each process beyond the codecs: what it is, what makes it, what
    pixels leave undecided, and whether an exact test tells it.
    """
    from forensics.codecs import listing, registry
    from forensics.processes import listing as other
    from forensics.processes.registry import processes

    codecs = [registry.get(name) for name in registry.names()]
    if form == "json":
        further = [other.describe(process) for process in processes().values()]
        click.echo(json.dumps({**listing.describe_all(codecs), "processes": further}, indent=2))
    else:
        entries = [*map(listing.as_text, codecs), *map(other.as_text, processes().values())]
        click.echo("\n\n".join(entries))
