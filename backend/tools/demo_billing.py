"""The program behind `make demo-billing`.

It plays the life of a subscription against a running `make dev`.
"""

from collections.abc import Callable
from secrets import token_hex

from tools.billing_story import Story
from tools.billing_world import World
from tools.console import Problem, run


def main() -> int:
    world = open_world()
    name = f"ada-{token_hex(3)}"
    story = Story(world, name, tell=lambda line: print(f"   {line}", flush=True))
    for number, (title, chapter) in enumerate(chapters(story).items(), 1):
        print(f"\n{number:2}  {title}", flush=True)
        chapter()
    print(
        f"\n   The story is over. The test clock of {name} is at {world.now():%d %B %Y}. No other "
        "clock has moved."
    )
    world.close()
    return 0


def open_world() -> World:
    """Connect to the servers. Raises `Problem` if `make dev` is not running."""
    from app.core.config import get_settings  # reads .env, and ends the program if it is invalid

    settings = get_settings()
    if settings.environment != "development" or settings.stripe_api_base != settings.simulator_url:
        raise Problem("This needs ENVIRONMENT=development, and the simulator as STRIPE_API_BASE.")
    world = World(f"http://127.0.0.1:{settings.port}{settings.api_prefix}", settings.simulator_url)
    if not world.is_up():
        raise Problem(
            f"No server responds at {world.api} and {world.simulator}. Run `make dev` first, in "
            "another terminal, with the same PORT and SIMULATOR_PORT."
        )
    return world


def chapters(story: Story) -> dict[str, Callable[[], object]]:
    return {
        "Sign up and verify the address": story.sign_up,
        "Choose Pro and pay in Checkout": story.choose_pro,
        "The trial ends (the clock moves 14 days)": story.end_the_trial,
        "Change to yearly: the preview equals the invoice": story.change_to_yearly,
        "The next charge fails (a year later)": story.fail_to_pay,
        "Dunning: tries and mails, and the grace period ends": story.pass_through_dunning,
        "Recover": story.recover,
        "Cancel": story.cancel,
        "Resume": story.resume,
        "Cancel again": story.cancel,
        "Lapse (a year later)": story.lapse,
    }


if __name__ == "__main__":
    run(main)
