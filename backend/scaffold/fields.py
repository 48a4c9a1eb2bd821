"""The fields of a feature, and the lines of source code that each one contributes."""

from dataclasses import dataclass, replace
from functools import cached_property

from scaffold import defaults, samples
from scaffold.grammar import Token, WrongField
from scaffold.kinds import CURRENCY_KIND, Kind, kind_of
from scaffold.words import camel


@dataclass(frozen=True)
class Target:
    """The model that a `ref` refers to."""

    feature: str
    model: str
    table: str
    owned: bool
    factory: str  # the call that makes a row in tests


@dataclass(frozen=True)
class Field:
    token: Token
    kind: Kind
    feature: str  # the class of the feature, such as `Invoice`
    default: defaults.Default | None = None
    source: str = ""  # the field that a slug is generated from
    target: Target | None = None
    later: bool = False  # whether the field is added to an existing table

    @property
    def word(self) -> str:
        return self.token.name

    @property
    def name(self) -> str:
        return f"{self.word}_id" if self.token.kind == "ref" else self.word

    @property
    def optional(self) -> bool:
        return self.token.optional

    @property
    def required(self) -> bool:
        """Return whether a client has to send the field."""
        return not self.optional and self.default is None and self.token.kind != "slug"

    @property
    def unique(self) -> bool:
        return "unique" in self.token.flags or self.token.kind == "slug"

    @property
    def listed(self) -> bool:
        """Return whether the field has an index, so that lists can be filtered and
        sorted by it.
        """
        return self.unique or "index" in self.token.flags or self.token.kind == "ref"

    @property
    def searched(self) -> bool:
        return "search" in self.token.flags

    @property
    def choices(self) -> tuple[str, ...]:
        return self.token.arguments if self.token.kind == "enum" else ()

    @property
    def alias(self) -> str:
        return self.feature + camel(self.word)

    @property
    def error(self) -> str:
        return f"{camel(self.name)}Taken"

    @property
    def error_unknown(self) -> str:
        return f"{camel(self.word)}Unknown"

    @cached_property
    def model_line(self) -> str:
        python = self.kind.python.format(alias=self.alias)
        arguments = [self.kind.column] if self.kind.column else []
        if self.target:
            gone = "SET NULL" if self.optional else "CASCADE"
            arguments = [f'ForeignKey({self.target.model}.id, ondelete="{gone}")', "index=True"]
        if self.default:
            if self.optional:  # otherwise the default would replace a null from a client
                arguments = [f"{self.kind.column or self.kind.implied}.evaluates_none()"]
            arguments.append(f"default={self.default.column}")
            if self.later and not self.optional:
                arguments.append(f"server_default={self.default.server}")
        column = f" = mapped_column({', '.join(arguments)})" if arguments else ""
        return f"{self.name}: Mapped[{python}{' | None' if self.optional else ''}]{column}"

    @property
    def shape(self) -> str:
        return self.kind.shape.format(alias=self.alias)

    @property
    def alias_line(self) -> str:
        return f"{self.alias} = {self.kind.alias}" if self.kind.alias else ""

    @property
    def constant(self) -> str:
        return f"DEFAULT_{self.word.upper()}" if self.default and self.default.constant else ""

    @property
    def constant_line(self) -> str:
        return (
            f"{self.constant}: {self.shape} = {self.default.constant}"
            if self.default and self.constant
            else ""
        )

    @property
    def create_line(self) -> str:
        none = " | None" if self.optional or self.token.kind == "slug" else ""
        value = self.constant or (self.default.shape if self.default else "None")
        none = f" | {value}{none}" if value == defaults.LEFT_OUT else none
        return f"{self.name}: {self.shape}{none}{'' if self.required else f' = {value}'}"

    @property
    def update_line(self) -> str:
        none = " | None" if self.optional or self.token.kind == "slug" else ""
        return f"{self.name}: {self.shape} | MISSING{none} = MISSING"

    @property
    def read_line(self) -> str:
        return f"{self.name}: {self.kind.read or self.shape}{' | None' if self.optional else ''}"

    @property
    def query(self) -> str:
        query = (self.kind.query or "").format(alias=self.alias)
        return f"{query} = None"

    @property
    def filter_names(self) -> list[str]:
        if not self.listed:
            return []
        return [f"{self.name}_from", f"{self.name}_to"] if self.kind.ranged else [self.name]

    @property
    def about(self) -> str:
        """Return the type of the field, as the user typed it."""
        inner = f"({', '.join(self.token.arguments)})" if self.token.arguments else ""
        return f"`{self.token.kind}{inner}`"

    @property
    def remarks(self) -> list[str]:
        found = ["required"] if self.required else []
        found += ["may be null"] if self.optional else []
        found += (
            [f"default `{_in_a_cell(self.token.default or str(self.default.wire))}`"]
            if self.default
            else []
        )
        found += ["unique"] if self.unique else []
        found += ["filtered and sorted"] if self.listed else []
        if self.target:
            found += [
                "null after that row is deleted" if self.optional else "deleted with that row"
            ]
        return found + (["found by `q`"] if self.searched else [])

    @property
    def sample(self) -> str:
        return self.target.factory if self.target else samples.good(self.token)

    @property
    def example(self) -> str:
        """Return the value in the example that `/docs` shows.

        A reference points to the first row of the other table.
        """
        return "1" if self.target else samples.example(self.token)

    @property
    def bad(self) -> list[str]:
        return samples.bad(self.token)

    @property
    def bad_in_query(self) -> str:
        return samples.bad_in_query(self.token)


