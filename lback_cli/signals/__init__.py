"""The 22 signals of `UserManager`. Connect receivers with `receiver`, or as blinker documents it.

    from lback_cli.signals import receiver, user_registered

    @receiver(user_registered)
    def greet(sender, user, session, **extra): ...

Accept ``**extra`` in a receiver, so that an argument added later does not break it.
"""

from lback_cli.signals.catalogue import (
    CATALOGUE,
    Argument,
    SignalSpec,
    find_signal,
    password_reset_failed,
    password_reset_request_failed,
    password_reset_request_processed,
    password_reset_request_started,
    password_reset_started,
    password_reset_successful,
    user_authenticated,
    user_authentication_failed,
    user_authentication_started,
    user_deleted,
    user_deletion_failed,
    user_deletion_started,
    user_email_verification_failed,
    user_email_verification_initiated,
    user_email_verification_successful,
    user_pre_register,
    user_registered,
    user_registration_failed,
    user_registration_started,
    user_update_failed,
    user_update_started,
    user_updated,
)
from lback_cli.signals.dispatch import delivered
from lback_cli.signals.emission import BudgetExceeded, Delivery, Emission, ReceiverFailure, current_emission
from lback_cli.signals.ordered import receiver

__all__ = [
    "CATALOGUE",
    "Argument",
    "BudgetExceeded",
    "Delivery",
    "Emission",
    "ReceiverFailure",
    "SignalSpec",
    "current_emission",
    "delivered",
    "find_signal",
    "password_reset_failed",
    "password_reset_request_failed",
    "password_reset_request_processed",
    "password_reset_request_started",
    "password_reset_started",
    "password_reset_successful",
    "receiver",
    "user_authenticated",
    "user_authentication_failed",
    "user_authentication_started",
    "user_deleted",
    "user_deletion_failed",
    "user_deletion_started",
    "user_email_verification_failed",
    "user_email_verification_initiated",
    "user_email_verification_successful",
    "user_pre_register",
    "user_registered",
    "user_registration_failed",
    "user_registration_started",
    "user_update_failed",
    "user_update_started",
    "user_updated",
]
