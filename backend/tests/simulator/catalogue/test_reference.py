"""The reference data that is the same in every account, as far as the simulator
contains it.
"""

import pytest
import stripe


def test_tax_codes_and_the_seller_s_country_can_be_read(v1):
    codes = v1.tax_codes.list({"limit": 2})
    assert (len(codes.data), codes.has_more) == (2, True)
    assert len(list(codes.auto_paging_iter())) == 6
    assert v1.tax_codes.retrieve("txcd_10103001").name.startswith("Software as a service")
    own = v1.accounts.retrieve_current()
    (country,) = v1.country_specs.list().data
    assert (country.id, country.default_currency) == (own.country, own.default_currency)
    assert v1.country_specs.retrieve("US") == country
    for read, unknown in ((v1.tax_codes.retrieve, "txcd_1"), (v1.country_specs.retrieve, "XX")):
        with pytest.raises(stripe.InvalidRequestError) as missing:
            read(unknown)
        assert missing.value.code == "resource_missing"
