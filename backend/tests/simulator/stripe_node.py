"""Check responses against stripe-node's types.

These types distinguish absent fields from null fields. stripe-python calls both
`Optional`. In TypeScript, `applies_to?: AppliesTo` may be absent and is never null, and
`name: string | null` is never absent. So responses are written into a program, each as
a constant of its type, and the compiler finds what is wrong.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.npm import install
from tests.support.services import program

FOLDER = Path(__file__).parent / "clients"
SECONDS = 300
# In a response, a decimal number is a text. stripe-node turns it into an object. In the
# types, `void` means `undefined`.
HEAD = """import type Stripe from 'stripe';
type Json<T> = T extends Stripe.Decimal ? string
    : T extends void ? undefined
    : T extends string | number | boolean | null ? T
    : T extends (infer Item)[] ? Json<Item>[]
    : { [Key in keyof T]: Json<T[Key]> };
type EventOf<Word extends string> = Json<Extract<Stripe.Event, { type: Word }>>;
"""
OTHERWISE_NAMED = {
    "item": "LineItem",
    "line_item": "InvoiceLineItem",
    "invoiceitem": "InvoiceItem",
    "list": "ApiList<unknown>",
    "search_result": "ApiSearchResult<unknown>",
}
LONG_TYPE = re.compile(r"'[^']*\{.*?\}[^']*'(?=[:., ]|$)")
CONSTANT = re.compile(r"export const part\d+: ")
COMPLAINT = re.compile(r"answers\.ts\((\d+),\d+\): error (.*)")


def flaws(answers: Sequence[Any], folder: Path) -> list[str]:
    """Compile the responses. Of lists and events, compile each item.

    Each returned line names a kind of object and what is wrong with it.
    """
    install(FOLDER)
    lines, kinds = HEAD.splitlines(), {}
    for number, (kind, code) in enumerate(
        dict.fromkeys(part for answer in answers for part in _parts(answer))
    ):
        for line in f"export const part{number}: {code};".splitlines():
            lines.append(line)
            kinds[len(lines)] = kind
    (folder / "answers.ts").write_text("\n".join(lines))
    (folder / "node_modules").unlink(missing_ok=True)
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    compiler = [program("node"), str(FOLDER / "node_modules" / "typescript" / "bin" / "tsc")]
    strict = [
        "--strict",
        "--exactOptionalPropertyTypes",
        "--noEmit",
        "--skipLibCheck",
        "--types",
        "",
        "--module",
    ]
    run = subprocess.run(
        [*compiler, *strict, "nodenext", "--target", "es2022", "answers.ts"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    found = {
        f"{kinds[int(at)]}: {CONSTANT.sub('', lines[int(at) - 1]).strip(' ,')[:80]} "
        f"{LONG_TYPE.sub('…', said)}"
        for at, said in COMPLAINT.findall(run.stdout)
    }
    assert found or run.returncode == 0, run.stdout + run.stderr
    return sorted(found)


def _parts(answer: Any) -> Iterator[tuple[str, str]]:
    """Return the kind of object, and its type and value in TypeScript."""
    if "object" not in answer:
        return  # an error
    kind, items = answer["object"], answer.get("data")
    if kind in ("list", "search_result"):
        for item in items:
            yield from _parts(item)
        answer = answer | {"data": []}
    if kind == "event":  # `previous_attributes` contains parts of an object, at any depth
        answer = answer | {"data": {"object": answer["data"]["object"]}}
    name = OTHERWISE_NAMED.get(kind) or ".".join(
        "".join(word.capitalize() for word in part.split("_")) for part in kind.split(".")
    )
    if answer.get("deleted"):
        *room, name = name.split(".")
        name = ".".join([*room, f"Deleted{name}"])
    wanted = f"EventOf<'{answer['type']}'>" if kind == "event" else f"Json<Stripe.{name}>"
    yield kind, f"{wanted} = {json.dumps(answer, indent=1)}"
