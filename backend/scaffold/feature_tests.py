"""The parts of a feature that only the templates of its tests use."""

from dataclasses import dataclass

from scaffold.feature import Feature
from scaffold.fields import Field


@dataclass(frozen=True)
class FeatureTests:
    """The parts of a feature that its tests use."""

    f: Feature

    @property
    def caller(self) -> str:
        """Return the name of the fixture for the user who sends the writes."""
        return "owner" if self.f.owned else "keeper"

    @property
    def owner_argument(self) -> str:
        return "owner" if self.f.owned else ""

    @property
    def url(self) -> str:
        """Return the path of the list, as source code for tests."""
        return "url()" if self.f.parent else "URL"

    @property
    def own_error(self) -> str:
        """Return the error code of the 404 response that users get for a row of another
        user.
        """
        return (
            self.f.parent.code
            if self.f.parent and self.f.parent.private
            else f"{self.f.singular}_not_found"
        )

    @property
    def body(self) -> str:
        return f"{self.f.singular}_body({self.owner_argument})"

    @property
    def made(self) -> str:
        return f"make_{self.f.singular}({self.owner_argument})"

    @property
    def factories(self) -> list[tuple[str, str]]:
        """Return the factories for the rows that this feature refers to. Each one is a
        pair of a feature and a function.
        """
        found = {(target.feature, target.factory.partition("(")[0]) for target in self.f.target_of}
        found |= {(self.f.parent.feature, self.f.parent.factory)} if self.f.parent else set()
        return sorted(found - {("auth", "make_user")})

    @property
    def needed(self) -> list[Field]:
        return [field for field in self.f.fields if field.required]

    @property
    def left_out(self) -> list[tuple[Field, str]]:
        """Return the fields that a client may omit, with their values in that case."""
        defaults = [
            (field, field.default.wire if field.default else "None") for field in self.f.body_fields
        ]
        return [
            (field, value) for field, value in defaults if not field.required and value is not None
        ]

    @property
    def clocked(self) -> list[Field]:
        return [field for field in self.f.fields if field.default and field.default.wire is None]

    @property
    def taken(self) -> list[Field]:
        return [field for field in self.f.body_fields if field.unique]

    @property
    def kept_unique(self) -> list[Field]:
        return [field for field in self.f.fields if field.unique]

    @property
    def foreign_targets(self) -> list[Field]:
        return [
            field
            for field in self.f.references
            if self.f.owned and field.target and field.target.owned
        ]

    @property
    def equal(self) -> list[Field]:
        return [field for field in self.f.fields if field.listed and not field.kind.ranged]

    @property
    def ranged(self) -> list[Field]:
        return [field for field in self.f.fields if field.listed and field.kind.ranged]
