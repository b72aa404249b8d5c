"""Small files in the shapes that other programs write, and what the proposed import does with each."""

import json
from typing import Any, NamedTuple

from .harness import ARGON2, BCRYPT, PASSWORD

_PHPASS = "$P$BDMJH/qCLaUc5Lj8Oiwp7XmWzrCcJ21"
_UNNAMED = "there are no names of columns, but values such as 'ada@example.org'"


class VendorFile(NamedTuple):
    """A file, and what the proposed import does with it.

    Attributes:
        name: Its name.
        content: Its content.
        people: The users who are created, an inactive one with a hyphen.
        failed: The number of rows that fail.
        said: Parts of the notes and of the problem, in their order.
        options: Options that a person has to add.
    """

    name: str
    content: bytes
    people: str = "ada -ben"
    failed: int = 0
    said: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


def _text(*lines: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    return (end.join(lines) + end).encode(encoding)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _lines(*values: Any) -> bytes:
    return _text(*map(json.dumps, values))


TABLES = [
    VendorFile(
        "okta.csv",
        _text(
            "login,firstName,lastName,email,secondEmail,status",
            "ada@example.org,Ada,Byron,ada@example.org,,PASSWORD_EXPIRED",
            "ben@example.org,Ben,Abel,ben@example.org,,DEPROVISIONED",
        ),
    ),
    VendorFile(
        "entra-template.csv",
        _text(
            "version:v1.0,,,",
            "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] "
            "Required,Block sign in (Yes/No) [accountEnabled]",
            f"Ada Byron,ada@example.org,{PASSWORD},No",
            f"Ben Abel,ben@example.org,{PASSWORD},Yes",
        ),
    ),
    VendorFile(
        "entra-users.csv",
        _text(
            "\ufeffuserPrincipalName,displayName,mail,id,userType,accountEnabled",
            "ada@example.org,Ada Byron,ada.byron@example.org,8f2c,Member,TRUE",
            "ben_partner.example#EXT#@corp.onmicrosoft.com,Ben,ben@partner.example,9a,Guest,FALSE",
        ),
    ),
    VendorFile(
        "google.csv",
        _text(
            "First Name [Required],Email Address [Required],Password [Required],Org Unit Path [Required],"
            "Status [READ ONLY],Recovery Email,Employee ID",
            "Ada,ada@example.org,****,/Sales,Active,,E1",
            "Ben,ben@example.org,****,/,Suspended,ben@home.example,",
        ),
        said=("'Password [Required]' is not read as password: it holds no passwords.",),
    ),
    VendorFile(
        "powershell.csv",
        _text(
            "#TYPE Microsoft.ActiveDirectory.Management.ADUser",
            '"Enabled","Name","ObjectClass","SamAccountName","UserPrincipalName","mail"',
            '"True","Ada Byron","user","ada","ada@corp.example","ada@corp.example"',
            '"False","Ben","user","ben","ben@corp.example","ben@corp.example"',
            '"True","Cy","user","cy","cy@corp.example",""',
        ),
        failed=1,
        said=("1 of the 3 rows is refused.", "line 5: The row has no e-mail address."),
    ),
    VendorFile(
        "csvde.csv",
        _text(
            "DN,objectClass,sAMAccountName,mail,userAccountControl,memberOf",
            '"CN=Ada,DC=corp,DC=example",user,ada,ada@corp.example,66048,"CN=VPN,OU=IT,DC=corp;CN=Ads,DC=corp"',
            '"CN=Ben,DC=corp,DC=example",user,ben,ben@corp.example,514,',
        ),
    ),
    VendorFile(
        "csvde-expired.csv",
        _text(
            "DN,sAMAccountName,mail,userAccountControl,accountExpires",
            '"CN=Ada,DC=corp,DC=example",ada,ada@corp.example,66048,9223372036854775807',
            '"CN=Ben,DC=corp,DC=example",ben,ben@corp.example,512,129000000000000000',
            '"CN=Cy,DC=corp,DC=example",cy,cy@corp.example,512,0',
            '"CN=Dee,DC=corp,DC=example",dee,dee@corp.example,512,209000000000000000',
        ),
        people="ada -ben cy dee",
    ),
    VendorFile(
        "entra-de.csv",
        _text(
            "Anzeigename;Benutzerprinzipalname;Benutzertyp;Konto aktiviert;E-Mail",
            "Jürgen Groß;ada@example.org;Mitglied;Wahr;ada@example.org",
            "Zoë Müller;ben@example.org;Mitglied;Falsch;ben@example.org",
            encoding="cp1252",
            end="\r\n",
        ),
    ),
    VendorFile(
        "phpbb.csv",
        _text(
            "user_id;user_type;username;user_password;user_email;user_inactive_reason",
            f"2;3;ada;{_PHPASS.replace('$P$', '$H$')};ada@example.org;0",
            f"3;1;ben;{BCRYPT.replace('$2b', '$2y')};ben@example.org;3",
        ),
        people="ada ben",
        said=("'user_inactive_reason' is not read as is_active: it may say who is active; without it all users are",),
    ),
    VendorFile("firebase.csv", _text("1,ada@example.org,true,c2VjcmV0,c2FsdA==,Ada,,"), people="", said=(_UNNAMED,)),
    VendorFile(
        "wordpress.csv",
        _text(
            "ID,user_login,user_pass,user_email,user_status,display_name",
            f"1,ada,{_PHPASS},ada@example.org,0,Ada Byron",
            f"2,ben,{_PHPASS},ben@example.org,0,Ben",
            f"3,Cy Coe,{_PHPASS},cy@example.org,0,Cy",
        ),
        people="ada ben",
        failed=1,
        said=(
            "'user_status' is not read as is_active: '0' may mean either; without it all users are active.",
            "1 of the 3 rows is refused.",
            "line 4: The user name 'Cy Coe' is not allowed.",
        ),
    ),
    VendorFile(
        "wp-cli.csv",
        _text(
            "ID,user_login,display_name,user_email,roles",
            "1,ada,Ada Byron,ada@example.org,administrator",
            '2,ben,Ben,ben@example.org,"editor,shop_manager"',
        ),
        people="ada ben",
    ),
    VendorFile(
        "discourse.csv",
        _text(
            "id,name,username,email,created_at,trust_level,approved,blocked,active,admin,group_names",
            "1,Ada Byron,ada,ada@example.org,2020-01-01 00:00:00 UTC,2,true,false,true,true,staff;trust_level_0",
            "2,Ben,ben,ben@example.org,2020-01-01 00:00:00 UTC,1,true,true,true,false,",
        ),
    ),
    VendorFile(
        "nextcloud.csv",
        _text(
            "uid;display_name;email;groups;quota;enabled",
            "ada;Ada Byron;ada@example.org;admin,users;5 GB;true",
            "ben;Ben;ben@example.org;users;none;false",
        ),
    ),
    VendorFile(
        "moodle.csv",
        _text("username,password,firstname,email,cohort1", "ada,Ada!12345,Ada,ada@example.org,c1"),
        people="ada",
        said=("The password has 9 characters", "All passwords are refused, so these users are invited."),
    ),
    VendorFile(
        "moodle-de.csv",
        _text(
            "username;firstname;email;suspended;city",
            "ada;Ada;ada@example.org;0;Köln",
            "ben;Ben;ben@example.org;1;Ulm",
            encoding="cp1252",
        ),
    ),
    VendorFile(
        "slack.csv",
        _text(
            "username,email,status,billing-active,userid,fullname",
            "ada,ada@example.org,Primary Owner,1,U1,Ada Byron",
            "ben,ben@example.org,Deactivated,0,U2,Ben",
        ),
        people="ada ben",
        said=("'status' is not read as is_active: 'Primary Owner' is neither true nor false; without it all users",),
    ),
    VendorFile(
        "cognito.csv",
        _text(
            "name,email,email_verified,phone_number,cognito:mfa_enabled,cognito:username",
            "Ada Byron,ada@example.org,TRUE,,FALSE,ada",
            "Ben,ben@example.org,FALSE,,FALSE,ben",
        ),
        people="ada ben",
    ),
    VendorFile(
        "jira.csv",
        _text(
            "User id,User name,email,User status,Org role",
            "5b1,Ada Byron,ada@example.org,Active,Org Admin",
            "5b2,Ben Abel,ben@example.org,Deactivated,None",
        ),
    ),
    VendorFile(
        "devise.csv",
        _text(
            "id,email,encrypted_password,sign_in_count,confirmed_at,deleted_at",
            f"1,ada@example.org,{BCRYPT},3,2024-01-01 00:00:00,",
            f"2,ben@example.org,{BCRYPT},0,,2024-01-01 00:00:00",
        ),
    ),
    VendorFile(
        "laravel.csv",
        _text(
            "id,name,email,email_verified_at,password,remember_token",
            f"1,Ada,ada@example.org,2024-01-01 00:00:00,{BCRYPT.replace('$2b', '$2y')},",
            f"2,Ben,ben@example.org,,{BCRYPT.replace('$2b', '$2y')},",
        ),
        people="ada ben",
    ),
    VendorFile("one-column.csv", _text("email", "ada@example.org", "ben@example.org"), people="ada ben"),
    VendorFile("addresses.csv", _text("ada@example.org", "ben@example.org"), people="", said=(_UNNAMED,)),
    VendorFile("headerless.csv", _text("ada,ada@example.org,Ada"), people="", said=(_UNNAMED,)),
    VendorFile(
        "quotes.csv",
        _text('"username","email","notes"', '"ada","ada@example.org","says ""hi""', 'there"', '"ben","b@x.org",""'),
        people="ada ben",
    ),
    VendorFile(
        "totals.csv",
        _text("Staff 2024,,", ",,", "Login,E-mail,Unit", "ada,ada@example.org,S", "ben,b@x.org,I", ",,", "Total,2,"),
        people="ada ben",
        failed=1,
        said=("1 of the 3 rows is refused.", "line 7: '2' is not a valid e-mail address."),
    ),
    VendorFile(
        "psql.txt",
        _text(
            " username |      email      | is_active ",
            "----------+-----------------+-----------",
            " ada      | ada@example.org | t",
            " ben      | ben@example.org | f",
            "(2 rows)",
        ),
        failed=2,
        said=("2 of the 4 rows are refused.", "2 rows: The row has 1 fields, the header 3 (lines 2, 5)."),
    ),
]
"""Tables of programs."""

SPREADSHEETS = [
    VendorFile(
        "excel-de.csv",
        _text(
            "Benutzername;E-Mail;Vorname;Aktiv;Gruppe",
            "ada;ada@example.org;Ada;ja;Küche",
            "ben;ben@example.org;Ben;nein;Büro",
            ";;;;",
            end="\r\n",
            encoding="cp1252",
        ),
    ),
    VendorFile(
        "staff-de.csv",
        _text(
            "Benutzername;E-Mail;;Aktiv",
            "ada;ada@example.org;;ja",
            "ben;ben@example.org;;ausgeschieden",
            "cy;cy@example.org;;ja",
            "dee;dee@example.org;;Elternzeit",
        ),
        people="ada -ben cy",
        failed=1,
        said=("1 of the 4 rows is refused.", "line 5: is_active must be true or false, and not 'Elternzeit'."),
    ),
    VendorFile(
        "leavers-de.csv",
        _text("Benutzername;E-Mail;Austrittsdatum", "ada;ada@example.org;", "ben;ben@example.org;31.12.2020"),
        people="ada ben",
        said=("'Austrittsdatum' is not read as is_active: it may say who is active; without it all users are active",),
    ),
    VendorFile(
        "excel-fr.csv",
        _text(
            "Identifiant;Adresse e-mail;Nom complet;Actif",
            "ada;ada@example.org;Ada Léa;Oui",
            "ben;ben@example.org;Zoë;Non",
            encoding="cp1252",
        ),
    ),
    VendorFile(
        "excel-nl.csv",
        _text("Gebruikersnaam;E-mail;Actief", "ada;ada@example.org;WAAR", "ben;ben@example.org;ONWAAR"),
    ),
    VendorFile(
        "unicode.txt",
        _text("username\temail\tName", "ada\tada@example.org\tŁukasz", "ben\tb@x.org\tBen", encoding="utf-16"),
        people="ada ben",
    ),
    VendorFile("tabs.tsv", _text("username\temail\tactive", "ada\tada@example.org\ty", "ben\tben@example.org\tn")),
    VendorFile(
        "pipes.txt",
        _text("USERNAME|EMAIL|STATUS", "ada|ada@example.org|A", "ben|ben@example.org|I"),
        people="ada ben",
        said=("'STATUS' is not read as is_active: 'A' is neither true nor false",),
    ),
    VendorFile("sep.csv", _text("sep=;", "User;Mail", "ada;ada@example.org", "ben;b@x.org"), people="ada ben"),
    VendorFile(
        "russian.csv",
        _text("Имя;Логин;Почта", "Ада;ada;ada@example.org", "Бен;ben;ben@example.org", encoding="cp1251"),
        people="ada ben",
    ),
    VendorFile(
        "polish.csv",
        _text("Login;E-mail;Nazwisko", "ada;ada@example.org;Żółć", "ben;b@x.org;Gęślą jaźń", encoding="cp1250"),
        people="ada ben",
    ),
    VendorFile(
        "japanese.csv",
        _text(
            "ログイン,メール,氏名",
            "ada,ada@example.org,山田太郎",
            "ben,b@x.org,鈴木花子",
            encoding="shift_jis",
        ),
        people="ada ben",
    ),
    VendorFile(
        "groups.csv",
        _text(
            "username,email,groups",
            "ada,ada@example.org,My App;my app!",
            "ben,ben@example.org,my-app",
        ),
        people="ada ben",
    ),
]
"""Tables from spreadsheets, in several languages and encodings."""

_ADA = {"email": "ada@example.org"}
_BEN = {"email": "ben@example.org"}

DOCUMENTS = [
    VendorFile(
        "nextcloud.json",
        _json(
            {
                "ada": {"user_id": "ada", "email": "ada.byron@example.org", "enabled": True, "quota": "none"},
                "ben": {"user_id": "ben", "email": "b@example.org", "enabled": False, "backend": "Database"},
                "cy": {"user_id": "cy", "email": None, "enabled": True},
            }
        ),
        failed=1,
        said=("1 of the 3 rows is refused.", "line 1, record 3: The row has no e-mail address."),
    ),
    VendorFile("keyed.json", _json({"ada@example.org": _ADA, "ben@example.org": _BEN}), people="ada ben"),
    VendorFile(
        "okta.json",
        _json(
            [
                {"id": "00u1", "status": "ACTIVE", "profile": {"login": "ada@example.org", **_ADA}},
                {"id": "00u2", "status": "SUSPENDED", "profile": {"login": "ben@example.org", **_BEN}},
            ]
        ),
    ),
    VendorFile(
        "graph.json",
        _json(
            {
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users",
                "value": [
                    {"displayName": "Ada", "mail": "ada@example.org", "userPrincipalName": "ada@example.org"},
                    {"mail": None, "userPrincipalName": "ben@example.org", "accountEnabled": False},
                ],
            }
        ),
    ),
    VendorFile(
        "google.json",
        _json(
            {
                "kind": "admin#directory#users",
                "users": [
                    {"primaryEmail": "ada@example.org", "name": {"fullName": "Ada Byron"}, "suspended": False},
                    {"primaryEmail": "ben@example.org", "name": {"fullName": "Ben"}, "suspended": True},
                ],
                "groups": [{"name": "staff"}],
            }
        ),
    ),
    VendorFile(
        "keycloak-api.json",
        _json(
            [
                {"username": "ada", "enabled": True, "emailVerified": True, "access": {"view": True}, **_ADA},
                {"username": "ben", "enabled": False, "emailVerified": False, **_BEN},
            ]
        ),
    ),
    VendorFile(
        "auth0.json",
        _json(
            [
                {"email_verified": True, "password_hash": BCRYPT, "app_metadata": {"roles": ["editor"]}, **_ADA},
                {"email_verified": False, "username": "ben", "blocked": True, **_BEN},
            ]
        ),
    ),
    VendorFile(
        "auth0.ndjson",
        _lines(
            {"user_id": "auth0|1", "nickname": "ada", "email_verified": True, **_ADA},
            {"user_id": "auth0|2", "nickname": "ben", "blocked": True, **_BEN},
        ),
    ),
    VendorFile(
        "gitlab.json",
        _json(
            [
                {"id": 1, "username": "ada", "state": "active", "confirmed_at": "2020-01-01T00:00:00Z", **_ADA},
                {"id": 2, "username": "ben", "state": "blocked", "identities": [{"provider": "ldap"}], **_BEN},
            ]
        ),
    ),
    VendorFile(
        "mattermost.jsonl",
        _lines(
            {"type": "version", "version": 1},
            {"type": "team", "team": {"name": "t", "display_name": "T"}},
            {"type": "user", "user": {"username": "ada", "roles": "system_user", "teams": [{"name": "t"}], **_ADA}},
            {"type": "user", "user": {"username": "ben", "roles": "system_user", **_BEN}},
        ),
        people="ada ben",
    ),
    VendorFile(
        "scim.json",
        _json(
            {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                "totalResults": 2,
                "Resources": [
                    {
                        "userName": "ada",
                        "name": {"formatted": "Ada Byron"},
                        "emails": [{"value": "ada@example.org", "primary": True}],
                        "groups": [{"value": "g1", "display": "staff"}],
                    },
                    {"userName": "ben", "emails": [{"value": "ben@example.org"}], "active": False},
                ],
            }
        ),
    ),
    VendorFile(
        "scim.jsonl",
        _lines(
            {"userName": "ada", "emails": [{"value": "ada@example.org"}], "active": True},
            {"userName": "ben", "emails": [{"value": "ben@example.org"}], "active": False},
            {"userName": "cy", "emails": [], "active": True},
        ),
        failed=1,
        said=("1 of the 3 rows is refused.", "line 3: The row has no e-mail address."),
    ),
    VendorFile(
        "supabase.json",
        _json(
            {
                "users": [
                    {"id": "1", "email_confirmed_at": "2024-01-01T00:00:00Z", "user_metadata": {"name": "A"}, **_ADA},
                    {"id": "2", "email_confirmed_at": None, "banned_until": None, **_BEN},
                ],
                "aud": "authenticated",
            }
        ),
        people="ada ben",
    ),
    VendorFile(
        "names.json", _json({"ada": "Ada Byron", "ben": "Ben"}), people="", said=("No column is read as username",)
    ),
    VendorFile(
        "realm.json",
        _json(
            {
                "realm": "demo",
                "groups": [{"name": "sales", "path": "/sales"}],
                "users": [
                    {"username": "ada", "enabled": True, "groups": ["/sales"], **_ADA},
                    {"username": "ben", "enabled": False, **_BEN},
                ],
            }
        ),
    ),
    VendorFile(
        "dumpdata.json",
        _json(
            [
                {"model": "accounts.member", "pk": 1, "fields": {"username": "ada", "password": ARGON2, **_ADA}},
                {
                    "model": "accounts.member",
                    "pk": 2,
                    "fields": {"username": "ben", "password": "!", "is_active": False, **_BEN},
                },
            ]
        ),
    ),
]
"""Documents in JSON."""

OTHERS = [
    VendorFile(
        "fusionauth.json",
        _json({"users": [{"username": "ada", "password": "z" * 31, "salt": "c2FsdA==", "factor": 10, **_ADA}]}),
        people="ada",
        said=("'password' is not read as password: it holds hashes, as 'salt' shows.",),
    ),
    VendorFile(
        "digests.json",
        _json([{"hash": "5f4dcc3b5aa765d61d8327deb882cf99", "email": "ada+news@example.org"}]),
        people="ada-news",
        said=("The password hash", "All hashes are refused, so these users are invited."),
    ),
    VendorFile(
        "plain-realm.json",
        _json(
            {
                "realm": "demo",
                "users": [
                    {"username": "ada", "credentials": [{"type": "password", "value": "ada"}], "enabled": True, **_ADA}
                ],
            }
        ),
        people="ada",
        said=("The password has 3 characters", "All passwords are refused, so these users are invited."),
    ),
    VendorFile(
        "ldif",
        _text(
            "dn: uid=ada,dc=example,dc=org",
            "objectClass: inetOrgPerson",
            "uid: ada",
            "mail: ada@example.org",
            "",
            "dn: CN=Ben,DC=corp,DC=example",
            "objectClass: user",
            "sAMAccountName: ben",
            "userPrincipalName: ben@corp.example",
            "userAccountControl: 514",
        ),
    ),
    VendorFile("htpasswd", _text(f"ada:{BCRYPT}"), people="ada", options=(("email_domain", "example.org"),)),
    VendorFile(
        "shadow", _text(f"ada:{ARGON2}:19000:0:99999:7:::"), people="", said=("Use --email-domain to make addresses",)
    ),
]
"""Files that are neither tables nor JSON."""

OTHER_TEXT = {
    "/etc/passwd": _text("ada:x:1000:1000:Ada:/home/ada:/bin/sh"),
    "Markdown": _text("| username | email |", "|---|---|", "| ada | a@b.org |"),
    "YAML": _text("- username: ada", "  email: ada@example.org"),
    "XML or HTML": _text("<users><user name='ada'/></users>"),
    "vCards or a calendar": _text("BEGIN:VCARD", "FN:Ada", "END:VCARD"),
    "SQL": _text(
        "-- MySQL dump 10.13",
        "/*!40101 SET NAMES utf8mb4 */;",
        "CREATE TABLE `wp_users` (",
        "  `ID` bigint unsigned NOT NULL AUTO_INCREMENT,",
        "  PRIMARY KEY (`ID`)",
        ");",
        "INSERT INTO `wp_users` VALUES (1,'ada'),(2,'ben');",
    ),
}
"""Text that nothing can be imported from as it is, by what it is."""

ALL = [*TABLES, *SPREADSHEETS, *DOCUMENTS, *OTHERS]
