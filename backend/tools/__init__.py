"""Programs behind the Makefile. None of them is part of the application."""
