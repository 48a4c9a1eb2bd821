"""Calls to Google, or to another OpenID Connect provider.

| Module | What it holds |
|---|---|
| `provider` | the provider's names and errors, and the person it identifies |
| `openid` | the calls to the provider |

`openid` needs an HTTP client, which takes 40 ms to import. So the first sign-in imports
it.
"""
