"""The operations, one module for each of Stripe's resources.

Importing this package registers all of them. Operations read parameters and call the
rules in `simulator.billing`.

- The seller: `accounts`, `webhook_endpoints`, `events`, `test_clocks`, and `reference`
  with tax codes and the seller's country.
- Products and prices: `products`, `prices`, `coupons`, `promotion_codes`. `plans` has
  recurring prices under their former name.
- Customers: `customers`, `payment_methods`, `setup_intents`. `customer_parts` has parts
  of a customer that only `expand` or separate lists return.
- Checkout: `checkout_sessions`, and `checkout_checks` with the conditions for paying.
- Billing portal: `portal`, and `portal_flows` with sessions for a single action.
- Subscriptions: `subscriptions`, `subscription_items`, `subscription_schedules`.
  `subscription_params` and `schedule_params` read the parameters of these calls.
- Invoices: `invoices`, `invoice_items`, `invoice_previews`, `invoice_payments`.
- Payments: `payment_intents`, `charges`, `refunds`, `disputes`.
- Further operations: `searches` searches resources, and `nothing` has the resources
  that are always empty here.
"""

import importlib
import pkgutil

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
