"""The message for invalid settings.

The message lists all problems, in our own words. It names variables, but never shows
their values.
"""

from __future__ import annotations

import difflib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from app.core import production
from app.core.setting_types import RISKS

if TYPE_CHECKING:
    from app.core.setting_fields import Stage

PAIRED = {
    "smtp_username",
    "smtp_password",
    "google_client_id",
    "google_client_secret",
}  # these are set together or not at all
ENVIRONMENTS = ("development", "test", "staging", "production")
# The keys are pydantic's error types. Pydantic fills in the bounds in braces.
WORDS: Mapping[str, str] = {
    "missing": "is required",
    "bool_parsing": "must be true or false",
    "float_parsing": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "too_short": "must have at least {min_length} characters",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
}
# A deployment sets at least one of these. If none of them is set and SECRET_KEY is
# missing, this is a new clone in which `make dev` has not run yet.
SIGNS_OF_A_DEPLOYMENT = (
    "ENVIRONMENT",
    "DATABASE_URL",
    "PUBLIC_URL",
    "FRONTEND_URL",
    "ALLOWED_HOSTS",
    "SMTP_HOST",
)


def explain_problems(kind: type[Stage], error: ValidationError, env_file: Path) -> str:
    """Describe all problems, on one line or as a list."""
    lines = [*_lines(error, env_file), *_rest(kind, error, env_file)]
    if len(lines) == 1:
        return f"Liftoff cannot start with this setting: {lines[0]}"
    return "\n  ".join(["Liftoff cannot start with these settings:", *lines])


def _lines(error: ValidationError, env_file: Path) -> list[str]:
    return list(dict.fromkeys(f"{name}: {why}" for name, why in _reasons(error, env_file)))


def _reasons(error: ValidationError, env_file: Path) -> Iterator[tuple[str, str]]:
    for problem in error.errors(include_input=False, include_url=False, include_context=True):
        context = problem.get("ctx", {})
        cause = context.get("error")
        if isinstance(cause, production.Unsafe):
            yield from cause.problems
            continue
        name = str(problem["loc"][0]).upper() if problem["loc"] else "settings"
        if (name, problem["type"]) == ("SECRET_KEY", "missing"):
            yield name, _without_a_key(env_file)
        elif isinstance(cause, ValueError):
            yield name, str(cause)
        else:
            yield (
                name,
                WORDS.get(problem["type"], "has a value that cannot be understood").format(
                    **context
                ),
            )


def _rest(kind: type[Stage], error: ValidationError, env_file: Path) -> list[str]:
    """Return the problems that are found only when every single setting is valid.

    To find these problems, the settings are checked again with a harmless value in
    place of each invalid value. The operator then sees all problems in one message.
    """
    wrong = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
    given = _given(env_file)
    if not wrong or (
        "secret_key" in wrong and not any(given.get(name) for name in SIGNS_OF_A_DEPLOYMENT)
    ):
        return []
    harmless: dict[str, Any] = {
        name: kind.model_fields[name].get_default(call_default_factory=True) for name in wrong
    }
    harmless |= dict.fromkeys(wrong & PAIRED, "x")
    harmless |= {"secret_key": secrets.token_urlsafe(48)} if "secret_key" in wrong else {}
    harmless |= {"accept_risks": ",".join(RISKS)} if "accept_risks" in wrong else {}
    # The environment decides how strictly other settings are checked. A misspelt
    # environment such as `prod` probably means the most similar name.
    if "environment" in wrong:
        meant = difflib.get_close_matches(
            given.get("ENVIRONMENT", ""), ENVIRONMENTS, n=1, cutoff=0.5
        )
        harmless["environment"] = meant[0] if meant else "development"
    try:
        kind(**harmless)
    except ValidationError as more:
        return [
            line for line in _lines(more, env_file) if line.partition(":")[0].lower() not in wrong
        ]
    return []


def _given(env_file: Path) -> dict[str, str]:
    """Return the variables of the environment and of `.env`.

    If a variable is in both, the environment wins.
    """
    from dotenv import dotenv_values  # dotenv is slow to import, and rarely needed

    try:
        written = dotenv_values(env_file) if env_file.is_file() else {}
    except (OSError, UnicodeDecodeError):
        written = {}
    return {name.upper(): value or "" for name, value in {**written, **os.environ}.items()}


def _without_a_key(env_file: Path) -> str:
    if env_file.is_dir():
        return (
            "is not set, and .env is a folder. Remove the folder and let `make dev` write the file"
        )
    if env_file.exists():
        return (
            f"is not set, in .env or elsewhere; {production.NEW_KEY}, or remove .env and let "
            "`make dev` write a new one"
        )
    return (
        "is not set. In development, `make dev` writes a .env file; in production, set the "
        "variables listed in .env.example"
    )
