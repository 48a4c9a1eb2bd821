"""What `make demo-billing` runs: the life of a subscription, told against a running `make dev`."""

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
    print(f"\n   Told. The test clock of {name} is at {world.now():%d %B %Y}. Nobody else's clock has moved.")
    world.close()
    return 0


def open_world() -> World:
    """Raises `Problem` where `make dev` does not run."""
    from app.core.config import get_settings  # reads .env, and ends the program where that is wrong

    settings = get_settings()
    if settings.environment != "development" or settings.stripe_api_base != settings.simulator_url:
        raise Problem("The story is told in development, with the simulator as STRIPE_API_BASE.")
    world = World(f"http://127.0.0.1:{settings.port}{settings.api_prefix}", settings.simulator_url)
    if not world.is_up():
        raise Problem(
            f"Nothing answers at {world.api} and {world.simulator}: run `make dev` first, in another terminal "
            "and with the same PORT and SIMULATOR_PORT."
        )
    return world


def chapters(story: Story) -> dict[str, Callable[[], object]]:
    return {
        "Sign up and verify the address": story.sign_up,
        "Choose Pro, pay in Checkout": story.choose_pro,
        "The trial ends (the clock goes 14 days on)": story.end_the_trial,
        "Change to yearly: the preview is the invoice": story.change_to_yearly,
        "The next charge fails (a year on)": story.fail_to_pay,
        "Dunning: tries and mails, grace ends": story.pass_through_dunning,
        "Recover": story.recover,
        "Cancel": story.cancel,
        "Resume": story.resume,
        "Cancel again": story.cancel,
        "Lapse (a year on)": story.lapse,
    }


if __name__ == "__main__":
    run(main)
