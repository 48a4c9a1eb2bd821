"""Texts that break careless programs, and the fields of each request body."""

from app import main

LONE = "\ud800"
STRINGS = [
    "a\0b",
    LONE,
    f"{LONE}\udfff",
    "x" * 900_000,
    "\r\nBcc: eve@example.com",
    "\u202e",
    "💥" * 5_000,
    " ",
    "",
]


def fields(described, media):
    """Return the names of the body's fields for this media type.

    The result is `None` if the route has no body of this type that a model describes.
    """
    schema = described.get("requestBody", {}).get("content", {}).get(media, {}).get("schema")
    if (
        schema is None or schema.get("type") == "object"
    ):  # only Stripe's signed bytes have the type `object`
        return None
    (name,) = [
        one["$ref"].rpartition("/")[2]
        for one in schema.get("anyOf", [schema])
        if one != {"type": "null"}
    ]
    return list(main.app.openapi()["components"]["schemas"][name]["properties"])
