"""What features stand on: the router class, problems, limits, idempotency, mail, jobs, health."""
