"""Sign-in with Google, or with another OpenID Connect provider.

- `routes`: the routes.
- `journey`: the redirect to Google and the return, and the exchange of the code for
  tokens.
- `identities`: finds or creates the account of a person whom Google has identified.
- `gateway/`: the calls to the provider.
"""
