"""`hotline doctor`: what a real installation still needs, and how to mend it."""

import typer

from hotline.commands.common import JsonOption, out, print_json
from hotline.loading import load_settings


def doctor(as_json: JsonOption = False) -> None:
    """Check this installation; the exit code is 1 when something is wrong."""
    from hotline.doctor import examine
    from hotline.findings import Grade

    findings, wrong = examine(load_settings()), 0
    if as_json:
        told = list(findings)
        print_json(
            [
                {
                    "check": f.check, "grade": f.grade, "found": f.found,
                    "mend": "" if f.grade is Grade.GOOD else f.mend,
                }
                for f in told
            ]
        )  # fmt: skip
        raise typer.Exit(int(any(finding.grade is Grade.WRONG for finding in told)))
    colours = {Grade.GOOD: ("green", "✓"), Grade.LOOK: ("yellow", "!"), Grade.WRONG: ("red", "✗")}
    for finding in findings:  # each as it is found: some take seconds
        wrong += finding.grade is Grade.WRONG
        colour, mark = colours[finding.grade]
        out.print(f"[{colour}]{mark}[/] {finding.check}: ", end="")
        out.print(finding.found, markup=False, highlight=False, soft_wrap=True)
        if finding.mend and finding.grade is not Grade.GOOD:
            out.print(f"    → {finding.mend}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(int(wrong > 0))


def register(app: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    app.command()(doctor)
