"""Creates products, either in a call of their own or together with a price."""

from simulator.objects import Object
from simulator.protocol.errors import StripeError
from simulator.protocol.parameters import Params
from simulator.state.work import Work

PLAIN = (
    "active",
    "description",
    "images",
    "name",
    "package_dimensions",
    "shippable",
    "tax_code",
    "unit_label",
    "url",
)


def new_product(work: Work, params: Params, product_id: str | None = None) -> Object:
    product = work.new(
        "product",
        product_id,
        active=True,
        default_price=None,
        description=None,
        images=[],
        marketing_features=[],
        name=None,
        package_dimensions=None,
        shippable=None,
        statement_descriptor=None,
        tax_code=None,
        tax_details=None,
        type=params.get("type", "service"),
        unit_label=None,
        updated=work.now,
        url=None,
    )
    apply_changes(product, params)
    work.put(product)
    work.emit("product.created", product)
    return product


def apply_changes(product: Object, params: Params) -> None:
    """Update a product from the parameters of a call. Refuse an empty name."""
    if "name" in params and not params["name"]:
        raise StripeError(
            "You passed an empty string for 'name'.", code="parameter_invalid_empty", param="name"
        )
    params.into(product, *PLAIN, "marketing_features", "statement_descriptor")
    for name in ("images", "marketing_features"):
        product[name] = product[name] or []
    params.merge_metadata(product)
