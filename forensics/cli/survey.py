"""`forensics survey`: every picture of an archive judged once, into a table that survives anything; a gate where rules
are stated.
"""

from __future__ import annotations

from pathlib import Path

import click

from forensics.options import (
    ALL_WINDOWS,
    EVERYTHING,
    FAIL_IF,
    JOBS,
    MAX_PIXELS,
    MODEL_DIR,
    OFFENDERS,
    POLICY,
    SCHEDULER,
)
from forensics.survey import LIMIT


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), metavar="TABLE", help="Folder of the table."
)
@JOBS
@SCHEDULER
@MAX_PIXELS
@click.option(
    "--history",
    is_flag=True,
    help="Recover parameters too: quality and others, read off the whole picture, as a survey makes no map. Ten times "
    "as long.",
)
@ALL_WINDOWS
@click.option("--model", type=click.Choice(["baseline", "cnn", "fused"]), help="Who judges.  [default: fused]")
@MODEL_DIR
@click.option(
    "--limit", type=click.FloatRange(min=1), default=LIMIT, show_default=True, help="Seconds that one picture may take."
)
@click.option("--retry-errors", is_flag=True, help="Try pictures again that could not be judged.")
@FAIL_IF
@POLICY
@OFFENDERS
@EVERYTHING
def command(
    sources: tuple[str, ...],
    out: Path | None,
    jobs: int,
    scheduler: str | None,
    max_pixels: int | None,
    history: bool,
    all_windows: bool,
    model: str | None,
    model_dir: Path | None,
    limit: float,
    retry_errors: bool,
    fail_if: tuple[str, ...],
    policy: Path | None,
    offenders: Path | None,
    everything: bool,
) -> None:
    """Judge every picture of archives once, and keep a row of each in TABLE.

    SOURCE is a folder (with those below it), a pattern, a ZIP or TAR archive, @LIST (a file with a source a line), a
    picture, or an address such as s3://bucket/folder. Run again, it goes on where it stopped, and judges only what is
    new or changed. Exit code: 0 all done, 1 wrong usage, 2 some pictures failed, 3 a rule is broken.
    """
    from contextlib import ExitStack

    from forensics import gate
    from forensics.destinations import Destinations
    from forensics.errors import UsageError
    from forensics.executors import executor, noted
    from forensics.pictures.opened import MAX_PIXELS
    from forensics.results.wording import printable
    from forensics.scratch import scratch_folder
    from forensics.survey.judging import Options
    from forensics.survey.run import summary, survey
    from forensics.survey.table import Table

    rules = gate.stated(fail_if, policy)
    gate.check_history(rules, history)
    if out is None and not rules:
        raise UsageError("--out names the folder of the table; without one, rules are needed (--fail-if, --policy)")
    Destinations().folder(out)
    Destinations().file(offenders)
    options = Options(model_dir, model, max_pixels or MAX_PIXELS, history, all_windows)

    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(scratch_folder()))
        table = stack.enter_context(Table(folder))
        with executor(jobs, scheduler, apart=True, limit=limit, note=noted) as workers:
            outcome = survey(sources, table, workers, options, every=everything, retry_errors=retry_errors, show=True)
        found = gate.applied(rules, table.met(gate.columns(rules)) if rules else (), offenders)
    click.echo(summary(outcome, out) + found.text(), nl=False)
    if outcome.passed.counts:
        click.echo(f"forensics: {outcome.passed.text()}", err=True)
    if outcome.passed.barren:
        names = ", ".join(map(printable, outcome.passed.barren))
        click.echo(f"forensics: error: no picture in {names}", err=True)
    if found.broken:
        raise SystemExit(gate.BROKEN)
    if outcome.errors or outcome.passed.unread or outcome.passed.barren:
        raise SystemExit(2)
