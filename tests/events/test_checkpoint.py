"""Checkpoints: their lines, what they detect, and their signatures."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lback_cli.errors import BrokenEventLog, ConfigurationError, Refused, UsageError, ValidationError
from lback_cli.events.checkpoint import Checkpoint

from .harness import Installation

ZEROS = "0" * 64
LINE = f"lback-checkpoint-v1 seq=3 count=3 hash={ZEROS}"


@pytest.fixture
def make_key(tmp_path: Path) -> Callable[[str], tuple[Path, Path]]:
    """Return a function that makes a pair of key files with OpenSSL."""

    def make(name: str, algorithm: str = "ed25519") -> tuple[Path, Path]:
        private, public = tmp_path / f"{name}.pem", tmp_path / f"{name}.pub"
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", algorithm, "-out", private], check=True, capture_output=True
        )
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
        return private, public

    return make


def test_checkpoint_is_one_line_that_parses_again(installation: Installation) -> None:
    assert str(installation.log.checkpoint()) == f"lback-checkpoint-v2 seq=0 count=0 hash={ZEROS} erased=0"
    installation.register("alice")
    line = str(installation.log.checkpoint())
    assert line == f"lback-checkpoint-v2 seq=1 count=1 hash={installation.rows()[0]['hash']} erased=0"
    assert Checkpoint.parse(f"  {line}\n") == installation.log.checkpoint()
    signed = replace(Checkpoint.parse(line), signature=b"\x00\xff" * 32)
    assert Checkpoint.parse(str(signed)) == signed


@pytest.mark.parametrize(
    "line",
    [
        "",
        "seq=1",
        LINE.replace("v1", "v2"),
        LINE.replace("v1", "v3"),
        f"{LINE} erased=0",
        LINE.replace("v1", "v2") + " erased=-1",
        LINE.replace("seq=3", "seq=-3"),
        LINE.replace("seq=3", "seq=4"),
        LINE.replace("3", "٣"),
        LINE.replace(ZEROS, ZEROS[1:]),
        LINE.replace(ZEROS, "G" * 64),
        LINE.replace(ZEROS, "A" * 64),
        LINE + " signature=",
        LINE + " signature=!!!!",
        LINE + " signature=A",
        LINE + " signature=AAAA extra",
        LINE + "\n" + LINE,
        LINE.replace("3", "9" * 5000),
    ],
)
def test_invalid_line_is_rejected(line: str) -> None:
    with pytest.raises(ValidationError):
        Checkpoint.parse(line)


def test_older_copy_of_the_database_is_detected(make_installation: Callable[..., Installation]) -> None:
    installation = make_installation()
    installation.register("alice")
    installation.checkpoint_and_close()
    older = make_installation(installation.path)
    installation.register("bob")
    checkpoint = installation.log.checkpoint()
    assert installation.log.verify(checkpoint).events == 2
    with pytest.raises(BrokenEventLog, match="Event 2: it is missing: the log ends before the checkpoint"):
        older.log.verify(checkpoint)
    older.register("carol")
    with pytest.raises(BrokenEventLog, match="Event 2: it differs from the checkpoint"):
        older.log.verify(checkpoint)
    assert older.log.verify().events == 2


def test_checkpoint_allows_later_events_and_erasure(installation: Installation) -> None:
    first = installation.log.checkpoint()
    installation.register("alice")
    checkpoint = installation.log.checkpoint()
    installation.log.erase_user("alice", installation.users)
    assert installation.log.verify(checkpoint).erased == 2
    installation.log.verify(first)
    with pytest.raises(BrokenEventLog):
        installation.log.verify(replace(first, hash="1" * 64))


def test_signature_is_verified_with_a_key_from_openssl(
    make_key: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    private, public = make_key("one")
    _, other_public = make_key("other")
    signed = Checkpoint.parse(LINE).signed(private)
    assert re.fullmatch(rf"{LINE} signature=[A-Za-z0-9+/]{{86}}==", str(signed))
    parsed = Checkpoint.parse(str(signed))
    parsed.require_signature(public)

    (tmp_path / "statement").write_bytes(LINE.encode())
    (tmp_path / "signature").write_bytes(signed.signature or b"")
    subprocess.run(
        [
            "openssl",
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            public,
            "-rawin",
            "-in",
            tmp_path / "statement",
            "-sigfile",
            tmp_path / "signature",
        ],
        check=True,
        capture_output=True,
    )

    with pytest.raises(Refused, match=r"was not made with the key of .*other"):
        parsed.require_signature(other_public)
    for forged in (replace(parsed, seq=4), replace(parsed, signature=b"short"), replace(parsed, signature=b"\0" * 64)):
        with pytest.raises(Refused, match="was not made with the key"):
            forged.require_signature(public)
    with pytest.raises(Refused, match="is not signed"):
        replace(parsed, signature=None).require_signature(public)


def test_file_without_such_a_key_is_named(make_key: Callable[..., tuple[Path, Path]], tmp_path: Path) -> None:
    checkpoint = Checkpoint.parse(LINE)
    private, public = make_key("ed")
    rsa, rsa_public = make_key("rsa", "RSA")
    nonsense = tmp_path / "nonsense"
    nonsense.write_bytes(b"\xff\x00 key")
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:secret", "-in", private, "-out", locked],
        check=True,
        capture_output=True,
    )
    for path in (rsa, nonsense, public, locked):
        with pytest.raises(ConfigurationError, match="is not an unencrypted Ed25519 private key"):
            checkpoint.signed(path)
    for path in (rsa_public, nonsense, private):
        with pytest.raises(ConfigurationError, match="is not an unencrypted Ed25519 public key"):
            checkpoint.require_signature(path)
    with pytest.raises(UsageError, match=r"Cannot read the key .*: No such file or directory"):
        checkpoint.signed(tmp_path / "missing")


def test_missing_cryptography_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    checkpoint = Checkpoint.parse(LINE)
    for attempt in (checkpoint.signed, checkpoint.require_signature):
        with pytest.raises(ConfigurationError) as refusal:
            attempt(Path("key.pem"))
        assert refusal.value.hint == "Run: pip install 'lback-cli[signing]'"
