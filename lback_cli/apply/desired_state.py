"""The users and groups that files ask for, checked as a whole: every fault is found at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lback_cli.apply.nodes import Faults, Key, Node, Place, place_of
from lback_cli.attributes import BOOLEANS, Value
from lback_cli.errors import ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_manager import check_description
from lback_cli.text.escaping import first_unsafe_character, safe
from lback_cli.text.suggestions import did_you_mean

LONGEST_OWNER = 100
"""Characters of the name of an owner."""

TOP = ("owner", "groups", "users")
GROUP = ("name", "description")
_USER = ("username", "email", "groups", "active", "verified")
PRESENT, ABSENT = "present", "absent"

_PASSWORDS = frozenset({"password", "password_hash", "hash"})


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """A group that should exist. A *description* of None is not managed."""

    name: str
    description: str | None
    owner: str | None
    file: str
    place: Place


@dataclass(frozen=True, slots=True)
class DesiredUser:
    """A user who should exist, or not. What is None, or not among *attributes*, is not managed.

    *groups* are all groups besides the default group, each with its place. A value of None in *attributes* unsets one.
    *is_faulty* says that the file has faults about the user, so that something may be missing here.
    """

    username: str
    email: str | None
    groups: Sequence[Key] | None
    active: bool | None
    verified: bool | None
    attributes: Mapping[str, Value | None]
    present: bool
    owner: str | None
    file: str
    place: Place
    is_faulty: bool


@dataclass(slots=True)
class DesiredState:
    """What all files together ask for, and their faults.

    *owners* has the owner of each file, by the name of the file.
    """

    groups: list[DesiredGroup] = field(default_factory=list)
    users: list[DesiredUser] = field(default_factory=list)
    owners: dict[str, str | None] = field(default_factory=dict)
    faults: list[Faults] = field(default_factory=list)


class StateReader:
    """Reads desired states from nodes.

    Args:
        services: The rules for names, addresses and attributes.
        state: Where to put what is read.
    """

    def __init__(self, services: Dependencies, state: DesiredState) -> None:
        self._services = services
        self._state = state
        self._names: dict[tuple[str, str], str] = {}
        self._faults = Faults("")
        self._owner: str | None = None

    def read(self, node: Node | None, faults: Faults) -> None:
        """Read the document of one file, and add its faults to *faults*."""
        self._faults, self._owner = faults, None
        self._state.faults.append(faults)
        top = {} if node is None else self._mapping(node, "The file", TOP)
        if "owner" in top:
            self._owner = self._text(top["owner"], "owner", self._checked_owner)
        self._state.owners[faults.file] = self._owner
        for item in self._items(top, "groups"):
            self._read_group(item)
        for item in self._items(top, "users"):
            self._read_user(item)

    def _read_group(self, node: Node) -> None:
        found = self._mapping(node, "A group", GROUP)
        name = self._required(node, found, "name", self._services.canonical_group_name)
        description = self._optional(found, "description", check_description)
        if name is not None and self._is_first(("group", name), node.place, f"The group {name}"):
            self._state.groups.append(DesiredGroup(name, description, self._owner, self._faults.file, node.place))

    def _read_user(self, node: Node) -> None:
        faults = len(self._faults.found)
        own = [attribute.name for attribute in self._services.attributes.built_in_rows]
        found = self._mapping(node, "A user", (*_USER, *own, "attributes", "state"))
        username = self._required(node, found, "username", self._services.canonical_username)
        email = self._optional(found, "email", self._services.canonical_email)
        if email is not None:
            self._is_first(("email", email), found["email"].place, f"The e-mail address {email}")
        attributes = dict(self._attributes(found))
        for attribute in self._services.attributes.built_in_rows:
            if attribute.unique and (value := attributes.get(attribute.name)):
                name = attribute.name
                self._is_first((name, str(value)), found[name].place, f"{name} {value}")
        state = self._optional(found, "state", self._checked_state)
        user = DesiredUser(
            username or "",
            email,
            self._groups(found),
            self._boolean(found, "active"),
            self._boolean(found, "verified"),
            attributes,
            state != ABSENT,
            self._owner,
            self._faults.file,
            node.place,
            len(self._faults.found) > faults,
        )
        if username is not None and self._is_first(("user", username), node.place, f"The user {username}"):
            self._state.users.append(user)

    def _groups(self, found: Mapping[str, Node]) -> Sequence[Key] | None:
        if "groups" not in found:
            return None
        names = []
        for item in self._items(found, "groups"):
            name = self._text(item, "A group", self._services.canonical_group_name)
            if name is not None:
                names.append(Key(name, item.place))
        return names

    def _attributes(self, found: Mapping[str, Node]) -> Iterator[tuple[str, Value | None]]:
        known = self._services.attributes
        nodes = {attribute.name: found[attribute.name] for attribute in known.built_in_rows if attribute.name in found}
        declared = [attribute.name for attribute in known.declared_rows]
        if "attributes" in found:
            nodes |= self._mapping(found["attributes"], "attributes", declared)
        for name, node in nodes.items():
            attribute = known.find(name)
            assert attribute is not None
            if isinstance(node.value, list | dict):
                self._faults.add(node.place, f"{name} must be one value.")
                continue
            value = self._checked(node.place, attribute.parse, node.value)
            if value is not None or node.value is None or node.value == "":
                yield name, value

    def _mapping(self, node: Node, what: str, known: Sequence[str]) -> Mapping[str, Node]:
        """Return the known entries of a mapping."""
        if not isinstance(node.value, Mapping):
            expected = f"with the keys {', '.join(known)}" if known else "of names and values"
            self._faults.add(node.place, f"{what} must be a mapping {expected}.")
            return {}
        for key in node.value:
            if key not in known:
                self._faults.add(place_of(key), _unknown(key, known))
        return {key: value for key, value in node.value.items() if key in known}

    def _items(self, found: Mapping[str, Node], name: str) -> list[Node]:
        node = found.get(name)
        if node is None or node.value is None or node.value == "":
            return []
        if not isinstance(node.value, list):
            self._faults.add(node.place, f"{name} must be a list.")
            return []
        return node.value

    def _required(self, node: Node, found: Mapping[str, Node], name: str, check: Callable[[str], str]) -> str | None:
        if name not in found:
            if isinstance(node.value, Mapping):
                self._faults.add(node.place, f"{name} is missing.")
            return None
        return self._text(found[name], name, check)

    def _optional(self, found: Mapping[str, Node], name: str, check: Callable[[str], str]) -> str | None:
        return self._text(found[name], name, check) if name in found else None

    def _text(self, node: Node, what: str, check: Callable[[str], str]) -> str | None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, str | int):
            self._faults.add(node.place, f"{what} must be text.")
            return None
        text: str | None = self._checked(node.place, check, str(value))
        return text

    def _boolean(self, found: Mapping[str, Node], name: str) -> bool | None:
        if name not in found:
            return None
        node = found[name]
        value = BOOLEANS.get(node.value.lower()) if isinstance(node.value, str) else node.value
        if not isinstance(value, bool):
            self._faults.add(node.place, f"{name} must be true or false.")
            return None
        return value

    def _checked(self, place: Place, check: Callable[[Any], Any], value: Any) -> Any:
        try:
            return check(value)
        except ValidationError as error:
            self._faults.add(place, error.message)
            return None

    def _is_first(self, key: tuple[str, str], place: Place, what: str) -> bool:
        """Return whether no file has *key* yet; a second one is a fault."""
        here = f"{self._faults.file}:{place.line}"
        if (first := self._names.setdefault(key, here)) is not here:
            self._faults.add(place, f"{what} comes twice. It is in {first} already.")
        return first is here

    @staticmethod
    def _checked_owner(text: str) -> str:
        if not text.strip() or len(text) > LONGEST_OWNER or first_unsafe_character(text) is not None:
            raise ValidationError("owner", f"owner must be one line of at most {LONGEST_OWNER} characters.")
        return text.strip()

    @staticmethod
    def _checked_state(text: str) -> str:
        if text not in {PRESENT, ABSENT}:
            raise ValidationError("state", f"state must be {PRESENT} or {ABSENT}.")
        return text


def _unknown(key: str, known: Sequence[str]) -> str:
    if key in _PASSWORDS:
        return f"{key} is not allowed: a file has no passwords. Users who are new are invited."
    advice = did_you_mean(key, known) or (f"Known keys are {', '.join(known)}." if known else "")
    return f"There is no key {safe(key, limit=40)} here. {advice}".rstrip()
