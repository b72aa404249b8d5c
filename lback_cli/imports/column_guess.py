"""Proposals for the columns of other programs: which field a name probably means."""

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence

from lback_cli.imports.assignments import Pairs, escaped_name, pair
from lback_cli.imports.columns import INACTIVE, ImportColumns
from lback_cli.imports.options import IGNORE_ALL
from lback_cli.text.shell_quoting import command_line

_SYNONYMS = {
    "username": "user username userlogin login loginname logonname account accountname uid samaccountname "
    "userprincipalname benutzer benutzername anmeldename kennung utilisateur nomdutilisateur identifiant usuario "
    "nombredeusuario nomedeusuario utente nomeutente gebruiker gebruikersnaam brukernavn brugernavn anvandarnamn "
    "kayttajatunnus nazwauzytkownika uzivatelskejmeno",
    "email": "email emailaddress mail mailaddress primaryemail useremail emailadresse mailadresse epost epostadress "
    "eposta courriel adressemail adresseemail correo correoelectronico indirizzoemail adreseemail emailadres email1 "
    "email1value sahkoposti",
    "password": "password pass passwort kennwort motdepasse contrasena senha wachtwoord losenord passord adgangskode "
    "salasana haslo heslo initialpassword passwordprofile",
    "password_hash": "passwordhash hashedpassword encryptedpassword cryptedpassword hash userpass",
    "groups": "groups group roles role gruppe gruppen rolle rollen groupe groupes roleid grupo grupos gruppo gruppi "
    "groep groepen",
    "is_active": "isactive active enabled isenabled accountenabled status accountstatus userstatus aktiv actif activo "
    "ativo attivo actief",
    INACTIVE: "isinactive inactive disabled isdisabled suspended issuspended blocked isblocked blocksignin banned "
    "deactivated archived gesperrt deaktiviert inaktiv",
    "is_email_verified": "isemailverified emailverified verified isverified emailconfirmed confirmed emailisverified",
    "external_id": "externalid externalidentifier localid userid employeeid employeenumber objectid personalnummer "
    "matricule",
    "display_name": "displayname fullname name anzeigename vollername nomcomplet nombrecompleto nomecompleto",
}
_FIELDS = {synonym: field for field, synonyms in _SYNONYMS.items() for synonym in synonyms.split()}
"""The fields by the names of columns, in several languages, of letters and digits alone."""

MOST_IGNORED = 12
"""Columns to ignore by name; of more, all are ignored that are unknown."""

_LONGEST_NAME = 200
"""Characters of a name that may mean anything."""

_BRACKETED = re.compile(r"(.*?)[\[(]([^])]*)[])]")


def guess_columns(names: Sequence[str], taken: Container[str], known: ImportColumns) -> Pairs:
    """Return which fields some of the columns called *names* probably are: pairs of a field and a column.

    Args:
        names: The names of columns that are unknown.
        taken: The fields that other columns are.
        known: The columns that an import reads.
    """
    found: dict[str, str] = {}
    own = {_plain(name): name for name in known.attributes}
    for name in names:
        for candidate in _candidates(name):
            field = own.get(candidate) or _FIELDS.get(candidate)
            if field is not None and not any(same in other for same in _alike(field) for other in (taken, found)):
                found[field] = name
                break
    return tuple(found.items())


def proposed_options(names: Sequence[str], taken: Container[str], known: ImportColumns) -> str:
    """Return the options that let an import take columns called *names*, which are unknown, quoted for a shell."""
    pairs = guess_columns(names, taken, known)
    mapped = {column for _, column in pairs}
    rest = [name for name in names if name not in mapped]
    words = ["--map", ",".join(pair(field, column) for field, column in pairs)] if pairs else []
    if not rest:
        return command_line(words)
    words += ["--ignore", ",".join(map(escaped_name, rest)) if len(rest) <= MOST_IGNORED else IGNORE_ALL]
    alternative = command_line(["--map", "FIELD=" + escaped_name(rest[0])])
    return f"{command_line(words)}, or {alternative} to read it. Fields are {', '.join(known.names)}"


def _alike(field: str) -> tuple[str, ...]:
    """Return the fields that say the same as *field*, of which a file has one."""
    return ("is_active", INACTIVE) if field in {"is_active", INACTIVE} else (field,)


def _candidates(name: str) -> Iterable[str]:
    """Yield what *name* may mean: the whole, and where a part is in brackets, that part and the other."""
    if len(name) > _LONGEST_NAME:
        return
    yield _plain(name)
    if match := _BRACKETED.match(name):
        yield _plain(match[2])
        yield _plain(match[1])


def _plain(name: str) -> str:
    """Return *name* in lower case, without accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in decomposed if character.isalnum() and character.isascii())
