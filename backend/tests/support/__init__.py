"""What tests stand on: databases, servers, a client that holds every answer against
OpenAPI.
"""
