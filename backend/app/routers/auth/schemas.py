"""Request and response bodies for the auth routes."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import MISSING, AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from app.core.schemas import Input, Output, PartialInput, example_body
from app.core.text import canonical_email, canonical_username
from app.core.types import validator_from

MAX_PASSWORD = 256
MAX_TOKEN = 100  # characters; our tokens have 43
# an account in the demo data
DEMO = {"email": "author@example.com", "password": "liftoff-demo-password"}
NEW_PASSWORD = "four quiet herons wade"  # noqa: S105 - an example
# A placeholder for a token that exists only in an email or a response. The placeholder
# has the right format, so the API refuses only its value. In development,
# `demo.examples` replaces it.
EXAMPLE_TOKEN = "paste-the-token-of-the-link-in-the-mail-her"  # noqa: S105 - a text to be replaced, no secret

Email = Annotated[
    str,
    Field(max_length=320, json_schema_extra={"format": "email"}),
    AfterValidator(validator_from(canonical_email, "email")),
]
Username = Annotated[
    str,
    Field(min_length=3, max_length=32, examples=["ada.lovelace"]),
    AfterValidator(validator_from(canonical_username, "username")),
]
LeftEmpty = Annotated[str, Field(examples=[""])]
Password = Annotated[
    str, Field(min_length=1, max_length=MAX_PASSWORD, json_schema_extra={"format": "password"})
]


class Registration(Input):
    model_config = example_body(
        {"username": "ada.lovelace", "email": "ada@example.com", "password": NEW_PASSWORD}
    )

    username: Username
    email: Email
    password: Password


class Login(Input):
    """The password form of OAuth 2.0 (RFC 6749, 4.3.2).

    `username` takes a username or an email. Unknown fields are ignored, as section 3.2
    requires, because clients send `audience`, `resource` and others.
    """

    model_config = ConfigDict(extra="ignore") | example_body(
        {"username": DEMO["email"], "password": DEMO["password"]}
    )

    grant_type: Literal["password"] = "password"
    username: Annotated[str, Field(min_length=1, max_length=320, examples=[DEMO["email"]])]
    password: Annotated[Password, Field(examples=[DEMO["password"]])]
    scope: LeftEmpty = ""
    client_id: LeftEmpty | SkipJsonSchema[None] = None
    client_secret: LeftEmpty | SkipJsonSchema[None] = None


class Token(Output):
    """A session's tokens. `expires_in` is the access token's lifetime in seconds."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the standard's word, no secret
    expires_in: int
    refresh_token: str | None = None


class Message(Output):
    message: str


class Me(Output):
    id: int
    username: str
    email: str
    is_verified: bool
    is_superuser: bool
    has_password: bool
    has_google: bool
    has_mfa: bool
    created_at: datetime
    impersonated_by: int | None = Field(
        None, description="The member of staff who acts as this user in this session."
    )


class ImpersonationCode(Input):
    """The code from the address that the admin shows."""

    model_config = example_body({"code": EXAMPLE_TOKEN})

    code: Annotated[str, Field(min_length=1, max_length=MAX_TOKEN)]


class Refresh(Input):
    """A refresh token. If `refresh_token` is missing, the cookie is used."""

    model_config = example_body({"refresh_token": EXAMPLE_TOKEN})

    refresh_token: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class SessionRead(Output):
    """A device that is signed in. `current` marks the session of this request."""

    id: int
    created_at: datetime
    last_used_at: datetime
    ip_address: str
    user_agent: str
    current: bool


MfaCodeText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        examples=["123456"],
        description="A code from the authenticator app, or a recovery code.",
    ),
]
PasswordAgain = Annotated[
    Password | None,
    Field(
        description="The current password of the account. An account without a password leaves "
        "it out and needs a sign-in within the last ten minutes."
    ),
]


class MfaAnswer(Input):
    model_config = example_body({"mfa_token": EXAMPLE_TOKEN, "code": "123456"})

    mfa_token: Annotated[str, Field(min_length=1, max_length=MAX_TOKEN)]
    code: MfaCodeText


class MfaSetUp(Input):
    model_config = example_body({"password": DEMO["password"]})

    password: PasswordAgain = None


class MfaCode(Input):
    model_config = example_body({"code": "123456"})

    code: MfaCodeText


class MfaDisable(Input):
    model_config = example_body({"password": DEMO["password"], "code": "123456"})

    password: PasswordAgain = None
    code: MfaCodeText


class TotpSecret(Output):
    """The secret to type into an authenticator app, and the QR code text that
    contains it.
    """

    secret: str
    otpauth_uri: str


class RecoveryCodes(Output):
    recovery_codes: list[str]


SecretToken = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="The token from the link in an email. In development, `/dev/mailbox` shows "
        "the email.",
    ),
]


class EmailOnly(Input):
    model_config = example_body({"email": DEMO["email"]})

    email: Email


class TokenOnly(Input):
    model_config = example_body({"token": EXAMPLE_TOKEN})

    token: SecretToken


class PasswordReset(Input):
    model_config = example_body({"token": EXAMPLE_TOKEN, "new_password": NEW_PASSWORD})

    token: SecretToken
    new_password: Password


class OwnerInput(Input):
    """The current password, as proof that the account is the caller's.

    An account without a password omits `password` and needs a recent sign-in.
    """

    model_config = example_body({"password": DEMO["password"]})

    password: Password | None = None


class PasswordChange(Input):
    """The current password and the new password.

    An account without a password omits `current_password` and needs a recent sign-in.
    """

    model_config = example_body(
        {"current_password": DEMO["password"], "new_password": NEW_PASSWORD}
    )

    current_password: Password | None = None
    new_password: Password


class EmailChange(OwnerInput):
    model_config = example_body(
        {"password": DEMO["password"], "new_email": "author.new@example.com"}
    )

    new_email: Email


class AccountDeletion(OwnerInput):
    pass


class UsernameChange(PartialInput):
    model_config = example_body({"username": "author"})

    username: Username | MISSING = MISSING


class GoogleAnswer(BaseModel):
    """The query parameters with which Google redirects the browser back to us.

    Google sends either `code` and `state`, or `error`. Other parameters are ignored.
    """

    code: str = ""
    state: str = ""
    error: str = ""
    iss: str = ""


class GoogleCode(Input):
    """The code from the callback page.

    If `GET /auth/google/login` had a `code_challenge`, send the secret from which it
    was computed as `code_verifier`.
    """

    model_config = example_body({"code": EXAMPLE_TOKEN})

    code: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="The code from the address of the callback page.",
        ),
    ]
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")] | None = None


class GoogleLink(Output):
    """The address to open in the browser."""

    url: str
