"""The generator for `make feature`, `feature-field` and `feature-remove`.

The generator is not part of the application. A new feature takes this path: `grammar`
parses the text of its fields into tokens. `kinds` and `fields` turn each token into a
field, and `feature` describes the whole feature. `rendering` fills in the templates.
`staging` copies the project, and `staged` runs in the copy, where it writes the
revision and the OpenAPI snapshot. Finally, `staging.keep` copies the new files into the
project.

- `create`, `add_fields`, `remove`: the three programs. Begin here.
- `plan`: converts a request into a `Feature`.
- `project`: the existing features, tables, routes and models.
- `grammar`: the grammar of `fields="number:str(32):unique"`.
- `kinds`, `fields`, `defaults`: the types of fields, the lines of code of each field,
  and default values.
- `parents`: the parent of a feature. The feature's routes are under the parent's path.
- `naming`, `words`: the rules for names, and English plurals.
- `feature`: the description of a feature, which the templates use.
- `feature_tests`, `samples`: the data that only the templates of tests use, and the
  values that generated tests send.
- `rendering`, `merge`: new files, and new code in files that the developer has edited.
- `migrations`: writes revisions.
- `revisions`: reads the existing revisions.
- `staging`: makes the copy of the project, and copies finished files back.
- `staged`: the program that runs in the copy, because it imports the new code.
- `local_database`: undoes revisions in the developer's own database.
- `problems`: the base class of refusals.
"""