def field_of(token: Token, feature: str) -> Field:
    """Return the field. Raises `WrongField` if the field itself has an error."""
    kind = kind_of(token)
    field = Field(token, kind, feature)
    for flag, allowed in (
        ("unique", kind.key),
        ("index", kind.query is not None),
        ("search", kind.searched),
        ("history", token.kind == "slug"),
    ):
        if flag in token.flags and not allowed:
            raise WrongField(token.text, f"{token.kind} cannot be :{flag}")
    if token.kind == "slug":
        field = replace(field, source=_source(token))
    if token.default is not None:
        if token.flags & {"unique"}:
            raise WrongField(
                token.text,
                "a unique field has no default, because the second row would have it, too",
            )
        field = replace(field, default=_default(token, kind))
    return field


def _source(token: Token) -> str:
    (source,) = token.arguments or ("",)
    name, _, value = source.partition("=")
    if name != "from" or not value:
        raise WrongField(token.text, "slug needs the field from which it is made: slug(from=title)")
    if token.optional or token.flags - {"history"}:
        raise WrongField(
            token.text,
            "a slug always has a value and is always unique, so only :history may follow it",
        )
    return value


def _default(token: Token, kind: Kind) -> defaults.Default:
    assert kind.default
    try:
        return kind.default(token.default or "")
    except ValueError as error:
        raise WrongField(token.text, f"the default {token.default!r} {error}") from error


def _in_a_cell(text: str) -> str:
    """Escape text for a cell of a Markdown table.

    An unescaped `|` would end the cell.
    """
    return text.replace("|", r"\|")


def currency_of(money: list[Field], feature: str) -> Field:
    """Return the field for the currency of the amounts in a row.

    Raises `WrongField` if the amounts have different currencies.
    """
    named = {field.token.arguments[0]: field for field in money if field.token.arguments}
    if len(named) > 1:
        raise WrongField(
            money[-1].token.text, f"a row has only one currency, not {' and '.join(sorted(named))}"
        )
    token = Token(
        "money", "currency", "currency", (), optional=False, default=None, flags=frozenset()
    )
    return Field(
        token, CURRENCY_KIND, feature, defaults.currency(next(iter(named))) if named else None
    )
