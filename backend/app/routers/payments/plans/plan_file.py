"""Parser of `backend/plans.toml`, which lists the plans for sale.

This module uses neither the database nor Stripe.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from app.core.config import BACKEND
from app.core.fields import OneLine
from app.core.text import MAX_SLUG, canonical_slug

from . import currencies

FILE = BACKEND / "plans.toml"
MAX_TRIAL = 730  # days; Stripe's maximum


class BrokenCatalogue(ValueError):
    """`plans.toml` is invalid. The message contains the place and the error."""


Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Slug = Annotated[str, StringConstraints(max_length=MAX_SLUG), AfterValidator(canonical_slug)]
Limit = Annotated[int, Field(ge=0, le=2**31)] | Literal["unlimited"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PlanEntry(_Strict):
    slug: Slug
    amount: Annotated[int, Field(ge=0)]
    interval: Literal["month", "year"]
    trial_days: Annotated[int, Field(ge=0, le=MAX_TRIAL)] = 0
    trial_needs_card: bool = True


class ProductEntry(_Strict):
    slug: Slug
    name: Annotated[str, OneLine(120)]
    description: Annotated[str, StringConstraints(max_length=500)] = ""
    features: list[Word] = []
    limits: dict[Word, Limit] = {}
    plans: Annotated[list[PlanEntry], Field(min_length=1)]


class _File(_Strict):
    currency: Annotated[str, StringConstraints(pattern="^[a-z]{3}$")]
    products: Annotated[list[ProductEntry], Field(min_length=1)]

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        plans = [plan for product in self.products for plan in product.plans]
        for what, slugs in (
            ("products", [p.slug for p in self.products]),
            ("plans", [p.slug for p in plans]),
        ):
            if twice := sorted({slug for slug in slugs if slugs.count(slug) > 1}):
                raise ValueError(f"two {what} have the slug {', '.join(twice)}")
        free = [plan.slug for plan in plans if plan.amount == 0]
        if len(free) != 1:
            raise ValueError(
                "exactly one plan must have the amount 0, for users without a subscription; "
                f"{len(free)} have it"
            )
        if any(plan.amount == 0 and plan.trial_days for plan in plans):
            raise ValueError("a free plan cannot have a trial")
        return self

    def flaws(self) -> Iterator[str]:
        """Yield the place and reason of each value that Stripe would refuse."""
        currency = currencies.supported().get(self.currency)
        if currency is None:
            yield (
                f"currency: Stripe takes no payments in {self.currency} ({currencies.FILE.name} "
                "lists the accepted currencies)"
            )
            return
        for number, product in enumerate(self.products):
            for position, plan in enumerate(product.plans):
                if plan.amount and (flaw := currency.flaw(plan.amount)):
                    yield f"products[{number}].plans[{position}].amount: {flaw}"


@dataclass(frozen=True)
class Offer:
    """A plan with its product's data. In `limits`, `None` means unlimited."""

    slug: str
    position: int
    product: str
    name: str
    description: str
    currency: str
    amount: int
    interval: str
    trial_days: int
    trial_needs_card: bool
    features: tuple[str, ...]
    limits: dict[str, int | None]

    @property
    def is_free(self) -> bool:
        return self.amount == 0

    @property
    def entitlements(self) -> dict[str, object]:
        return {"features": list(self.features), "limits": self.limits}


def read_plan_file(file: Path | None = None) -> list[Offer]:
    """Return every plan, in file order. Raises `BrokenCatalogue`."""
    file = file or FILE
    try:
        content = _File.model_validate(tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        raise BrokenCatalogue(f"{file.name} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenCatalogue(f"{file.name}: {error}") from error
    except ValidationError as error:
        problems = [f"{_place(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise BrokenCatalogue(f"{file.name}: " + "; ".join(problems)) from error
    if flaws := list(content.flaws()):
        raise BrokenCatalogue(f"{file.name}: " + "; ".join(flaws))
    return list(_offers(content))


def _offers(content: _File) -> Iterator[Offer]:
    position = 0
    for product in content.products:
        limits = {
            name: None if limit == "unlimited" else limit for name, limit in product.limits.items()
        }
        for plan in product.plans:
            yield Offer(
                slug=plan.slug,
                position=position,
                product=product.slug,
                name=product.name,
                description=product.description,
                currency=content.currency,
                amount=plan.amount,
                interval=plan.interval,
                trial_days=plan.trial_days,
                trial_needs_card=plan.trial_needs_card,
                features=tuple(product.features),
                limits=limits,
            )
            position += 1


def _place(loc: tuple[int | str, ...]) -> str:
    """Format a location in the file as text, such as `products[1].plans[0].amount`."""
    words = [
        f"[{part}]" if isinstance(part, int) else f".{part}"
        for part in loc
        if part != "literal['unlimited']"
    ]
    return "".join(words).removeprefix(".") or "the file"
