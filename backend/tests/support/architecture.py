"""The rules of the house, read off the syntax tree.

Each takes one module and gives its complaints.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

LAYERS = {"core": 0, "db": 1, "platform": 2, "routers": 3, "main": 4, "cli": 4, "server": 4}
PARTS = {
    "models": 0,
    "schemas": 1,
    "security": 2,
    "gateway": 2,
    "cookies": 4,
    "dependencies": 4,
    "routes": 5,
    "router": 6,
}
# All others are rules: 3. A feature with many routes keeps them in `routes` or
# `<part>_routes`: 5.
RULES, ROUTES = 3, 5
OPEN_TO_FEATURES = {"models", "dependencies"}
ROOTS = {"auth"}  # features that stand on no other
WEB = {"fastapi", "starlette"}
ONLY = {"passlib": "security", "joserfc": "security", "stripe": "gateway"}
VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "api_route"}
# Stripe's protocol and the state know no money; billing knows no routes; pages stand on
# all of it.
SIMULATOR_PARTS = {
    "protocol": 0,
    "state": 0,
    "shapes": 1,
    "billing": 2,
    "resources": 3,
    "webhooks": 4,
    "pages": 5,
}
# Access tokens have a leeway; a limit's window and a signature's age are counted in
# minutes, and stand in no row.
OWN_CLOCK = {
    "app.platform.cache.values",  # the age of a copy, which may disappear at any time
    "app.platform.monitoring.heartbeat",  # the age of a file of this host
    "app.platform.limits",
    "app.routers.auth.security",
    "app.routers.payments.gateway.signatures",
}
OTHER_CLOCKS = {
    "datetime.now",
    "datetime.utcnow",
    "time.time",
    "func.now",
    "func.current_timestamp",
}
EAGER_OR_REFUSED = {"raise", "raise_on_sql", "write_only"}  # of `relationship(lazy=…)`
MAX_FILE = 300
MAX_FUNCTION = 40  # lines of code and comments; a docstring is not counted


@dataclass(frozen=True)
class Module:
    """A file, under its dotted name."""

    name: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def path(self) -> list[str]:
        return self.name.split(".")

    @property
    def layer(self) -> str:
        return self.path[1] if len(self.path) > 1 else ""

    @property
    def feature(self) -> str | None:
        return self.path[2] if self.layer == "routers" and len(self.path) > 2 else None

    @property
    def part(self) -> str:
        """The file's part in its feature.

        The files of a gateway are one part; all other folders are rooms.
        """
        return part_of(self.path[3:]) if self.feature else ""

    def imports(self) -> Iterator[str]:
        """Dotted names of modules, relative ones resolved; `from x import y` gives
        `x.y`, which may be a module.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    base = ".".join([*self.path[: -node.level], *([base] if base else [])])
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def part_of(path: list[str]) -> str:
    """Return the part that a path inside a feature names: `mfa/routes` is `routes`, and
    `models.User` is `models`.

    Names of classes and functions may follow the names of modules; a room's first part
    is the one that counts.
    """
    modules = [name for name in path if name != "__init__"]
    if len(modules) < 2 or modules[0] in PARTS:
        return modules[0] if modules else ""
    return modules[1] if modules[1].islower() else modules[0]


def rank(part: str) -> int:
    return ROUTES if part.endswith("_routes") else PARTS.get(part, RULES)


def layers_point_one_way(module: Module) -> Iterator[str]:
    """core, db, platform, routers, main: nobody imports what stands above."""
    own = LAYERS.get(module.layer)
    for name in module.imports():
        parts = name.split(".")
        if (
            parts[0] == "app"
            and len(parts) > 1
            and own is not None
            and LAYERS.get(parts[1], own) > own
        ):
            yield f"imports {name}, which stands above"


def parts_of_a_feature_point_one_way(module: Module) -> Iterator[str]:
    """models, schemas, security or gateway, service and other rules, dependencies,
    router.
    """
    if (
        not module.feature or not module.part or module.part in ("demo", "admin")
    ):  # these stand on all of it
        return
    inside = f"app.routers.{module.feature}."
    for name in module.imports():
        target = part_of(name.removeprefix(inside).split(".")) if name.startswith(inside) else ""
        if target and target.islower() and rank(target) > rank(module.part):
            yield f"imports {name}, which stands above"


