from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.errors import GroupExists, GroupNotFound, LastAdministrator, Refused, ValidationError
from lback_cli.settings.schema import UserSettings

Office = Any


def sizes(office: Office) -> dict[str, int]:
    return {group.name: size for group, size in office.directory.list_groups()}


def test_group_has_its_canonical_name_and_is_found_by_any_spelling(office: Office) -> None:
    made = office.groups.create_group("Staff", description="Who works here")
    assert (made.name, made.description, made.created_at) == ("staff", "Who works here", office.clock.now)
    for spelling in ("staff", "STAFF", "\N{FULLWIDTH LATIN SMALL LETTER S}taff"):
        found, size = office.directory.find_group(spelling)
        assert (found.id, size) == (made.id, 0)
    with pytest.raises(GroupExists) as caught:
        office.groups.create_group("STAFF")
    assert caught.value.message == "The group 'staff' exists already."
    assert sizes(office) == {"staff": 0}


@pytest.mark.parametrize("name", ["", " ", "two words", "staff\n", "-x", "x" * 65, "ядро", "a\0"])
def test_invalid_group_name_is_refused(office: Office, name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        office.groups.create_group(name)
    assert caught.value.field == "group"
    assert sizes(office) == {}


@pytest.mark.parametrize("description", ["two\nlines", "\x1b[2J", "a\0", "\udc80", "x" * 1001])
def test_a_description_that_cannot_be_shown_is_refused(office: Office, description: str) -> None:
    with pytest.raises(ValidationError) as caught:
        office.groups.create_group("staff", description=description)
    assert caught.value.field == "description"
    assert sizes(office) == {}


@pytest.mark.parametrize("name", ["staf", "staff ", "staf_", "st%", "", "\0", "\udc80", "x" * 100_000])
def test_missing_group_is_not_found(office: Office, name: str) -> None:
    office.groups.create_group("staff")
    for look in (office.directory.find_group, office.groups.delete_group):
        with pytest.raises(GroupNotFound) as caught:
            look(name)
        near = "Did you mean staff? " if name.startswith("staf") else ""
        assert caught.value.hint == f"{near}'lback group list' shows all groups."
        assert caught.value.message.isprintable()
    assert sizes(office) == {"staff": 0}


def test_a_deleted_group_leaves_its_members(office: Office) -> None:
    office.groups.create_group("staff")
    office.register("ann", groups=["staff"], verified=True)
    assert sizes(office) == {"basic_user": 1, "staff": 1}
    assert office.groups.delete_group("STAFF").name == "staff"
    assert sizes(office) == {"basic_user": 1}
    assert list(office.directory.find_user("ann").groups) == ["basic_user"]


def test_default_group_cannot_be_deleted(office: Office) -> None:
    office.register("ann", verified=True)
    with pytest.raises(Refused) as caught:
        office.groups.delete_group("basic_user")
    assert caught.value.message == "'basic_user' is the group that every new user joins."
    assert caught.value.hint == "Change users.default_group first."
    assert sizes(office) == {"basic_user": 1}


def test_administrators_group_with_an_active_member_cannot_be_deleted(office: Office) -> None:
    office.groups.create_group("admin")
    office.register("ann", groups=["admin"], verified=True)
    office.register("ben", groups=["admin"], verified=True, active=False)
    with pytest.raises(LastAdministrator) as caught:
        office.groups.delete_group("admin")
    assert caught.value.message == "'admin' still has active administrators."
    assert sizes(office) == {"admin": 2, "basic_user": 2}


def test_administrators_group_without_active_members_can_be_deleted(office: Office) -> None:
    office.groups.create_group("admin")
    office.register("ben", groups=["admin"], verified=True, active=False)
    office.groups.delete_group("admin")
    assert sizes(office) == {"basic_user": 1}


def test_group_in_a_setting_may_have_any_case(open_office: Callable[..., Office]) -> None:
    office = open_office(users=UserSettings(admin_group="Admins", default_group="Everybody"))
    office.groups.create_group("admins")
    ann = office.register("ann", groups=["admins"], verified=True)
    assert sizes(office) == {"admins": 1, "everybody": 1}
    for changes in ({"remove_groups": ["admins"]}, {"is_active": False}):
        with pytest.raises(LastAdministrator) as caught:
            office.users.update_user(ann.id, changes)
        assert caught.value.message == "ann is the last active member of 'Admins'."
    with pytest.raises(LastAdministrator):
        office.users.delete_user(ann.id)
    with pytest.raises(LastAdministrator):
        office.groups.delete_group("admins")
    with pytest.raises(Refused):
        office.groups.delete_group("everybody")
    assert sizes(office) == {"admins": 1, "everybody": 1}


def test_an_invited_administrator_does_not_replace_one_who_can_log_in(office: Office) -> None:
    office.groups.create_group("admin")
    ann = office.register("ann", groups=["admin"], verified=True)
    invited = office.users.register_user("ben", "ben@example.org", None, groups=["admin"])
    with pytest.raises(LastAdministrator) as caught:
        office.users.delete_user(ann.id)
    assert caught.value.message == "ann is the last active member of 'admin' with a password."
    office.users.delete_user(invited.id)
    with pytest.raises(LastAdministrator) as caught:
        office.users.delete_user(ann.id)
    assert caught.value.message == "ann is the last active member of 'admin'."
    assert sizes(office) == {"admin": 1, "basic_user": 1}
