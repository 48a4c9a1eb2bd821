"""Plans: the file that defines them, our `plans` table, and the prices at Stripe."""
