"""Selling: Checkout, changes of a subscription, and the customers behind them."""
