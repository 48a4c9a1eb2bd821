"""The command line of the generator: `python -m scaffold feature --name invoices
--fields "number:str(32):unique"`.

The Makefile has shorter commands.
"""

import argparse

from scaffold.add_fields import add_fields
from scaffold.create import create
from scaffold.plan import Request
from scaffold.problems import Refused
from scaffold.remove import remove
from scaffold.staging import alone
from tools.console import run


def main() -> int:
    options = vars(parser().parse_args())
    command = options.pop("command")
    with alone():
        print(command(**options))
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m scaffold", description=__doc__, allow_abbrev=False
    )
    commands = top.add_subparsers(required=True)
    feature = commands.add_parser("feature", help="create a feature", allow_abbrev=False)
    feature.add_argument("--name", required=True)
    feature.add_argument("--fields", required=True)
    feature.add_argument("--owner", default="user")
    feature.add_argument("--public", default="no")
    feature.add_argument("--plural")
    feature.add_argument("--parent")
    feature.add_argument("--dry", default="")
    feature.set_defaults(command=_feature)
    more = commands.add_parser("field", help="add fields to a feature", allow_abbrev=False)
    more.add_argument("--name", required=True)
    more.add_argument("--fields", required=True)
    more.add_argument("--dry", default="")
    more.set_defaults(command=lambda name, fields, dry: add_fields(name, fields, dry=is_yes(dry)))
    gone = commands.add_parser("remove", help="remove a feature", allow_abbrev=False)
    gone.add_argument("--name", required=True)
    gone.add_argument("--yes", default="")
    gone.set_defaults(command=lambda name, yes: remove(name, yes=is_yes(yes)))
    return top


def _feature(*, dry: str, **request: str | None) -> str:
    return create(
        Request(**{key: value for key, value in request.items() if value is not None}),
        dry=is_yes(dry),
    )


def is_yes(value: str) -> bool:
    """Convert `1` or `0` to a boolean. Raises `Refused` for any other value."""
    known = {
        "1": True,
        "yes": True,
        "true": True,
        "": False,
        "0": False,
        "no": False,
        "false": False,
    }
    if value.lower() not in known:
        raise Refused(f"{value!r} is neither 1 nor 0. Nothing was changed.")
    return known[value.lower()]


if __name__ == "__main__":
    run(main)
