"""Only addresses at example.org may register; failed logins go to a file that fail2ban watches."""

import json
import os
from pathlib import Path

from lback_cli import OperationRejected
from lback_cli.signals import current_emission, receiver, user_authentication_failed, user_pre_register

DOMAIN = "example.org"


@receiver(user_pre_register)
def only_our_domain(sender, username, email, **extra):
    if not email.endswith(f"@{DOMAIN}"):
        raise OperationRejected(f"{username} needs an address at {DOMAIN}.")


@receiver(user_authentication_failed)
def log_for_fail2ban(sender, username, reason, **extra):
    # The event log and the trace have this login under the same id. JSON escapes a name with a line break in it.
    line = json.dumps({"operation": current_emission().operation_id, "username": username, "reason": reason})
    with Path(os.environ.get("FAILED_LOGINS", "failed-logins.jsonl")).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
