"""The admin at `/admin`, where staff look at accounts and change them.

The first request for `/admin` builds it. Until then, neither starlette-admin nor the
`admin.py` of any feature is imported.

- `lazy`, `places`: the mount, which builds the site, and the paths that metrics show.
- `views`: what a feature's `admin.py` declares: lists of rows, actions, forms, charts.
- `table_views`: the view that generated features have, made from a table.
- `staff`: the gate, which the feature with the accounts provides.
- `registry`: everything that the features declare.
- `lists`: pages of lists, which stay fast in tables of any size.
- `own_views`, `system_charts`: the views and plots of the platform's tables.
- `calls`: a request to the admin: its staff, form, transaction and response.
- `signing_in`, `pages`, `acting`, `exporting`, `dashboard`: the pages. `plotting` and
  `drawing` make the plots, and `rendering` makes the HTML.
- `site`: starlette-admin, with these pages in it.
"""
