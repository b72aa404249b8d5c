"""Make the files in fixtures/ with the tools whose formats they have. Run by hand, as root, in a scratch machine:

    apt-get install apache2-utils whois slapd slapd-contrib
    python -m venv /tmp/django && /tmp/django/bin/pip install django bcrypt argon2-cffi werkzeug
    /tmp/django/bin/python make_fixtures.py

Every password is in PASSWORDS. Keycloak and Kratos are large programs, so their files are written here in the form
of their documentation and sources, with hashes by hashlib, bcrypt and argon2-cffi.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"
PASSWORD = "Grüße aus dem alten System 7"
SHORT = "sesame42"  # all that DES looks at


def run(*command: str, input: str = "", **options: Any) -> str:  # noqa: A002
    return str(subprocess.run(command, input=input, capture_output=True, text=True, check=True, **options).stdout)


def write(name: str, text: str) -> None:
    (FIXTURES / name).write_text(text, "utf-8")


def django() -> None:
    """One user for each of Django's hashers, dumped by manage.py's own command."""
    import django as package
    from django.conf import settings

    hashers = {
        "pbkdf2_sha256": "PBKDF2PasswordHasher",
        "pbkdf2_sha1": "PBKDF2SHA1PasswordHasher",
        "argon2": "Argon2PasswordHasher",
        "bcrypt_sha256": "BCryptSHA256PasswordHasher",
        "bcrypt": "BCryptPasswordHasher",
        "scrypt": "ScryptPasswordHasher",
        "md5": "MD5PasswordHasher",
    }
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        PASSWORD_HASHERS=[f"django.contrib.auth.hashers.{name}" for name in hashers.values()],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
    )
    package.setup()
    from django.contrib.auth.hashers import PBKDF2PasswordHasher, PBKDF2SHA1PasswordHasher, make_password
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command

    # A lower cost has the same form and makes the tests faster.
    PBKDF2PasswordHasher.iterations = PBKDF2SHA1PasswordHasher.iterations = 5000
    call_command("migrate", verbosity=0)
    editors, staff = Group.objects.create(name="editors"), Group.objects.create(name="staff")
    for name in hashers:
        User(username=name, email=f"{name}@example.org", password=make_password(PASSWORD, hasher=name)).save()
    User.objects.get(username="pbkdf2_sha256").groups.add(editors, staff)
    User.objects.filter(username="bcrypt").update(is_active=False, is_superuser=True)
    User(username="sso", email="sso@example.org", password=make_password(None)).save()
    User(username="by@example.org", email="", password=make_password(PASSWORD, hasher="md5")).save()
    User(username="nomail", email="", password=make_password(PASSWORD, hasher="md5")).save()
    models = ("auth.group", "auth.user")
    call_command("dumpdata", *models, indent=2, output=str(FIXTURES / "django.json"))
    call_command(
        "dumpdata", *models, format="jsonl", use_natural_foreign_keys=True, output=str(FIXTURES / "django.jsonl")
    )


def werkzeug() -> None:
    from werkzeug.security import generate_password_hash

    forms = {
        method: generate_password_hash(PASSWORD, method=method)
        for method in ("scrypt", "pbkdf2:sha256:2000", "pbkdf2:sha512:2000", "pbkdf2:sha1:2000")
    }
    write("werkzeug.json", json.dumps(forms, indent=2) + "\n")


def htpasswd() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/htpasswd"
        run("htpasswd", "-ciB", path, "bcrypt", input=PASSWORD)
        for option, name in (("-m", "apr1"), ("-s", "sha1"), ("-2", "sha256"), ("-5", "sha512")):
            run("htpasswd", "-i", option, path, name, input=PASSWORD)
        run("htpasswd", "-i", "-d", path, "des", input=SHORT)
        run("htpasswd", "-i", "-B", path, "carol@example.net", input=PASSWORD)
        write("htpasswd", "# made by htpasswd\n" + Path(path).read_text("utf-8"))


def shadow() -> None:
    """Write a shadow file with chpasswd in a directory, and two entries with mkpasswd."""
    with tempfile.TemporaryDirectory() as root:
        etc = Path(root, "etc")
        etc.mkdir()
        names = ["sha512", "sha256", "locked", "md5", "bcrypt", "expired", "yescrypt"]
        lines = ["root:x:0:0:root:/root:/bin/sh", "daemon:x:1:1::/:/bin/false", "nobody:x:65534:65534::/:/bin/false"]
        lines += [
            f"{name}:x:{1000 + n}:{1000 + n}:{name.title()},,,:/home/{name}:/bin/sh" for n, name in enumerate(names)
        ]
        (etc / "passwd").write_text("\n".join(lines) + "\n", "utf-8")
        shadow = ["root:*:19700:0:99999:7:::", "daemon:*:19700:0:99999:7:::", "nobody:*:19700:0:99999:7:::"]
        shadow += [f"{name}:!:19700:0:99999:7:::" for name in names]
        (etc / "shadow").write_text("\n".join(shadow) + "\n", "utf-8")
        (etc / "group").write_text("users:x:100:\n", "utf-8")
        (etc / "login.defs").write_text("SHA_CRYPT_MIN_ROUNDS 5000\nSHA_CRYPT_MAX_ROUNDS 5000\n", "utf-8")
        for method, users in (("SHA512", ("sha512", "locked", "expired")), ("SHA256", ("sha256",))):
            text = "".join(f"{user}:{PASSWORD}\n" for user in users)
            run("chpasswd", "-R", root, "-c", method, input=text)
        for method, user in (("md5crypt", "md5"), ("bcrypt", "bcrypt"), ("yescrypt", "yescrypt")):
            stored = run("mkpasswd", "-s", "-m", method, input=PASSWORD).strip()
            run("usermod", "-R", root, "-p", stored, user)
        run("usermod", "-R", root, "-L", "locked")
        run("usermod", "-R", root, "-e", "2020-01-01", "expired")
        run("useradd", "-R", root, "-M", "-u", "2000", "-N", "-g", "100", "-b", "/home", "fresh")
        write("passwd", (etc / "passwd").read_text("utf-8"))
        write("shadow", (etc / "shadow").read_text("utf-8"))


LDIF_HEAD = """\
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people
"""


def ldif() -> None:
    """Write an LDIF file with slapcat, from hashes of slappasswd that slapadd loaded."""
    modules = "/usr/lib/ldap"
    schemes = {
        "ssha": ("{SSHA}", None),
        "smd5": ("{SMD5}", None),
        "sha": ("{SHA}", None),
        "ssha256": ("{SSHA256}", "pw-sha2"),
        "ssha512": ("{SSHA512}", "pw-sha2"),
        "sha256": ("{SHA256}", "pw-sha2"),
        "pbkdf2": ("{PBKDF2}", "pw-pbkdf2"),
        "pbkdf2-sha256": ("{PBKDF2-SHA256}", "pw-pbkdf2"),
        "pbkdf2-sha512": ("{PBKDF2-SHA512}", "pw-pbkdf2"),
        "argon2": ("{ARGON2}", "argon2"),
    }
    entries = [LDIF_HEAD]
    with tempfile.TemporaryDirectory() as directory:
        secret = Path(directory, "secret")
        secret.write_text(PASSWORD, "utf-8")
        for name, (scheme, module) in schemes.items():
            load = ["-o", f"module-path={modules}", "-o", f"module-load={module}"] if module else []
            stored = run("slappasswd", *load, "-n", "-h", scheme, "-T", str(secret))
            entries.append(person(name, stored))
        crypt = run("slappasswd", "-n", "-h", "{CRYPT}", "-c", "$6$%.8s", "-T", str(secret))
        entries.append(person("crypt", crypt))
        entries.append(person("locked", crypt.replace("{CRYPT}", "{CRYPT}!")))
        entries.append(person("plain", "an umbrella under seven ladders"))
        entries.append(person("nopassword", None))
        Path(directory, "data").mkdir()
        Path(directory, "slapd.conf").write_text(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n"
            "include /etc/ldap/schema/inetorgperson.schema\n"
            f"modulepath {modules}\nmoduleload back_mdb\ndatabase mdb\nsuffix dc=example,dc=org\n"
            f"rootdn cn=admin,dc=example,dc=org\ndirectory {directory}/data\n",
            "utf-8",
        )
        run("slapadd", "-f", f"{directory}/slapd.conf", input="\n".join(entries))
        write("slapcat.ldif", run("slapcat", "-f", f"{directory}/slapd.conf"))


def person(name: str, stored: str | None) -> str:
    password = "" if stored is None else f"userPassword:: {base64.b64encode(stored.encode()).decode()}\n"
    # This value is folded because it is long, and encoded because it is not ASCII.
    return (
        f"dn: uid={name},ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\nuid: {name}\n"
        f"cn:: {base64.b64encode(f'Zoë {name}'.encode()).decode()}\nsn: {'x' * 90}\nmail: {name}@example.org\n"
        f"mail: {name}@example.net\n{password}"
    )


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def keycloak() -> None:
    """Credentials in two forms: separate fields, and JSON in a JSON string since Keycloak 8."""
    from argon2.low_level import Type, hash_secret_raw

    salt, secret = bytes(range(16)), PASSWORD.encode()

    def pbkdf2(digest: str, rounds: int, size: int) -> str:
        return b64(hashlib.pbkdf2_hmac(digest, secret, salt, rounds, size))

    def credential(value: str, algorithm: str, rounds: int, more: dict[str, list[str]] | None = None) -> dict[str, Any]:
        return {
            "id": "6d2ac9f1-6aa4-4d5e-8bd0-0f5a1a6b1f51",
            "type": "password",
            "createdDate": 1700000000000,
            "secretData": json.dumps({"value": value, "salt": b64(salt), "additionalParameters": {}}),
            "credentialData": json.dumps(
                {"hashIterations": rounds, "algorithm": algorithm, "additionalParameters": more or {}}
            ),
        }

    argon2 = b64(hash_secret_raw(secret, salt, 5, 7168, 1, 32, Type.ID))
    parameters = {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"], "parallelism": ["1"]}
    credentials = {
        "argon2": credential(argon2, "argon2", 5, parameters),
        # Keys of 512 bits whatever the digest, until Keycloak 24.
        "sha256": credential(pbkdf2("sha256", 2750, 64), "pbkdf2-sha256", 2750),
        "sha512": credential(pbkdf2("sha512", 2100, 64), "pbkdf2-sha512", 2100),
        "sha1": credential(pbkdf2("sha1", 2000, 64), "pbkdf2", 2000),
        "old": {
            "type": "password",
            "hashedSaltedValue": pbkdf2("sha256", 2750, 64),
            "salt": b64(salt),
            "hashIterations": 2750,
            "counter": 0,
            "algorithm": "pbkdf2-sha256",
            "digits": 0,
        },
        "custom": credential(b64(b"x" * 32), "whirlpool", 1),
    }
    users: list[dict[str, Any]] = [
        {
            "id": f"00000000-0000-4000-8000-{number:012}",
            "createdTimestamp": 1700000000000,
            "username": name,
            "enabled": True,
            "totp": False,
            "emailVerified": name != "old",
            "firstName": "Zoë",
            "email": f"{name}@example.org",
            "credentials": [{"type": "otp", "secretData": "{}", "credentialData": "{}"}, made],
            "disableableCredentialTypes": [],
            "requiredActions": [],
            "realmRoles": ["default-roles-example"],
            "notBefore": 0,
            "groups": ["/staff", "/sales/admin"] if name == "argon2" else [],
        }
        for number, (name, made) in enumerate(credentials.items())
    ]
    users[2]["enabled"] = False
    users.append({"username": "federated", "email": "federated@example.org", "enabled": True, "credentials": []})
    users.append(
        {"username": "service-account-app", "enabled": True, "serviceAccountClientId": "app", "credentials": []}
    )
    realm = {
        "id": "example",
        "realm": "example",
        "enabled": True,
        "clients": [{"clientId": "app", "protocolMappers": [{"users": ["not these"]}]}],
        "groups": [{"name": "staff", "path": "/staff", "subGroups": []}],
        "users": users,
        "scopeMappings": [],
        "keycloakVersion": "26.0.0",
    }
    write("keycloak.json", json.dumps(realm, indent=2, ensure_ascii=False) + "\n")


def kratos() -> None:
    import bcrypt
    from argon2 import PasswordHasher

    salt, secret = bytes(range(16)), PASSWORD.encode()

    def unpadded(data: bytes) -> str:
        return b64(data).rstrip("=")

    scrypt = hashlib.scrypt(secret, salt=salt, n=1024, r=8, p=1, dklen=32)
    pbkdf2 = hashlib.pbkdf2_hmac("sha256", secret, salt, 1000, 32)
    hashes = {
        "bcrypt": bcrypt.hashpw(secret, bcrypt.gensalt(5, b"2a")).decode(),
        "argon2": PasswordHasher(1, 8192, 1).hash(PASSWORD),
        "scrypt": f"$scrypt$ln=1024,r=8,p=1${b64(salt)}${b64(scrypt)}",
        "pbkdf2": f"$pbkdf2-sha256$i=1000,l=32${unpadded(salt)}${unpadded(pbkdf2)}",
        "ssha256": "{SSHA256}" + b64(hashlib.sha256(secret + salt).digest() + salt),
        "sha512": f"$sha512$pf={b64(b'{PASSWORD}{SALT}')}${b64(salt)}${b64(hashlib.sha512(secret + salt).digest())}",
        "md5-crypt": run("mkpasswd", "-s", "-m", "md5crypt", input=PASSWORD).strip().replace("$1$", "$md5-crypt$"),
        "firebase": "$firescrypt$ln=14,r=8,p=1$c2FsdA==$a2V5$Bw==$c2lnbmVy",
    }
    identities = [
        {
            "id": f"00000000-0000-4000-8000-{number:012}",
            "schema_id": "default",
            "state": "inactive" if name == "argon2" else "active",
            "traits": {"email": f"{name}@example.org", "username": name}
            if number % 2
            else {"email": f"{name}@example.org"},
            "credentials": {
                "password": {
                    "type": "password",
                    "identifiers": [f"{name}@example.org"],
                    "config": {"hashed_password": stored},
                }
            },
            "verifiable_addresses": [
                {"value": f"{name}@example.org", "verified": name != "scrypt", "via": "email", "status": "completed"}
            ],
        }
        for number, (name, stored) in enumerate(hashes.items())
    ]
    identities.append({"id": "social", "state": "active", "traits": {"email": "social@example.org"}, "credentials": {}})
    write("kratos.json", json.dumps(identities, indent=1) + "\n")
    write("kratos.jsonl", "".join(json.dumps(identity) + "\n" for identity in identities))


def main() -> None:
    os.umask(0o022)
    FIXTURES.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or ["django", "werkzeug", "htpasswd", "shadow", "ldif", "keycloak", "kratos"]
    for name in wanted:
        globals()[name]()


if __name__ == "__main__":
    main()
