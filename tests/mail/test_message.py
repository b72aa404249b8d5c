import email
from email.message import EmailMessage
from email.parser import Parser
from email.policy import SMTPUTF8
from email.utils import getaddresses
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lback_cli.errors import MailError
from lback_cli.mail.message import compose, is_unprintable, wire_address
from lback_cli.mail.templates import Content

UNPRINTABLE = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xD800, 0xDFFF)]

NASTY = [
    *("\r\nBcc: eve@example.net", "\nX-Forged: 1", "\0", "\x85", "\u2028Bcc: eve@example.net", "\udcff"),
    *("=?utf-8?q?=0D=0ABcc:_eve@example.net?=", "=?utf-8?b?DQpCY2M6IGV2ZQ==?=", "=?utf-8?q?=22_=3Ceve=40x=2Eorg=3E?="),
    *(
        ", eve@example.net",
        "<eve@example.net>",
        "; eve@example.net",
        '" <eve@example.net>, "',
        "(comment)",
        "group: a@b.c;",
    ),
    *("eve@example.net,", "\\", '"', "@", "é", "漢字" * 40, "x" * 90, " ", "\u00a0", "\u202e", "\ufeff", "=?", "?="),
]
nasty_text = st.lists(st.sampled_from(NASTY) | st.text(max_size=12), max_size=5).map("".join)
names = st.builds("{}{}".format, st.sampled_from(["Example", "", "Café"]), nasty_text)
addresses = st.sampled_from(["ann@example.org", "jörg@bücher.example"]) | st.builds(
    "{}{}@{}{}".format, st.sampled_from(["ann", "ann.o'neil+x", ""]), nasty_text, st.just("example.org"), nasty_text
)


def write(**changes: Any) -> EmailMessage:
    content = Content(changes.pop("subject", "Hello"), "Hello\n", "<p>Hello</p>\n")
    given = {"sender": "a@example.org", "sender_name": "Example", "recipient": "ann@example.org"}
    return compose(content, message_id="<0123@example.org>", **{**given, **changes})


@settings(max_examples=1500, deadline=None)
@given(sender_name=names, recipient=addresses, subject=names)
# Python 3.11 loses the quotes of this name when it folds it, so the name reads as a group of other addresses.
@example(sender_name="group: a@b.c;" + "漢字" * 40, recipient="jörg@example.org", subject="Hello")
def test_message_has_exactly_its_headers_or_is_refused(sender_name: str, recipient: str, subject: str) -> None:
    try:
        message = write(sender_name=sender_name, recipient=recipient, subject=subject)
    except MailError:
        return
    # Folding may move white space, but nothing else may change.
    data = message.as_bytes()
    parsed = Parser(policy=SMTPUTF8).parsestr(data.decode())
    expected = wire_address(recipient)

    assert not any(map(is_unprintable, (sender_name, recipient, subject)))
    assert [address.addr_spec for address in parsed["To"].addresses] == [expected]
    assert [address.addr_spec for address in parsed["From"].addresses] == ["a@example.org"]
    assert squeeze(parsed["From"].addresses[0].display_name) == squeeze(sender_name)
    assert squeeze(parsed["Subject"]) == squeeze(subject)
    names = ["From", "To", "Subject", "Message-ID", "Auto-Submitted"]
    names += ["X-Auto-Response-Suppress", "Date", "MIME-Version", "Content-Type"]
    assert parsed.keys() == names
    # The older parser, and a reader of plain lines, see the same.
    assert getaddresses(email.message_from_string(data.decode()).get_all("To", [])) == [("", expected)]
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert [line.partition(b":")[0].decode() for line in lines if not line.startswith((b" ", b"\t"))] == names


def squeeze(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("field", ["sender_name", "subject", "recipient"])
@pytest.mark.parametrize("character", UNPRINTABLE, ids=ascii)
def test_control_character_in_a_header_is_refused(field: str, character: str) -> None:
    value = f"a{character}b" if field != "recipient" else f"a{character}b@example.org"

    with pytest.raises(MailError):
        write(**{field: value})


@pytest.mark.parametrize("field", ["sender_name", "subject"])
@pytest.mark.parametrize(
    "value",
    [
        *("Example, Inc. <x@y.org>", 'The "Example" (Ltd.)', "Café & Söhne", "O'Neil; sons: all", "back\\slash"),
        "株式会社日本情報管理センター 利用者管理システム 東京本社",
        "Société coopérative des éleveurs de la région Rhône-Alpes et d'ailleurs",
        "A very long name of an application that has to be folded because it does not fit on a line",
    ],
)
def test_unusual_name_is_kept(field: str, value: str) -> None:
    parsed = Parser(policy=SMTPUTF8).parsestr(write(**{field: value}).as_bytes().decode("ascii"))

    found = parsed["From"].addresses[0].display_name if field == "sender_name" else parsed["Subject"]
    assert squeeze(found) == squeeze(value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann.O'Neil+tag@Example.ORG", "Ann.O'Neil+tag@Example.ORG"),
        ("lback@localhost", "lback@localhost"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@faß.de", "ann@xn--fa-hia.de"),  # IDNA 2003 would make it fass.de, another domain
        ("jörg@example.org", "jörg@example.org"),
        *((f"{longest}@example.org", f"{longest}@example.org") for longest in ("a" * 64, "ü" * 32)),
    ],
)
def test_address_is_converted_for_smtp(address: str, expected: str) -> None:
    assert wire_address(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        *("", "ann", "@example.org", "ann@", "ann@@example.org", "ann@example.org@", "ann@-@x", "a b@example.org"),
        *('"ann"@example.org', "ann@example..org", ".ann@example.org", "ann.@example.org", "a..b@example.org"),
        *("ann@[127.0.0.1]", "ann@example.org,eve@example.net", "ann@example.org eve@example.net", "<ann@example.org>"),
        *("Ann <ann@example.org>", "ann@exa mple.org", "ann@example.org.", "ann@ex\u200bample.org", "a\u00a0b@x.org"),
        *("a" * 65 + "@example.org", "ü" * 33 + "@example.org"),
        *("ann@\u2488com", "ann\u202e@example.org", "(x)ann@example.org", "ann,eve@example.org", "ann@" + "x" * 64),
    ],
)
def test_anything_but_one_plain_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire_address(address)
    with pytest.raises(MailError, match="No mail can be sent to "):
        write(recipient=address)


def test_long_ascii_line_is_not_broken() -> None:
    link = "https://example.org/verify?token=" + "a" * 900
    message = compose(
        Content("Hello", f"{link}\n", f'<a href="{link}">\n'),
        sender="a@example.org",
        sender_name="Example",
        recipient="ann@example.org",
        message_id="<0123@example.org>",
    )

    assert f"\r\n{link}\r\n".encode() in message.as_bytes()


@pytest.mark.parametrize("text", ["a" * 5000, "é" * 600, "漢" * 2000])
def test_lines_are_not_longer_than_allowed(text: str) -> None:
    message = compose(
        Content("Hello", f"{text}\n", f"<p>{text}\n"),
        sender="a@example.org",
        sender_name="Example",
        recipient="ann@example.org",
        message_id="<0123@example.org>",
    )

    assert max(map(len, message.as_bytes().split(b"\r\n"))) <= 998
    part: Any = message.get_body(("plain",))
    assert part.get_content().splitlines() == [text]
