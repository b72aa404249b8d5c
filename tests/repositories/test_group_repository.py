from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from lback_cli.errors import GroupExists
from lback_cli.models import Group, User
from lback_cli.models.tables import MEMBERSHIPS
from lback_cli.repositories.unit_of_work import UnitOfWork


def test_duplicate_group_is_refused_and_the_transaction_continues(work: UnitOfWork, now: datetime) -> None:
    made = work.groups.add("staff", description="Who works here", now=now)
    with pytest.raises(GroupExists) as caught:
        work.groups.add("staff", now=now)
    assert caught.value.message == "The group 'staff' exists already."
    assert work.groups.get_or_add("staff", now=now) == (made, False)
    guests, is_new = work.groups.get_or_add("guests", now=now)
    assert (guests.name, is_new) == ("guests", True)
    assert work.session.scalars(select(Group.name).order_by(Group.name)).all() == ["guests", "staff"]
    assert (made.description, made.created_at, made.updated_at) == ("Who works here", now, now)


def test_a_group_is_found_by_its_exact_name(work: UnitOfWork, now: datetime) -> None:
    staff = work.groups.add("staff", now=now)
    assert work.groups.find("staff") is staff
    assert work.groups.find("staff", lock=True) is staff
    assert work.groups.find("Staff") is None
    assert work.groups.find("staf_") is None


def test_sizes_count_members_and_show_empty_groups(
    work: UnitOfWork, person: Callable[..., User], now: datetime
) -> None:
    staff, guests = work.groups.add("staff", now=now), work.groups.add("guests", now=now)
    person("ann", groups=[staff])
    person("ben", groups=[staff], is_active=False)
    assert [(group.name, size) for group, size in work.groups.all_with_sizes()] == [("guests", 0), ("staff", 2)]
    assert [work.groups.size(group.id) for group in (staff, guests)] == [2, 0]


def test_deleting_a_group_leaves_its_members(work: UnitOfWork, person: Callable[..., User], now: datetime) -> None:
    staff, guests = work.groups.add("staff", now=now), work.groups.add("guests", now=now)
    ann = person("ann", groups=[staff, guests])
    work.groups.delete(staff)
    work.session.refresh(ann)
    assert [group.name for group in ann.groups] == ["guests"]
    assert work.session.execute(select(MEMBERSHIPS)).all() == [(ann.id, guests.id)]
    assert work.groups.find("staff") is None
