"""Rules about the code of the application: its transactions, errors, clocks and
relationships.
"""

import ast
from collections.abc import Iterator

from .module import Module

VERBS = {"get", "post", "put", "patch", "delete", "head", "options", "api_route"}
# These modules may read the host's clock. Access tokens have a leeway. The window of a
# rate limit and the age of a signature are minutes long, and are not stored in a row.
OWN_CLOCK = {
    "app.platform.doctor.database",  # compares the host's clock with the database's clock
    "app.platform.cache.values",  # the age of a cached copy, which may disappear at any time
    "app.platform.monitoring.heartbeat",  # the age of a file on this host
    "app.platform.storage.folder",  # signed URLs of a folder, which is on this host
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
EAGER_OR_REFUSED = {"raise", "raise_on_sql", "write_only"}  # values of `relationship(lazy=…)`


def routes_are_plain_functions(module: Module) -> Iterator[str]:
    """Routes and functions that call the database run in threads. As `async def`, they
    would block the event loop.
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
    """Features do not commit or roll back. The exception is a chain of committed steps,
    which has the rule `chains_ask_an_outside_service`.
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
    """A bare `Depends(get_db)` has a different cache key, so it opens a second
    session.
    """
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
    """The host's clock is only for values that stay on the host. A value that two hosts
    compare must come from `app.db.clock`.
    """
    if module.name in OWN_CLOCK or module.layer == "core":
        return
    yield from (f"imports {name}" for name in module.imports() if name == "app.core.types.utc_now")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in OTHER_CLOCKS:
            yield f"line {node.lineno} reads {ast.unparse(node)}"


def relationships_name_their_loads(module: Module) -> Iterator[str]:
    """A lazy relationship sends a statement whenever it is read. For a list, this would
    be a statement for each row.
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
