"""A request that changes a row gets a 404 if another request deletes the row first, and
not a conflict to retry.

    changing   read the row ............................. write → 404
    deleting                 read, delete, commit
"""

import pytest

from app.routers.blog import categories, service
from app.routers.blog.schemas import CategoryUpdate, PostUpdate
from tests.auth.factories import make_user
from tests.blog.factories import make_category, make_post

# SQLite allows one writer at a time, so the second transaction would have to wait for
# the first.
pytestmark = pytest.mark.only("postgresql", "mysql")


@pytest.mark.parametrize("change", [{"title": "Other"}, {"slug": None}])
def test_changing_a_post_deleted_meanwhile_is_not_found(committed, change):
    author = make_user()
    post_id = make_post(author).id
    with committed() as changing, committed() as deleting:
        post = service.get_own_post(changing, author, post_id)
        service.delete_post(deleting, service.get_own_post(deleting, author, post_id))
        deleting.commit()
        with pytest.raises(service.PostNotFound):
            service.update_post(changing, author, post, PostUpdate(**change))


@pytest.mark.parametrize("change", [{"name": "Other"}, {"slug": None}])
def test_changing_a_category_deleted_meanwhile_is_not_found(committed, change):
    category_id = make_category().id
    with committed() as changing, committed() as deleting:
        category = categories.get_category(changing, None, category_id)
        categories.delete_category(deleting, categories.get_category(deleting, None, category_id))
        deleting.commit()
        with pytest.raises(categories.CategoryNotFound):
            categories.update_category(changing, category, CategoryUpdate(**change))


def test_of_two_that_delete_one_post_the_second_does_not_find_it(committed):
    """The first response is 204, and the second is 404 rather than another 204."""
    author = make_user()
    post_id = make_post(author).id
    with committed() as first, committed() as second:
        posts = [service.get_own_post(db, author, post_id) for db in (first, second)]
        service.delete_post(first, posts[0])
        first.commit()
        with pytest.raises(service.PostNotFound):
            service.delete_post(second, posts[1])


def test_the_second_of_two_deletions_of_a_category_is_not_found(committed):
    category_id = make_category().id
    with committed() as first, committed() as second:
        found = [categories.get_category(db, None, category_id) for db in (first, second)]
        categories.delete_category(first, found[0])
        first.commit()
        with pytest.raises(categories.CategoryNotFound):
            categories.delete_category(second, found[1])
