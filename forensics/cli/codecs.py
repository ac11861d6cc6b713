"""`forensics codecs`: every codec there is, and whether it runs here."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(form: str) -> None:
    """List the codecs, their versions and whether they run here.

    For each: class, file suffix, library and version, its strength parameter with its range, and its switches with their
    values, the default in brackets.
    """
    from forensics.codecs import listing, registry

    codecs = [registry.get(name) for name in registry.names()]
    if form == "json":
        click.echo(json.dumps(listing.describe_all(codecs), indent=2))
    else:
        click.echo("\n\n".join(listing.as_text(codec) for codec in codecs))
