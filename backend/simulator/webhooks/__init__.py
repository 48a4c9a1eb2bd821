"""Webhooks: the delivery of events to endpoints.

- `planning`: which endpoint gets which event, and when a failed attempt is repeated.
- `delivery`: sends the requests, several at the same time.
- `signing`: the Stripe-Signature header.

`simulator.state.work` emits events, and `simulator.resources.events` lists them.
"""
