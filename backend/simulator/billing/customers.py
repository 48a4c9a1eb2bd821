"""New customers."""

from simulator.objects import Object
from simulator.state.work import Work


def new_customer(work: Work, clock: str | None = None) -> Object:
    """Return a customer without any details. The customer is not stored yet."""
    return work.new(
        "customer",
        address=None,
        balance=0,
        currency=None,
        customer_account=None,
        default_source=None,
        delinquent=False,
        description=None,
        discount=None,
        email=None,
        invoice_prefix=work.store.ids.secret(8).upper(),
        invoice_settings={
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        name=None,
        next_invoice_sequence=1,
        phone=None,
        preferred_locales=[],
        shipping=None,
        tax_exempt="none",
        test_clock=clock,
    )
