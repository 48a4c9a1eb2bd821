"""The valid and invalid values that generated tests send, as Python source."""

from uuid import UUID

from scaffold.grammar import Token
from scaffold.words import title

BAD: dict[str, list[str]] = {
    "text": ['""', '" "', '"x" * 10_001', "1"],
    "int": ['"1"', "1.5", "2**31", "True"],
    "bigint": ['"1"', "1.5", "2**63", "True"],
    "money": ['"1"', "1.5", "2**53", "True"],
    "bool": ['"yes"', "1"],
    "date": ["0", '"2030-02-30"', '"0999-01-01"', '"2030-01-01T00:00:00Z"'],
    "datetime": [
        "0",
        '"now"',
        '"2030-01-01T12:00:00"',
        '"0001-01-01T00:00:00Z"',
        '"9999-12-31T23:59:59-14:00"',
    ],
    "enum": ['""', '"no such word"', "1"],
    "json": ["1", "[]", '"{}"', '{"a": ' * 21 + "1" + "}" * 21],
    "uuid": ['"x"', "1"],
    "email": ['"nobody"', '"a@b\\r\\nBcc: c@example.com"', "1"],
    "url": [
        '"javascript:alert(1)"',
        '"https://"',
        '"https://a b"',
        '"https://example.com/" + "x" * 700',
        "1",
    ],
    "slug": ['""', '"Not a slug"', '"admin"'],
    "ref": ["0", "-1", '"x"', "2**63"],
    "currency": ['""', '"EUR"', '"euro"', "1"],
}
BAD_IN_QUERY = {"bool": '"maybe"', "enum": '"no such word"', "slug": '"Not a slug"'}


def good(token: Token) -> str:
    """Return a valid value that depends on `number`.

    The value has the same form as in a response.
    """
    simple = {
        "text": f'f"{title(token.name)} {{number:04}}"',
        "int": "1000 + number",
        "bigint": "2**40 + number",
        "money": "1999 + number",
        "bool": "number % 2 == 0",
        "date": 'f"2030-01-{number % 28 + 1:02}"',
        "datetime": 'f"2030-01-01T{number % 24:02}:00:00Z"',
        "json": '{"number": number}',
        # Only the last part of these values differs, so all databases sort them in the
        # same order.
        "uuid": "str(UUID(int=number))",
        "email": 'f"someone{number:04}@example.com"',
        "url": 'f"https://example.com/{number:04}"',
        "currency": '("eur", "usd")[number % 2]',
    }
    if token.kind == "str":
        return _line(token)
    if token.kind == "enum":
        words = ", ".join(f'"{word}"' for word in token.arguments)
        return f"({words},)[number % {len(token.arguments)}]" if len(token.arguments) > 1 else words
    if token.kind == "decimal":
        _, scale = token.arguments or ("12", "2")
        return (
            'f"{number % 10}.' + "5".ljust(int(scale), "0") + '"'
            if int(scale)
            else 'f"{number % 10}"'
        )
    return simple[token.kind]


def _line(token: Token) -> str:
    length = int(token.arguments[0]) if token.arguments else 200
    named = f"{title(token.name)} "
    if length >= len(named) + 4:
        return f'f"{named}{{number:04}}"'
    digits = min(length, 4)
    return f'f"{{number % {10**digits}:0{digits}}}"'


def example(token: Token) -> str:
    """Return the value for the first row, as a literal."""
    if token.kind == "slug":
        return '"first-light"'
    namespace = {"number": 1, "UUID": UUID, "str": str}
    value = eval(good(token), {"__builtins__": {}}, namespace)  # noqa: S307 - our own source and the names of fields
    return repr(value)


def bad(token: Token) -> list[str]:
    if token.kind == "str":
        length = int(token.arguments[0]) if token.arguments else 200
        return [
            '""',
            '" "',
            f'"x" * {length + 1}',
            '"\\n"',
            '"\\x1b"',
            '"\\u202e"',
            '"\\u200b"',
            "1",
        ]
    if token.kind == "decimal":
        precision, scale = (int(text) for text in token.arguments or ("12", "2"))
        return [
            '""',
            '"1e2"',
            "1.5",
            f'"1" * {precision - scale + 1}',
            f'"0." + "1" * {scale + 1}',
            '"-"',
        ]
    return BAD[token.kind]


def bad_in_query(token: Token) -> str:
    if token.kind == "str":
        length = int(token.arguments[0]) if token.arguments else 200
        return f'"x" * {length + 1}'
    return BAD_IN_QUERY.get(token.kind, '"x"')
