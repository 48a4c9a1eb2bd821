"""Products: created, updated, deleted and listed."""

from stripe.params import (
    ProductCreateParams,
    ProductDeleteParams,
    ProductListParams,
    ProductRetrieveParams,
    ProductUpdateParams,
)

from simulator.billing.products import apply_changes, new_product
from simulator.objects import Object
from simulator.protocol.errors import StripeError, missing_object
from simulator.protocol.lists import equals, list_page
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.resources.prices import new_price
from simulator.state.work import Work


@operation("POST /v1/products", ProductCreateParams)
def create(work: Work, params: Params) -> Object:
    wanted = params.get("id")
    if wanted and work.find("product", wanted):
        raise StripeError("Product already exists.", code="resource_already_exists", param="id")
    product = new_product(work, params, wanted)
    if default := params.get("default_price_data"):
        product["default_price"] = new_price(work, default, product)["id"]
        work.put(product)
        work.emit("product.updated", product)
    return product


@operation("GET /v1/products/{id}", ProductRetrieveParams)
def retrieve(work: Work, _: Params, product_id: str) -> Object:
    product = work.get("product", product_id)
    if product.get("deleted"):
        raise missing_object("product", product_id)
    return product


@operation("POST /v1/products/{id}", ProductUpdateParams)
def update(work: Work, params: Params, product_id: str) -> Object:
    product = work.get_live("product", product_id)
    if chosen := params.get("default_price"):
        price = work.get("price", chosen, "default_price")
        if price["product"] != product_id:
            raise StripeError(
                f"The price `{chosen}` belongs to another product.", param="default_price"
            )
        product["default_price"] = chosen
    apply_changes(product, params)
    product["updated"] = work.now
    work.put(product)
    work.emit("product.updated", product)
    return product


@operation("DELETE /v1/products/{id}", ProductDeleteParams)
def delete(work: Work, _: Params, product_id: str) -> Object:
    product = work.get_live("product", product_id)
    if work.ids("price", product=product_id):
        raise StripeError(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    work.emit("product.deleted", product)
    return work.put({"id": product_id, "object": "product", "deleted": True})


@operation("GET /v1/products", ProductListParams)
def list_all(work: Work, params: Params) -> Object:
    tests = equals(params, "active", "shippable", "type", "url")
    if wanted := params.get("ids"):
        tests.append(lambda product: product["id"] in wanted)
    return list_page(work, params, "product", "/v1/products", None, *tests)
