"""The reference data of every account: some tax codes, and the seller's country."""

from stripe.params import (
    CountrySpecListParams,
    CountrySpecRetrieveParams,
    TaxCodeListParams,
    TaxCodeRetrieveParams,
)

from simulator.objects import Object
from simulator.protocol.errors import missing_object
from simulator.protocol.lists import page_of
from simulator.protocol.operations import operation
from simulator.protocol.parameters import Params
from simulator.state.work import Work

# https://docs.stripe.com/tax/tax-codes
TAX_CODES = {
    "txcd_00000000": ("Nontaxable", "Any nontaxable good or service."),
    "txcd_10000000": (
        "General - Electronically Supplied Services",
        "A digital service of any kind.",
    ),
    "txcd_10103000": (
        "Software as a service (SaaS) - personal use",
        "Software on a server, for a person.",
    ),
    "txcd_10103001": (
        "Software as a service (SaaS) - business use",
        "Software on a server, for a business.",
    ),
    "txcd_20030000": ("General - Services", "A service of any kind."),
    "txcd_99999999": ("General - Tangible Goods", "A physical good of any kind."),
}
CURRENCIES = ["usd", "aud", "cad", "chf", "eur", "gbp", "jpy", "nzd", "sek"]
NO_FIELDS: dict[str, list[str]] = {"additional": [], "minimum": []}
COUNTRIES: dict[str, Object] = {
    "US": {
        "id": "US",
        "object": "country_spec",
        "default_currency": "usd",
        "supported_bank_account_currencies": {"usd": ["US"]},
        "supported_payment_currencies": CURRENCIES,
        "supported_payment_methods": ["card"],
        "supported_transfer_countries": ["US"],
        "verification_fields": {"company": NO_FIELDS, "individual": NO_FIELDS},
    }
}


def _tax_code(identity: str) -> Object:
    name, description = TAX_CODES[identity]
    return {
        "id": identity,
        "object": "tax_code",
        "name": name,
        "description": description,
        "requirements": None,
    }


@operation("GET /v1/tax_codes", TaxCodeListParams)
def list_tax_codes(_: Work, params: Params) -> Object:
    return page_of(params, "tax_code", "/v1/tax_codes", [_tax_code(one) for one in TAX_CODES])


@operation("GET /v1/tax_codes/{id}", TaxCodeRetrieveParams)
def retrieve_tax_code(_: Work, __: Params, identity: str) -> Object:
    if identity not in TAX_CODES:
        raise missing_object("tax_code", identity)
    return _tax_code(identity)


@operation("GET /v1/country_specs", CountrySpecListParams)
def list_countries(_: Work, params: Params) -> Object:
    return page_of(params, "country_spec", "/v1/country_specs", list(COUNTRIES.values()))


@operation("GET /v1/country_specs/{id}", CountrySpecRetrieveParams)
def retrieve_country(_: Work, __: Params, country: str) -> Object:
    if country not in COUNTRIES:
        raise missing_object("country_spec", country)
    return COUNTRIES[country]