def features_meet_at_models_and_dependencies(module: Module) -> Iterator[str]:
    for name in module.imports():
        parts = name.split(".")
        if (
            module.feature
            and parts[:2] == ["app", "routers"]
            and len(parts) > 2
            and parts[2] != module.feature
        ):
            if module.feature in ROOTS:
                yield f"imports {name}: {module.feature} stands on no feature"
            elif len(parts) < 4 or parts[3] not in OPEN_TO_FEATURES:
                yield f"imports {name}: of another feature only models and dependencies are open"


def rules_know_no_web(module: Module) -> Iterator[str]:
    """Up to the service nothing of a feature imports the web framework."""
    if module.feature and module.part and rank(module.part) <= RULES:
        yield from (f"imports {name}" for name in module.imports() if name.split(".")[0] in WEB)


def libraries_stay_in_their_place(module: Module) -> Iterator[str]:
    for name in module.imports():
        place = ONLY.get(name.split(".")[0])
        if place and module.part != place:
            yield f"imports {name}, which only {place}.py may"


def routes_are_plain_functions(module: Module) -> Iterator[str]:
    """Routes, and what calls the database, run in threads: in `async def` they would
    stop the event loop.
    """
    for function in module.functions():
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        decorators = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
        route = any(isinstance(d, ast.Attribute) and d.attr in VERBS for d in decorators)
        arguments = {
            ast.unparse(a.annotation)
            for a in function.args.args + function.args.kwonlyargs
            if a.annotation
        }
        calls = {
            ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)
        }
        database = arguments & {"db_dependency", "Session"} or any(
            call.startswith("service.") for call in calls
        )
        if database or (module.feature and route):
            yield f"{function.name} is async"


def get_db_alone_ends_transactions(module: Module) -> Iterator[str]:
    """A chain of committed steps is the exception. `chains_ask_an_outside_service` has
    its rule.
    """
    for node in ast.walk(module.tree):
        if (
            module.feature
            and isinstance(node, ast.Attribute)
            and node.attr in ("commit", "rollback")
        ):
            yield f"line {node.lineno} calls {node.attr}"


def chains_ask_an_outside_service(module: Module) -> Iterator[str]:
    """Only a module that uses its feature's gateway may commit a step of a request.

    Such a request must not keep a transaction open while it waits.
    """
    if module.name == "app.db.database":
        return
    commits = [
        node.lineno
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.alias) and node.name == "commit_step")
        or (isinstance(node, ast.Attribute) and node.attr == "commit_step")
    ]
    own = f"app.routers.{module.feature}."
    asks = any(
        name.startswith(own) and "gateway" in name.removeprefix(own).split(".")
        for name in module.imports()
    )
    if not asks:
        yield from (f"line {line} takes commit_step, and uses no gateway" for line in commits)


def features_raise_their_own_errors(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        named = (
            getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None)
        )
        if module.feature and named == "HTTPException":
            yield f"line {getattr(node, 'lineno', '?')} names HTTPException"


def sessions_come_from_db_dependency(module: Module) -> Iterator[str]:
    """A bare `Depends(get_db)` is another cache key: it opens a second session."""
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("Depends")
            and module.name != "app.db.database"
        ):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(ast.unparse(argument).endswith("get_db") for argument in given):
                yield f"line {node.lineno} depends on get_db"


def rows_have_the_clock_of_the_database(module: Module) -> Iterator[str]:
    """The host's clock is for what stays on the host; what two hosts compare is read
    from `app.db.clock`.
    """
    if module.name in OWN_CLOCK or module.layer == "core":
        return
    yield from (f"imports {name}" for name in module.imports() if name == "app.core.types.utc_now")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in OTHER_CLOCKS:
            yield f"line {node.lineno} reads {ast.unparse(node)}"


