"""The rules of billing: subscriptions, invoices, payments and the passing of time.

Operations, pages and timers call these modules.

Subscriptions:

- `subscriptions`: the start of a subscription.
- `changes`, `reshaping`, `items`: a change of a subscription, the effect of the change
  before money moves, and the items after the change.
- `pending`: a change that takes effect only when an invoice is paid.
- `pausing`, `endings`: pausing and resuming, and all ways in which a subscription ends.
- `standing`: the status of a subscription, which depends on its invoices.
- `periods`, `cycle`: billing periods, and the step from one period to the next.
- `renewal`, `subscription_timers`: what time does to a subscription, and its timers.
- `subscription_schedules`, `phases`: schedules, and the phases of a schedule.

Invoices:

- `invoices`: the steps from draft to paid.
- `lines`, `totals`: the lines of an invoice, and the amount that is due.
- `proration`: the cost of a change in the middle of a period.
- `advancing`, `collection`: the automatic steps, and the attempts to collect money.
- `invoice_endings`: invoices that become void or uncollectible.
- `preview`: the next invoice, and the cost of a change.

Payments:

- `payments`: payment intents, charges, and the bank's response.
- `authentication`: the result of 3-D Secure.
- `setups`: saving a card without a payment.
- `refunds`, `disputes`: money that goes back to the customer.
- `payment_methods`, `cards`, `card_details`: cards of customers, Stripe's test cards,
  and the checks of a card form.

Checkout:

- `checkout`, `checkout_endings`: the customer's steps, and how a session ends.
- `quotes`: the amounts of a session.

Prices and the rest:

- `products`, `catalog`: creating products, and the meaning of a price.
- `coupons`, `discounts`: who may redeem a coupon, and the arithmetic of discounts.
- `customers`: a new customer.
- `currencies`, `money`, `words`: currencies, rounding, and amounts and dates as text.
- `settings`: the settings that Stripe has in its dashboard.
"""
