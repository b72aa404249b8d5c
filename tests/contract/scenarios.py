"""The scenarios of every operation with every documented outcome."""

from .authenticating import AUTHENTICATE
from .deleting import DELETE
from .registering import REGISTER
from .resetting import REQUEST, RESET, RESET_USER
from .scenario import Scenario
from .updating import UPDATE
from .verifying import RESEND, VERIFY

SCENARIOS: list[Scenario] = [
    *REGISTER,
    *AUTHENTICATE,
    *VERIFY,
    *RESEND,
    *UPDATE,
    *DELETE,
    *REQUEST,
    *RESET,
    *RESET_USER,
]
