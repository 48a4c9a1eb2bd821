"""The actions that timers start."""

from collections.abc import Callable

from simulator.state.work import Work

Action = Callable[[Work, str], None]

_actions: dict[str, Action] = {}


def timer_action(name: str) -> Callable[[Action], Action]:
    """Register the function that is called when a timer of this name is due.

    The function gets the id that the timer was set for. It runs in a separate unit of
    work, whose `now` is the time at which the timer was due. A recurring action sets
    its timer again.
    """

    def register(action: Action) -> Action:
        _actions[name] = action
        return action

    return register


def action_of(name: str) -> Action:
    return _actions[name]
