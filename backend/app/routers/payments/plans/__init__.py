"""Plans: the file that names them, and their copies in our table and at Stripe."""
