"""New projects that are made from this project, and their upgrades.

| File | Content |
|---|---|
| `__main__` | the commands behind `make new` and `make upgrade` |
| `names` | the name of a project, in its three spellings |
| `origin` | `.liftoff.toml`, which says what a project was made from |
| `rendering` | the files of a new project |
| `repository` | git commands |
| `creation` | a new project with its first commit |
| `upgrading` | a three-way merge with a newer version |
| `revision_order` | migrations of both sides in one line |

A new project does not contain this folder. `make upgrade` clones Liftoff, and runs the
newest version of this program from the clone.
"""
