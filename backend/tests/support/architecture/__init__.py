"""The architecture rules, which are checked in the syntax tree.

Each rule takes a module and yields complaints about that module. `imports`, `code` and
`sizes` are rules for the application. `reach` is a rule for tests.
"""

from collections.abc import Callable, Iterator

from .code import (
    chains_ask_an_outside_service,
    features_raise_their_own_errors,
    get_db_alone_ends_transactions,
    relationships_name_their_loads,
    routes_are_plain_functions,
    rows_have_the_clock_of_the_database,
    sessions_come_from_db_dependency,
)
from .imports import (
    cycle_of_features,
    features_meet_at_models_and_dependencies,
    layers_point_one_way,
    libraries_stay_in_their_place,
    parts_of_a_feature_point_one_way,
    parts_of_the_simulator_point_one_way,
    rules_know_no_web,
    simulator_stands_apart,
)
from .module import Module, modules
from .reach import no_test_reaches_private_names
from .sizes import files_are_short, functions_are_short

__all__ = [
    "RULE_BOOK",
    "Module",
    "Rule",
    "chains_ask_an_outside_service",
    "cycle_of_features",
    "features_meet_at_models_and_dependencies",
    "features_raise_their_own_errors",
    "files_are_short",
    "functions_are_short",
    "get_db_alone_ends_transactions",
    "layers_point_one_way",
    "libraries_stay_in_their_place",
    "modules",
    "no_test_reaches_private_names",
    "parts_of_a_feature_point_one_way",
    "parts_of_the_simulator_point_one_way",
    "relationships_name_their_loads",
    "routes_are_plain_functions",
    "rows_have_the_clock_of_the_database",
    "rules_know_no_web",
    "sessions_come_from_db_dependency",
    "simulator_stands_apart",
]

Rule = Callable[[Module], Iterator[str]]

RULES_OF_THE_APPLICATION: list[Rule] = [
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
RULES_OF_THE_SIMULATOR: list[Rule] = [
    simulator_stands_apart,
    parts_of_the_simulator_point_one_way,
    files_are_short,
    functions_are_short,
]
RULES_OF_TOOLS: list[Rule] = [files_are_short, functions_are_short]
RULES_OF_TESTS: list[Rule] = [files_are_short, no_test_reaches_private_names]
RULE_BOOK: dict[str, list[Rule]] = {
    "app": RULES_OF_THE_APPLICATION,
    "simulator": RULES_OF_THE_SIMULATOR,
    "scaffold": RULES_OF_TOOLS,
    "tools": RULES_OF_TOOLS,
    "tests": RULES_OF_TESTS,
}
