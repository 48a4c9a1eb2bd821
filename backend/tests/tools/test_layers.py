"""The table of layers has the right numbers, and circles are found."""

import pytest

from tools import layers

FILES = {
    "app/__init__.py": "",
    "app/shop/__init__.py": "",
    "app/shop/models.py": "import os\n",
    "app/shop/router.py": "from .selling import routes\n",
    "app/shop/selling/__init__.py": "",
    "app/shop/selling/checkout.py": "from ..models import Order\n",
    "app/shop/selling/routes.py": "def late():\n    from app.shop.selling import checkout\n",
}


@pytest.fixture
def graph(tmp_path):
    """`graph(name=source)` returns the imports of the files above.

    For a file that is named in the call, the given source is used instead.
    """

    def read(**changed):
        for name, source in {
            **FILES,
            **{f"app/shop/{name}.py": text for name, text in changed.items()},
        }.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(source)
        return layers.within(layers.import_graph(tmp_path, ["app"]), "app.shop")

    return read


def test_arrows_are_imports_wherever_they_stand(graph):
    assert graph() == {
        "app.shop.models": set(),
        "app.shop.router": {"app.shop.selling.routes"},
        "app.shop.selling.checkout": {"app.shop.models"},
        "app.shop.selling.routes": {"app.shop.selling.checkout"},
    }
    assert layers.layers(graph())["app.shop.router"] == 4


def test_rooms_hide_their_files_and_routes_belong_to_the_router(graph):
    rooms = layers.rooms(graph(), "app.shop")
    assert rooms == {"models": set(), "router": {"selling"}, "selling": {"models"}}


def test_a_circle_is_found_between_files_and_between_rooms(graph):
    assert layers.circle_of(graph()) is None
    circle = layers.circle_of(graph(models="from app.shop import router\n"))
    assert {"app.shop.models", "app.shop.router"} <= set(circle or [])
    upward = graph() | {"app.shop.models": {"app.shop.selling.other"}}
    rooms = layers.rooms(upward, "app.shop")
    assert set(layers.circle_of(rooms) or []) == {"models", "selling"}


def test_the_house_has_no_circle():
    assert layers.main() == 0
