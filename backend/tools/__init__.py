"""The programs behind the Makefile. They are not part of the application."""
