"""The actions that timers start."""

from collections.abc import Callable

from simulator.state.work import Work

Action = Callable[[Work, str], None]

_actions: dict[str, Action] = {}


def timer_action(name: str) -> Callable[[Action], Action]:
    """Register what a timer of this name does with the id that it was set for.

    The action runs in a unit of work of its own, whose `now` is the time that was asked
    for. A recurring action sets its timer again.
    """

    def register(action: Action) -> Action:
        _actions[name] = action
        return action

    return register


def action_of(name: str) -> Action:
    return _actions[name]
