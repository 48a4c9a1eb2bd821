"""Posts and their categories."""
