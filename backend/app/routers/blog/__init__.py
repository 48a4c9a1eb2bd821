"""Blog: posts and their categories."""
