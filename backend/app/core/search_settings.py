"""The settings of full-text search."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings

from app.core.search_text import LANGUAGES


def _language(name: str) -> str:
    """Return the name of a language in lower case.

    For anything else, raises `ValueError` with the list of languages.
    """
    if name.lower() not in LANGUAGES:
        raise ValueError(f"must be one of {', '.join(LANGUAGES)}")
    return name.lower()


class SearchFields(BaseSettings):
    """The settings that decide how words are searched."""

    search_language: Annotated[str, AfterValidator(_language)] | None = Field(
        None, description="Language whose words are searched by their stems."
    )
