"""Whether the installed packages get on with each other."""

from importlib import metadata

from lback_cli.doctor.finding import Finding, judge

_REPAIR = "Run: pip uninstall -y passlib && pip install --force-reinstall --no-deps libpass"


def check_packages() -> Finding:
    """Look for passlib beside libpass: both install a package ``passlib``, each over the other's files.

    Then code of either may run, and uninstalling one breaks the other; passlib 1.7.4 raises on every bcrypt hash.
    """
    versions = {name: _version(name) for name in ("libpass", "passlib")}
    problems = []
    if versions["passlib"] is not None:
        beside = f"libpass {versions['libpass']} are both" if versions["libpass"] else "no libpass are"
        problems.append(f"passlib {versions['passlib']} and {beside} installed, as one package {'passlib'!r}")
    return judge("packages", f"libpass {versions['libpass']} is alone.", problems=problems, hint=_REPAIR)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
