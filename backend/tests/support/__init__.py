"""The foundation of the tests: databases, servers, and a client that checks OpenAPI."""
