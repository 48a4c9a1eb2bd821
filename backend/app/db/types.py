"""Column types that behave alike on all three databases.

MySQL's own types are imported only on MySQL, because the import takes 25 ms and a
megabyte.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import JSON, ColumnElement, DateTime, Dialect, LargeBinary, Numeric, String, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import mapped_column
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeDecorator, TypeEngine

from app.core.search_dialects import tsvector_of

PrimaryKey = Annotated[int, mapped_column(primary_key=True)]


class UtcDateTime(TypeDecorator[datetime]):
    """A time with a time zone, stored in UTC with microseconds.

    A time without a zone is refused, because it would be ambiguous.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import DATETIME

            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(
                "A time needs a time zone: use app.db.clock.now() or an aware datetime"
            )
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return _in_utc(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return the function that converts each value of a column.

        psycopg2 already returns `datetime` objects, so each value needs only one call.
        """
        if dialect.name == "postgresql":
            return _in_utc
        return super().result_processor(dialect, coltype)


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal number with `precision` digits, of which `scale` are after the point.

    SQLite has no such type. There, the number is stored as a float, which is exact up
    to 15 digits.
    """

    impl = Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision, self.scale = precision, scale

    def __repr__(self) -> str:
        return f"ExactDecimal({self.precision}, {self.scale})"

    @property
    def python_type(self) -> type[Decimal]:
        return Decimal

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Numeric(self.precision, self.scale, asdecimal=False))
        return dialect.type_descriptor(Numeric(self.precision, self.scale))

    def process_result_value(
        self,
        value: Decimal | float | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> Decimal | None:
        return (
            None if value is None else Decimal(str(value)).quantize(Decimal(1).scaleb(-self.scale))
        )


class LongText(TypeDecorator[str]):
    """A text of up to 16 MB. MySQL's plain TEXT holds only 64 kB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import MEDIUMTEXT

            return dialect.type_descriptor(MEDIUMTEXT())
        return dialect.type_descriptor(Text())


class SearchTokens(TypeDecorator[str]):
    """The search tokens of a row, as `app.core.search_text` makes them."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            from sqlalchemy.dialects.postgresql import TSVECTOR

            return dialect.type_descriptor(TSVECTOR())
        return LongText().load_dialect_impl(dialect)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return tsvector_of(value) if value and dialect.name == "postgresql" else value


class LongBinary(TypeDecorator[bytes]):
    """Binary data of up to 16 MB. MySQL's plain BLOB holds only 64 kB."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import MEDIUMBLOB

            return dialect.type_descriptor(MEDIUMBLOB())
        return dialect.type_descriptor(LargeBinary())


class JsonObject(TypeDecorator[dict[str, Any]]):
    """A JSON object. `None` is NULL, never the `null` of JSON."""

    impl = JSON(none_as_null=True)
    cache_ok = True


class TextDefault(ColumnElement[str]):
    """The `server_default` of a `Text` or a `JsonObject`.

    The default is a constant. MySQL accepts it only in parentheses.
    """

    inherit_cache = False

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"TextDefault({self.text!a})"


@compiles(TextDefault)
def _literal(default: TextDefault, compiler: SQLCompiler, **_options: object) -> str:
    return compiler.render_literal_value(default.text, String())


@compiles(TextDefault, "mysql", "mariadb")
def _in_parentheses(default: TextDefault, compiler: SQLCompiler, **options: object) -> str:
    return f"({_literal(default, compiler, **options)})"
