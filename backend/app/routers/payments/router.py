"""Payments routes.

The rules and queries are in the modules that these routes call.
"""

from fastapi import Request, status

from app.core.errors import raises
from app.core.pagination import Page
from app.db.database import db_dependency
from app.db.pagination import paginate
from app.platform.openapi_routes import BodyTooLarge
from app.platform.pagination import PageParams
from app.platform.reading import read_db_dependency
from app.platform.requests.strict_request import RawBody, UnsupportedMediaType
from app.platform.routing import LARGE_BODY, Router
from app.routers.auth.dependencies import CurrentUser, FreshIdentity, InPerson, VerifiedUser

from . import service
from .dependencies import StripeTurn
from .entitlements import Entitlements
from .gateway import CurrencyMismatch, InvalidSignature, PaymentsUnavailable, StripeRefused
from .models import Plan
from .operations import routes as operations_routes
from .schemas import (
    CheckoutCreate,
    CheckoutRead,
    EntitlementsRead,
    PaymentInvoiceRead,
    PlanRead,
    PortalRead,
    WebhookRead,
)
from .selling import checkout, customers, demo_routes
from .selling import routes as selling_routes
from .webhooks import receiving

router = Router(prefix="/payments", tags=["payments"], dependencies=[FreshIdentity])
# An operator may have registered a URL with a query. If we refused the query, Stripe
# would resend the event for days.
hook = Router(strict_query=False)


@router.get("/plans", response_model=list[PlanRead])
def list_plans(db: read_db_dependency) -> list[Plan]:
    """List the plans for sale, and the free plan."""
    return service.list_plans(db)


@router.post("/checkout", status_code=status.HTTP_201_CREATED, dependencies=[InPerson, StripeTurn])
@raises(
    service.PlanNotFound,
    service.PlanNotForSale,
    service.PlanNotReady,
    service.AlreadySubscribed,
    checkout.PromotionCodeUnknown,
    checkout.CheckoutBusy,
    CurrencyMismatch,
    PaymentsUnavailable,
    StripeRefused,
)
def create_checkout(db: db_dependency, user: VerifiedUser, data: CheckoutCreate) -> CheckoutRead:
    """Get the Stripe page on which to subscribe.

    The page redirects to the frontend's `/billing/success` or `/billing`.
    """
    return checkout.create_checkout(db, user, data)


@router.post("/portal", status_code=status.HTTP_201_CREATED, dependencies=[InPerson, StripeTurn])
@raises(customers.NoCustomer, PaymentsUnavailable, StripeRefused)
def create_portal(db: db_dependency, user: CurrentUser) -> PortalRead:
    """Get the Stripe page on which to manage cards, invoices and the subscription.

    The page redirects to the frontend's `/billing`.
    """
    return PortalRead(url=customers.open_portal(db, user, service.return_url("/billing")))


@router.get("/invoices", dependencies=[InPerson])
def list_invoices(
    db: db_dependency, user: CurrentUser, page: PageParams
) -> Page[PaymentInvoiceRead]:
    """List the caller's invoices, newest first."""
    return paginate(db, service.list_invoices(user), page, PaymentInvoiceRead)


@router.get("/entitlements", response_model=EntitlementsRead)
def read_entitlements(db: db_dependency, user: CurrentUser) -> Entitlements:
    """Read the caller's features and limits."""
    return service.get_entitlements(db, user)


@hook.post("/webhook", openapi_extra=receiving.DOCUMENTED, max_body_size=LARGE_BODY)
@raises(
    InvalidSignature,
    receiving.InvalidPayload,
    PaymentsUnavailable,
    BodyTooLarge,
    UnsupportedMediaType,
)
def receive_webhook(db: db_dependency, body: RawBody, request: Request) -> WebhookRead:
    """Receive an event that Stripe has signed. Only Stripe calls this route."""
    receiving.receive_event(db, body, request.headers.get("stripe-signature", ""))
    return WebhookRead(received=True)


router.include_router(hook)
router.include_router(selling_routes.router)
router.include_router(operations_routes.router)
router.include_router(demo_routes.router)
