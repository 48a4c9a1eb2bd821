"""Two real processes: what one writes, the other shows within a second."""

import time

SECOND = 1.0


def seconds_until(shows, wanted):
    """Return how long it takes until `shows()` is `wanted`, at most some seconds."""
    began = time.monotonic()
    while time.monotonic() - began < 5 * SECOND:
        if shows() == wanted:
            return time.monotonic() - began
    raise AssertionError(f"{shows()} is not {wanted}")


def test_a_write_is_seen_by_every_process_within_a_second(start):
    one, two = start(), start()
    one.create("a")
    seconds_until(two.titles, ["a"])
    for number in range(4):
        expected = [*two.titles(), str(number)]
        one.create(str(number))
        assert one.titles() == expected, "the writer's own next read is fresh"
        assert seconds_until(two.titles, expected) < SECOND
