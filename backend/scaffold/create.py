"""The program behind `make feature`."""

from scaffold.feature import Feature
from scaffold.plan import Request, plan, refuse_hidden_imports
from scaffold.problems import Refused
from scaffold.project import BACKEND, look
from scaffold.rendering import render, write
from scaffold.staging import Stage, keep, staged

MAX_LINES = 300  # maximum number of lines of a file in app/ (tests/test_architecture.py)


def create(request: Request, *, dry: bool) -> str:
    """Create a feature, and return a report.

    Raises `Refused` if that is impossible. In that case, nothing is written.
    """
    feature = plan(request, look())
    files = render(feature)
    refuse_hidden_imports(feature, files)
    for name in files:
        if (BACKEND / name).exists():
            raise Refused(f"backend/{name} already exists. Nothing was changed.")
    with staged() as stage:
        write(files, stage.backend)
        refuse_long_files(stage)
        stage.run("scaffold.staged", "create", feature.name)
        stage.lint()
        new = stage.changed()
    if not dry:
        keep(new)
    return report(feature, new, dry=dry)


def refuse_long_files(stage: Stage) -> None:
    for name, content in stage.changed().items():
        lines = content.count(b"\n")
        if name.startswith("app/") and lines > MAX_LINES:
            raise Refused(
                f"With so many fields, {name} has {lines} lines, more than {MAX_LINES}. Split the "
                "feature in two."
            )


def report(feature: Feature, new: dict[str, bytes], *, dry: bool) -> str:
    counts = {name: content.count(b"\n") for name, content in sorted(new.items())}
    head = (
        f"{'Would write' if dry else 'Wrote'} {feature.words}: {len(new)} files, "
        f"{sum(counts.values())} lines"
    )
    lines = [f"  backend/{name} ({count})" for name, count in counts.items()]
    after = [] if dry else ["", f"Next: run make migrate, then make test only={feature.name}"]
    return "\n".join([head, *lines, *after])
