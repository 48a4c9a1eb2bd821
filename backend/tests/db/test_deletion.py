"""If two requests delete the same row, only one succeeds. The other gets a 404."""

import pytest

from app.db.deletion import delete_row
from tests.support.widgets import Widget, WidgetNotFound


def test_a_row_is_deleted_once(db):
    db.add(Widget(name="one"))
    db.add(Widget(name="two"))
    db.commit()
    widget = db.query(Widget).filter_by(name="one").one()
    delete_row(db, widget, WidgetNotFound)
    with pytest.raises(WidgetNotFound):
        delete_row(db, widget, WidgetNotFound)
    assert [left.name for left in db.query(Widget)] == ["two"]
