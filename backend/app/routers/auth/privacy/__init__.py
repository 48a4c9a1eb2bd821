"""Privacy: a user's export of their data, and the erasure of everything of a user.

Each feature says what it knows about a user (`app.platform.personal_data`).

- `owned_rows`: the data of features that say nothing.
- `archive`: writes the data of all features into one file.
- `exporting`: a user asks for the file, and gets a link to it by email.
- `forgetting`: an operator erases an account with all its content.
- `routes`: the routes of the export.
"""
