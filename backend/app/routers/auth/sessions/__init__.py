"""Sessions: opening, refreshing and ending them, and re-authentication."""
