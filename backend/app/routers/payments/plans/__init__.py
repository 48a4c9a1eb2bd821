"""Plans: the file that defines them, our table of plans, and their prices at Stripe."""
