"""Tables from spreadsheets, in several languages and encodings."""

from .vendor_file import VendorFile, as_text

SPREADSHEETS = [
    VendorFile(
        "excel-de.csv",
        as_text(
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
        as_text(
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
        as_text("Benutzername;E-Mail;Austrittsdatum", "ada;ada@example.org;", "ben;ben@example.org;31.12.2020"),
        people="ada ben",
        said=("'Austrittsdatum' is not read as is_active: it may say who is active; without it all users are active",),
    ),
    VendorFile(
        "excel-fr.csv",
        as_text(
            "Identifiant;Adresse e-mail;Nom complet;Actif",
            "ada;ada@example.org;Ada Léa;Oui",
            "ben;ben@example.org;Zoë;Non",
            encoding="cp1252",
        ),
    ),
    VendorFile(
        "excel-nl.csv",
        as_text("Gebruikersnaam;E-mail;Actief", "ada;ada@example.org;WAAR", "ben;ben@example.org;ONWAAR"),
    ),
    VendorFile(
        "unicode.txt",
        as_text("username\temail\tName", "ada\tada@example.org\tŁukasz", "ben\tb@x.org\tBen", encoding="utf-16"),
        people="ada ben",
    ),
    VendorFile("tabs.tsv", as_text("username\temail\tactive", "ada\tada@example.org\ty", "ben\tben@example.org\tn")),
    VendorFile(
        "pipes.txt",
        as_text("USERNAME|EMAIL|STATUS", "ada|ada@example.org|A", "ben|ben@example.org|I"),
        people="ada ben",
        said=("'STATUS' is not read as is_active: 'A' is neither true nor false",),
    ),
    VendorFile("sep.csv", as_text("sep=;", "User;Mail", "ada;ada@example.org", "ben;b@x.org"), people="ada ben"),
    VendorFile(
        "russian.csv",
        as_text("Имя;Логин;Почта", "Ада;ada;ada@example.org", "Бен;ben;ben@example.org", encoding="cp1251"),
        people="ada ben",
    ),
    VendorFile(
        "polish.csv",
        as_text("Login;E-mail;Nazwisko", "ada;ada@example.org;Żółć", "ben;b@x.org;Gęślą jaźń", encoding="cp1250"),
        people="ada ben",
    ),
    VendorFile(
        "japanese.csv",
        as_text(
            "ログイン,メール,氏名",
            "ada,ada@example.org,山田太郎",
            "ben,b@x.org,鈴木花子",
            encoding="shift_jis",
        ),
        people="ada ben",
    ),
    VendorFile(
        "groups.csv",
        as_text(
            "username,email,groups",
            "ada,ada@example.org,My App;my app!",
            "ben,ben@example.org,my-app",
        ),
        people="ada ben",
    ),
]
"""Tables from spreadsheets, in several languages and encodings."""
