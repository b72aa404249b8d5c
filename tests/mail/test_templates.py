from html.parser import HTMLParser
from pathlib import Path

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.mail.templates import render

VALUES = {
    "username": "ann",
    "email": "ann@example.org",
    "new_email": "anna@example.org",
    "link": "https://example.org/confirm?token=abc&lang=en",
    "expires_at": "4 March 2026, 15:04 UTC",
    "application": "Example",
    "contact": "help@example.org",
}

PLACEHOLDERS = {
    "verify_email": {"username", "email", "link", "expires_at", "application"},
    "reset_password": {"username", "link", "expires_at", "application"},
    "email_changed": {"username", "email", "new_email", "application", "contact"},
    "password_changed": {"username", "application", "contact"},
    "test": {"email", "application"},
}


class Page(HTMLParser):
    """The text and the links of an HTML page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str | None] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_text_and_html_contain_all_values(name: str) -> None:
    values = {key: VALUES[key] for key in PLACEHOLDERS[name]}

    content = render(name, values)

    page = Page(content.html)
    assert page.open == []
    assert "Example" in content.subject
    for value in values.values():
        assert value in content.text
        assert value in page.text or value in page.links
    # One link: rspamd counts an odd number of links in both parts as a sign of spam.
    assert page.links == ([values["link"]] if "link" in values else [])
    assert max(map(len, render(name, dict.fromkeys(values, "")).text.splitlines())) <= 78


def test_values_are_escaped_in_html() -> None:
    hostile = "<script>alert(1)</script>\"'&amp;"

    content = render("verify_email", {**VALUES, "username": hostile})

    assert "<script" not in content.html
    assert hostile in content.text
    assert hostile in Page(content.html).text


def test_placeholders_in_values_are_not_replaced() -> None:
    content = render("verify_email", {**VALUES, "username": "$link ${nothing} $$"})

    assert "Hello $link ${nothing} $$," in content.text


def test_own_templates_replace_built_in_ones_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "verify_email.txt").write_text("Subject: Hi  $username\n\nClick ${link}, it costs $$0.\n", "utf-8")
    (tmp_path / "test.html").write_text("<b>$email</b>", "utf-8")

    own, half, stock = (render(name, VALUES, tmp_path) for name in ("verify_email", "test", "password_changed"))

    assert (own.subject, own.text) == ("Hi ann", f"Click {VALUES['link']}, it costs $0.\n")
    assert own.html == render("verify_email", VALUES).html
    assert (half.html, half.text) == ("<b>ann@example.org</b>", render("test", VALUES).text)
    assert stock == render("password_changed", VALUES)


@pytest.mark.parametrize(
    ("language", "subject"),
    [("de", "Hallo"), ("de-AT", "Servus"), ("de-CH", "Hallo"), ("fr", "Hi"), ("", "Hi"), ("../de", "Hi"), ("d", "Hi")],
)
def test_templates_of_the_language_come_first(tmp_path: Path, language: str, subject: str) -> None:
    for place, greeting in ((".", "Hi"), ("de", "Hallo"), ("de-AT", "Servus")):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / "test.txt").write_text(f"Subject: {greeting}\n\n$email\n")

    content = render("test", VALUES, tmp_path, language)

    assert content.subject == subject
    assert content.html == render("test", VALUES).html, "there is no other HTML"


def test_template_with_byte_order_mark_and_crlf_is_read(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_bytes("\ufeffSUBJECT: Größe\r\n\r\nGrüße\r\n".encode())

    content = render("test", VALUES, tmp_path)

    assert (content.subject, content.text) == ("Größe", "Grüße\n")


@pytest.mark.parametrize(
    "text",
    ["", "Hello", "Subject Hello\n\nbody", "Subject:\n\nbody", "Subject: \n\nbody", "Subject: Hello\nbody", "\n\n"],
)
def test_template_without_a_subject_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "test.txt").write_text(text)

    with pytest.raises(ConfigurationError, match=r"test\.txt does not begin with 'Subject: \.\.\.'"):
        render("test", VALUES, tmp_path)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("test.txt", "Subject: Hello $nobody\n\nbody"),
        ("test.txt", "Subject: Hello\n\nbody ${nobody}"),
        ("test.html", "<p>$nobody"),
    ],
)
def test_unknown_placeholder_is_named_with_the_known_ones(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text)

    with pytest.raises(ConfigurationError, match=rf"{file} has an unknown placeholder \$nobody") as caught:
        render("test", VALUES, tmp_path)

    assert "$application, $contact, $email" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["costs $5", "ends in $", "${link", "${}"])
def test_stray_dollar_sign_is_refused_with_a_hint(tmp_path: Path, text: str) -> None:
    (tmp_path / "test.html").write_text(text)

    with pytest.raises(ConfigurationError, match=r"test\.html has a \$ without a placeholder") as caught:
        render("test", VALUES, tmp_path)

    assert "$$" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_missing_template_directory_is_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match=rf"email\.templates: .*{kind} is not a directory"):
        render("test", VALUES, tmp_path / kind)


@pytest.mark.parametrize("kind", ["broken link", "directory", "latin-1"])
def test_unreadable_template_is_refused(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "test.html"
    match kind:
        case "broken link":
            file.symlink_to("nowhere")
        case "directory":
            file.mkdir()
        case _:
            file.write_bytes(b"\xe9")

    with pytest.raises(ConfigurationError, match=r"Cannot read the mail template .*test\.html: "):
        render("test", VALUES, tmp_path)


@pytest.mark.parametrize("writable", ["", "test.txt", "test.html", "de", "de/test.txt"])
def test_templates_that_every_user_can_write_are_refused(tmp_path: Path, writable: str) -> None:
    german = tmp_path / "templates" / "de"
    german.mkdir(parents=True)
    for file in (tmp_path / "templates" / "test.txt", german / "test.txt"):
        file.write_text("Subject: Test\n\nText.\n", "utf-8")
    (tmp_path / "templates" / "test.html").write_text("<p>Text.</p>", "utf-8")
    render("test", {}, tmp_path / "templates", "en")
    render("test", {}, tmp_path / "templates", "de")

    path = tmp_path / "templates" / writable
    path.chmod(path.stat().st_mode | 0o002)
    language = "de" if writable.startswith("de") else "en"
    with pytest.raises(ConfigurationError) as caught:
        render("test", {}, tmp_path / "templates", language)
    assert caught.value.message == f"email.templates: every user can write {path}."
    assert caught.value.hint == f"Check the templates, then run: chmod o-w {path}"
