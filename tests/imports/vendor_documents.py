"""JSON, files that a source reads, and text of other kinds."""

from .harness import ARGON2, BCRYPT
from .vendor_file import VendorFile, as_json, as_lines, as_text

_ADA = {"email": "ada@example.org"}
_BEN = {"email": "ben@example.org"}

DOCUMENTS = [
    VendorFile(
        "nextcloud.json",
        as_json(
            {
                "ada": {"user_id": "ada", "email": "ada.byron@example.org", "enabled": True, "quota": "none"},
                "ben": {"user_id": "ben", "email": "b@example.org", "enabled": False, "backend": "Database"},
                "cy": {"user_id": "cy", "email": None, "enabled": True},
            }
        ),
        failed=1,
        said=("1 of the 3 rows is refused.", "line 1, record 3: The row has no e-mail address."),
    ),
    VendorFile("keyed.json", as_json({"ada@example.org": _ADA, "ben@example.org": _BEN}), people="ada ben"),
    VendorFile(
        "okta.json",
        as_json(
            [
                {"id": "00u1", "status": "ACTIVE", "profile": {"login": "ada@example.org", **_ADA}},
                {"id": "00u2", "status": "SUSPENDED", "profile": {"login": "ben@example.org", **_BEN}},
            ]
        ),
    ),
    VendorFile(
        "graph.json",
        as_json(
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
        as_json(
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
        as_json(
            [
                {"username": "ada", "enabled": True, "emailVerified": True, "access": {"view": True}, **_ADA},
                {"username": "ben", "enabled": False, "emailVerified": False, **_BEN},
            ]
        ),
    ),
    VendorFile(
        "auth0.json",
        as_json(
            [
                {"email_verified": True, "password_hash": BCRYPT, "app_metadata": {"roles": ["editor"]}, **_ADA},
                {"email_verified": False, "username": "ben", "blocked": True, **_BEN},
            ]
        ),
    ),
    VendorFile(
        "auth0.ndjson",
        as_lines(
            {"user_id": "auth0|1", "nickname": "ada", "email_verified": True, **_ADA},
            {"user_id": "auth0|2", "nickname": "ben", "blocked": True, **_BEN},
        ),
    ),
    VendorFile(
        "gitlab.json",
        as_json(
            [
                {"id": 1, "username": "ada", "state": "active", "confirmed_at": "2020-01-01T00:00:00Z", **_ADA},
                {"id": 2, "username": "ben", "state": "blocked", "identities": [{"provider": "ldap"}], **_BEN},
            ]
        ),
    ),
    VendorFile(
        "mattermost.jsonl",
        as_lines(
            {"type": "version", "version": 1},
            {"type": "team", "team": {"name": "t", "display_name": "T"}},
            {"type": "user", "user": {"username": "ada", "roles": "system_user", "teams": [{"name": "t"}], **_ADA}},
            {"type": "user", "user": {"username": "ben", "roles": "system_user", **_BEN}},
        ),
        people="ada ben",
    ),
    VendorFile(
        "scim.json",
        as_json(
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
        as_lines(
            {"userName": "ada", "emails": [{"value": "ada@example.org"}], "active": True},
            {"userName": "ben", "emails": [{"value": "ben@example.org"}], "active": False},
            {"userName": "cy", "emails": [], "active": True},
        ),
        failed=1,
        said=("1 of the 3 rows is refused.", "line 3: The row has no e-mail address."),
    ),
    VendorFile(
        "supabase.json",
        as_json(
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
        "names.json", as_json({"ada": "Ada Byron", "ben": "Ben"}), people="", said=("No column is read as username",)
    ),
    VendorFile(
        "realm.json",
        as_json(
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
        as_json(
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
        as_json({"users": [{"username": "ada", "password": "z" * 31, "salt": "c2FsdA==", "factor": 10, **_ADA}]}),
        people="ada",
        said=("'password' is not read as password: it holds hashes, as 'salt' shows.",),
    ),
    VendorFile(
        "digests.json",
        as_json([{"hash": "5f4dcc3b5aa765d61d8327deb882cf99", "email": "ada+news@example.org"}]),
        people="ada-news",
        said=("The password hash", "All hashes are refused, so these users are invited."),
    ),
    VendorFile(
        "plain-realm.json",
        as_json(
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
        as_text(
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
    VendorFile("htpasswd", as_text(f"ada:{BCRYPT}"), people="ada", options=(("email_domain", "example.org"),)),
    VendorFile(
        "shadow", as_text(f"ada:{ARGON2}:19000:0:99999:7:::"), people="", said=("Use --email-domain to make addresses",)
    ),
]
"""Files that are neither tables nor JSON."""

OTHER_TEXT = {
    "/etc/passwd": as_text("ada:x:1000:1000:Ada:/home/ada:/bin/sh"),
    "Markdown": as_text("| username | email |", "|---|---|", "| ada | a@b.org |"),
    "YAML": as_text("- username: ada", "  email: ada@example.org"),
    "XML or HTML": as_text("<users><user name='ada'/></users>"),
    "vCards or a calendar": as_text("BEGIN:VCARD", "FN:Ada", "END:VCARD"),
    "SQL": as_text(
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
