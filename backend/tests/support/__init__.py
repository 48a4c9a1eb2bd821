"""The parts that all tests build on: databases, servers, and a client that checks
OpenAPI.
"""