def relationships_name_their_loads(module: Module) -> Iterator[str]:
    """A lazy relationship sends a statement whenever it is read: one for each row of a
    list.
    """
    for node in ast.walk(module.tree):
        if (
            not isinstance(node, ast.Call)
            or ast.unparse(node.func).rpartition(".")[2] != "relationship"
        ):
            continue
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if "backref" in given:
            yield (
                f"line {node.lineno} has a backref, which is lazy: let relationships point one way"
            )
        lazy = given.get("lazy")
        if isinstance(lazy, ast.Constant) and lazy.value in EAGER_OR_REFUSED:
            continue
        kept = [keyword for keyword in node.keywords if keyword.arg != "lazy"]
        better = ast.Call(node.func, node.args, [*kept, ast.keyword("lazy", ast.Constant("raise"))])
        written = ast.unparse(better).replace("'", '"')
        yield (
            f"line {node.lineno} has a lazy relationship. Write {written}, and joinedload() in "
            "queries that need it"
        )


def files_are_short(module: Module) -> Iterator[str]:
    lines = len(module.source.splitlines())
    if lines > MAX_FILE:
        yield f"has {lines} lines"


def functions_are_short(module: Module) -> Iterator[str]:
    for function in module.functions():
        assert function.end_lineno
        first = function.body[0]
        text = (
            isinstance(first, ast.Expr)
            and isinstance(first.value, ast.Constant)
            and isinstance(first.value.value, str)
        )
        docstring = (first.end_lineno or 0) - first.lineno + 1 if text else 0
        lines = function.end_lineno - function.lineno + 1 - docstring
        if lines > MAX_FUNCTION:
            yield f"{function.name} has {lines} lines"


def simulator_stands_apart(module: Module) -> Iterator[str]:
    """The simulator is a peer behind HTTP. Neither it nor the application imports the
    other.
    """
    other = "app" if module.path[0] == "simulator" else "simulator"
    yield from (f"imports {name}" for name in module.imports() if name.split(".")[0] == other)


def parts_of_the_simulator_point_one_way(module: Module) -> Iterator[str]:
    own = SIMULATOR_PARTS.get(module.layer)
    for name in module.imports():
        parts = name.split(".")
        if (
            parts[0] == "simulator"
            and len(parts) > 1
            and own is not None
            and SIMULATOR_PARTS.get(parts[1], own) > own
        ):
            yield f"imports {name}, which stands above"


RULE_BOOK: list[Callable[[Module], Iterator[str]]] = [
    layers_point_one_way,
    parts_of_a_feature_point_one_way,
    features_meet_at_models_and_dependencies,
    rules_know_no_web,
    libraries_stay_in_their_place,
    routes_are_plain_functions,
    get_db_alone_ends_transactions,
    chains_ask_an_outside_service,
    features_raise_their_own_errors,
    sessions_come_from_db_dependency,
    simulator_stands_apart,
    rows_have_the_clock_of_the_database,
    relationships_name_their_loads,
    files_are_short,
    functions_are_short,
]
RULES_OF_THE_SIMULATOR: list[Callable[[Module], Iterator[str]]] = [
    simulator_stands_apart,
    parts_of_the_simulator_point_one_way,
    files_are_short,
    functions_are_short,
]


def modules(backend: Path, package: str = "app") -> list[Module]:
    """Return every module of the application, or of another package next to it."""
    found = []
    for file in sorted((backend / package).rglob("*.py")):
        dotted = ".".join(file.relative_to(backend).with_suffix("").parts)
        found.append(Module(dotted, file.read_text("utf-8")))
    return found


def cycle_of_features(all_modules: list[Module]) -> list[str] | None:
    """Return features that import each other in a circle, or `None`."""
    graph: dict[str, set[str]] = {}
    for module in all_modules:
        if module.feature:
            names = (name.split(".") for name in module.imports())
            others = {
                parts[2] for parts in names if parts[:2] == ["app", "routers"] and len(parts) > 2
            }
            graph.setdefault(module.feature, set()).update(others - {module.feature})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None
