"""Rules about imports. They must point in one direction, and some libraries may be
imported in only one place.
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from .module import RULES, Module, part_of, rank

LAYERS = {"core": 0, "db": 1, "platform": 2, "routers": 3, "main": 4, "cli": 4, "server": 4}
OPEN_TO_FEATURES = {"models", "dependencies"}
ROOTS = {"auth"}  # features that import no other feature
WEB = {"fastapi", "starlette"}
ONLY = {"passlib": "security", "joserfc": "security", "stripe": "gateway"}
# `protocol` and `state` do not import `billing`, and `billing` does not import routes.
# `pages` may import all other parts.
SIMULATOR_PARTS = {
    "protocol": 0,
    "state": 0,
    "shapes": 1,
    "billing": 2,
    "resources": 3,
    "webhooks": 4,
    "pages": 5,
}


def layers_point_one_way(module: Module) -> Iterator[str]:
    """The order is core, db, platform, routers, main. No layer imports a later
    layer.
    """
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
    """The order of a feature's parts is models, schemas, security or gateway, service
    and other rules, dependencies, router.
    """
    if (
        not module.feature or not module.part or module.part in ("demo", "admin")
    ):  # the demo data and the admin may import all parts
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
    """Models, schemas and the service of a feature do not import the web framework."""
    if module.feature and module.part and rank(module.part) <= RULES:
        yield from (f"imports {name}" for name in module.imports() if name.split(".")[0] in WEB)


def libraries_stay_in_their_place(module: Module) -> Iterator[str]:
    for name in module.imports():
        place = ONLY.get(name.split(".")[0])
        if place and module.part != place:
            yield f"imports {name}, which only {place}.py may"


def simulator_stands_apart(module: Module) -> Iterator[str]:
    """The simulator is a separate program, which is called over HTTP. The simulator and
    the application do not import each other.
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
