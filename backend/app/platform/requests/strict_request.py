"""A request whose input is safe: no NUL characters, strict JSON, and limited forms."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError

from app.core import strict_json
from app.core.errors import AppError
from app.core.strict_json import InvalidJson, Location

MAX_CONTENT_TYPE = 300  # characters; a boundary has at most 70 (RFC 2046, 5.1.1)
MAX_FIELDS = 100  # per form
MAX_FILES = 20
MAX_ESCAPES = 20_000  # percent-encoded characters in a URL-encoded form


class UnsupportedMediaType(AppError):
    status = 415
    code = "unsupported_media_type"
    detail = (
        "This route does not accept this media type. Send JSON with `Content-Type: "
        "application/json`."
    )


class UnsupportedContentCoding(UnsupportedMediaType):
    """The body is compressed.

    No route decompresses bodies, because a few kilobytes could turn into gigabytes (RFC
    9110, 15.5.16).
    """

    detail = "Compressed bodies are not accepted. Send the body without a Content-Encoding header."

    def __init__(self) -> None:
        super().__init__(headers={"Accept-Encoding": "identity"})


class StrictRequest(Request):
    """A request that is checked before any parameter is read."""

    async def inspect(self, *, takes_json: bool, takes_form: bool) -> None:
        """Refuse input that no database could store.

        Raises `RequestValidationError` or `UnsupportedMediaType`.
        """
        self._refuse_coding()
        for name, value in self.path_params.items():
            _refuse_nul(str(value), ("path", name))
        if b"%00" in self.scope["query_string"]:
            for name, value in self.query_params.multi_items():
                _refuse_nul(name + value, ("query", name))
        if takes_json and (body := await self.body()):
            if not _is_json(self._content_type()):
                raise UnsupportedMediaType
            try:
                self._json = strict_json.parse_strict_json(body)
            except InvalidJson as error:
                raise invalid(error.message, error.type, ("body", *error.loc)) from None
        elif takes_form:
            await self._inspect_form()

    def _refuse_coding(self) -> None:
        """Refuse a body with a content coding, for every method.

        Otherwise the encoded bytes would be parsed as if they were the body.
        """
        codings = ",".join(self.headers.getlist("content-encoding")).lower().split(",")
        has_body = (
            self.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.headers
        )
        if has_body and any(coding.strip() not in ("", "identity") for coding in codings):
            raise UnsupportedContentCoding

    async def _inspect_form(self) -> None:
        """Check the decoded values of a form.

        Checking the raw bytes is not enough, because a multipart form may declare a
        character set.
        """
        if self._content_type().startswith("application/x-www-form-urlencoded"):
            body = await self.body()
            if body.count(b"&") >= MAX_FIELDS or body.count(b"%") > MAX_ESCAPES:
                raise invalid(
                    f"A form must not have more than {MAX_FIELDS} fields", "form_invalid", ("body",)
                )
        try:
            form = await self.form(max_fields=MAX_FIELDS, max_files=MAX_FILES)
        except (LookupError, ValueError):
            raise invalid("The form could not be parsed", "form_invalid", ("body",)) from None
        for name, value in form.multi_items():
            _refuse_nul(f"{name}{value}" if isinstance(value, str) else name, ("body", name))

    def _content_type(self) -> str:
        """Return the media type with its parameters.

        Raises `UnsupportedMediaType` if it is too long, because parsing the parameters
        takes quadratic time: 0.1 s for 60 kB.
        """
        given = self.headers.get("content-type", "")
        if len(given) > MAX_CONTENT_TYPE:
            raise UnsupportedMediaType
        return given.strip().lower()


async def raw_body(request: Request) -> bytes:
    return await request.body()


# The exact bytes of the body, for example to verify a signature over them.
RawBody = Annotated[bytes, Depends(raw_body)]


def invalid(message: str, kind: str, loc: Location) -> RequestValidationError:
    return RequestValidationError([{"loc": loc, "msg": message, "type": kind}])


def _refuse_nul(value: str, loc: Location) -> None:
    if "\0" in value:
        raise invalid("Strings must not contain a NUL character", "string_nul", loc)


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip()
    return media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    )
