"""Whether the installed packages get on with each other."""

from importlib import metadata

from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem

_REPAIR = "Run: pip uninstall -y passlib && pip install --force-reinstall --no-deps libpass"


def check_packages() -> CheckResult:
    """Look for passlib beside libpass: both install a package ``passlib``, each over the other's files.

    Then code of either may run, and uninstalling one breaks the other; passlib 1.7.4 raises on every bcrypt hash.
    """
    versions = {name: _version(name) for name in ("libpass", "passlib")}
    problems = []
    if versions["passlib"] is not None and versions["libpass"] is not None:
        both = f"Both passlib {versions['passlib']} and libpass {versions['libpass']} are installed, as one package."
        problems.append(Problem(both, _REPAIR))
    elif versions["passlib"] is not None:
        problems.append(Problem(f"passlib {versions['passlib']} is installed, and libpass is not.", _REPAIR))
    return evaluate("packages", f"libpass {versions['libpass']} is alone.", problems=problems)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
