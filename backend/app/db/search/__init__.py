"""Full-text search, with the same hits on all three databases.

A model declares its searched fields in one line, the most important one first. A
feature then uses `q` like any other filter:

    search: Mapped[str | None] = searchable("title", "content")

    FILTERS: Filters = {"q": matches(Article.search)}

`make migration` writes the column and its index.

| Database | Column | Index |
|---|---|---|
| PostgreSQL | `tsvector` | GIN |
| MySQL, MariaDB | `MEDIUMTEXT` | FULLTEXT |
| SQLite | `TEXT` | a table of FTS5, which triggers keep up to date |

The column holds the tokens of `app.core.search_text`. It is filled whenever the ORM
writes a row. A row that was written without the ORM, or before the column existed, is
found only after `make reindex`.

- `column`: the column with the tokens of a row.
- `indexes`: the index, in the SQL of each database.
- `matching`: the condition that a row matches a search.
- `ranking`, `relevance`: how relevant the hits are, and a page of the best hits.
- `reindexing`: fills the tokens of stored rows again.
"""

from .column import searchable
from .matching import matches
from .relevance import ranked_page

__all__ = ["matches", "ranked_page", "searchable"]
