"""What columns are called elsewhere: the names of lback's fields in other programs and languages."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from lback_cli.imports.columns import INACTIVE
from lback_cli.text.mojibake import intended

_SYNONYMS = {
    "username": "username user userlogin login loginname loginid logonname accountname samaccountname uid account "
    "userprincipalname benutzerprinzipalname benutzername benutzer anmeldename kennung utilisateur nomdutilisateur "
    "identifiant usuario nombredeusuario nomedeusuario utente nomeutente gebruiker gebruikersnaam brukernavn "
    "brugernavn anvandarnamn kayttajatunnus nazwauzytkownika uzivatelskejmeno логин имяпользователя "
    "ユーザー名 ログイン ユーザーid 用户名 登录名",
    "email": "email emailaddress useremail mail mailaddress primaryemail emailadresse mailadresse epost epostadress "
    "eposta courriel adressemail adresseemail adresseemailprofessionnelle correo correoelectronico indirizzoemail "
    "adreseemail emailadres email1 email1value emailsvalue emailsaddress traitsemail sahkoposti почта "
    "электроннаяпочта адресэлектроннойпочты メール メールアドレス 邮箱 电子邮件 电子邮箱",
    "password_hash": "passwordhash hashedpassword encryptedpassword cryptedpassword userpass hash",
    "password": "password pass userpassword passwort kennwort motdepasse contrasena senha wachtwoord losenord passord "
    "adgangskode salasana haslo heslo initialpassword passwordprofile пароль パスワード 密码",
    "groups": "groups groupnames group roles role groupsdisplay rolesname assignedgroups groupmemberships "
    "gruppen gruppe rollen rolle groupes groupe roleid memberof grupos grupo gruppi gruppo groepen groep "
    "группы группа グループ",
    "is_active": "isactive active enabled isenabled accountenabled status accountstatus userstatus "
    "useraccountcontrol aktiv actif activo ativo attivo actief aktywny активен "
    "有効 activated isactivated state kontoaktiviert aktiviert kontostatus compteactive cuentahabilitada habilitado "
    "contaativa accountabilitato abilitato",
    INACTIVE: "isinactive inactive disabled isdisabled suspended issuspended blocked isblocked blocksignin "
    "blockcredential banned "
    "isbanned deactivated archived deleted isdeleted suspendedat disabledat blockedat bannedat deactivatedat "
    "archivedat deletedat gesperrt deaktiviert inaktiv anmeldungblockiert anmeldungblockieren blockiert ausgeschieden "
    "connexionbloquee bloqueado bloccato geblokkeerd accountexpires",
    "is_email_verified": "isemailverified emailverified verified isverified emailconfirmed confirmed emailisverified "
    "emailverifiedat emailconfirmedat confirmedat verifiedat",
    "external_id": "externalid externalidentifier localid userid employeeid employeenumber objectid personalnummer "
    "matricule",
    "display_name": "displayname fullname name realname anzeigename vollername nomcomplet nombrecompleto nomecompleto "
    "nameformatted namefullname имя фио 氏名 名前 姓名",
}


def plain(name: str) -> str:
    """Return *name* in lower case, without accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in decomposed if character.isalnum())


_FIELDS = {
    plain(synonym): (field, rank)
    for field, synonyms in _SYNONYMS.items()
    for rank, synonym in enumerate(synonyms.split())
}
"""The fields by the plain names of columns, and how usual the name is among those of the field."""

_GENERAL = frozenset({"user", "account", "name", "hash", "pass", "group", "status", "state", "active", "deleted"})
"""Names that mean nothing of a user within a nested object."""

_LONGEST_NAME = 200
"""Characters of a name that may mean anything."""

_BRACKETED = re.compile(r"(.*?)[\[(]([^])]*)[])]")
_STEPS = re.compile(r"[.:]")


def meanings(name: str, own: Mapping[str, str]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the fields that a column called *name* may be, each with a rank; the lowest is the most probable.

    Args:
        name: The name, or a path with dots to a key.
        own: The declared attributes by their plain names.
    """
    for certainty, candidate in enumerate(_candidates(intended(name) or name)):
        if candidate in own:
            yield own[candidate], (certainty, -1)
        elif candidate in _FIELDS:
            field, rank = _FIELDS[candidate]
            yield field, (certainty, rank)


def _candidates(name: str) -> Iterator[str]:
    """Yield what *name* may mean: the whole, what is in brackets and before them, and the end of a path."""
    if len(name) > _LONGEST_NAME:
        return
    yield plain(name)
    match = _BRACKETED.match(name)
    yield plain(match[2] if match else "")
    yield plain(match[1] if match else "")
    steps = [step for step in _STEPS.split(name) if not step.isdecimal()]
    for first in range(len(steps)):
        end = plain("".join(steps[first:]))
        yield "" if first and end in _GENERAL else end
