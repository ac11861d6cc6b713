"""`forensics audit`: the compression history of a data set's files by label, whether it gives the label away, and a
gate where rules are stated.
"""

from __future__ import annotations

from pathlib import Path

import click

from forensics.options import EVERYTHING, FAIL_IF, FORCE, JOBS, MAX_PIXELS, MODEL_DIR, OFFENDERS, POLICY


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR|TABLE")
@click.option(
    "--labels",
    type=click.Choice(["folder", "none"]),
    default="folder",
    show_default=True,
    help="What a file's label is: the folder directly under DIR that it lies in, or nothing.",
)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a CSV with a row a file.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the histories of every label into this PNG file.",
)
@JOBS
@MAX_PIXELS
@MODEL_DIR
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the permutation test.")
@FAIL_IF
@POLICY
@OFFENDERS
@EVERYTHING
@FORCE
def command(
    folder: Path,
    labels: str,
    out: Path | None,
    plot: Path | None,
    jobs: int,
    max_pixels: int | None,
    model_dir: Path | None,
    seed: int,
    fail_if: tuple[str, ...],
    policy: Path | None,
    offenders: Path | None,
    everything: bool,
    force: bool,
) -> None:
    """Sum up the compression histories of a data set by label, and test whether they predict the label.

    DIR holds one folder a label; TABLE is that of `forensics survey`, and no picture is opened. Exit code: 0 all done,
    whether or not there is a leak, 1 wrong usage, 2 some files failed, 3 a rule is broken.
    """
    import sys

    from forensics import gate
    from forensics.audit import NO_LABEL, Member, Recorded, audit, label_of, recorded
    from forensics.destinations import Destinations
    from forensics.errors import UsageError
    from forensics.inputs import Skipped, expand
    from forensics.report import audit_report
    from forensics.report.figures import NEEDS, available, draw
    from forensics.report.pages import write
    from forensics.results.failure import Failure
    from forensics.survey.table import all_rows, is_table, read_mark

    if plot is not None and not available():
        raise UsageError(NEEDS)
    rules = gate.stated(fail_if, policy)
    skipped = Skipped()
    if is_table(folder):
        if out is not None:
            raise UsageError(f"--out would write what the table {str(folder)!r} holds already")
        judges = read_mark(folder)["judges"].values()
        gate.check_history(rules, any(facts.get("history") for facts in judges))
        destinations = Destinations(force=force)
        destinations.file(plot)
        destinations.file(offenders)
        columns = ("name", "label", "error", "verdict", "ratio", "format")
        found = audit(recorded(all_rows(folder, columns), labelled=labels == "folder"), seed=seed)
        broken = gate.applied(rules, all_rows(folder, gate.columns(rules)) if rules else (), offenders)
    else:
        from forensics.batch import analyze_all
        from forensics.pictures.opened import MAX_PIXELS
        from forensics.progress import SignOfLife
        from forensics.survey.judging import row_of
        from forensics.windows.judges import check_model

        gate.check_history(rules, False)
        inputs = expand([str(folder)], recursive=True, every=everything, skipped=skipped)
        destinations = Destinations(inputs, force=force)
        destinations.file(out)
        destinations.file(plot)
        destinations.file(offenders)
        check_model(model_dir)
        members = []
        results = analyze_all(
            inputs, jobs=jobs, max_pixels=max_pixels or MAX_PIXELS, model_dir=model_dir, progress=True
        )
        with SignOfLife("verdict", 60.0) as alive:
            for name, result in zip(alive.over(inputs), results, strict=True):
                if isinstance(result, Failure):
                    sys.stderr.write(f"forensics: error: {result.name}: {result.error}\n")
                members.append(Member(label_of(name, folder) if labels == "folder" else NO_LABEL, result))
        found = audit(members, seed=seed)
        rows = (row_of(label, result) for label, result in members if not isinstance(result, Recorded))
        broken = gate.applied(rules, rows, offenders)
    if out is not None:
        write(out, audit_report.table(found).encode("utf-8"))
    if plot is not None:
        write(plot, draw(lambda ax: audit_report.plot_audit(found, ax=ax), size=audit_report.plot_size(found)))
    click.echo(audit_report.text(found, str(folder)) + broken.text(), nl=False)
    if skipped.text():
        click.echo(f"forensics: {skipped.text()}", err=True)
    if broken.broken:
        raise SystemExit(gate.BROKEN)
    if skipped.unread_folders or any(isinstance(member.result, Failure) for member in found.members):
        raise SystemExit(2)
