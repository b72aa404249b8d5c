"""`lback user`: one module for each verb."""

from lback_cli.cli.command_group import CommandGroup

group = CommandGroup(
    __name__,
    "Register, authenticate, update and delete users. Verify addresses, reset passwords, import and export.",
    {
        "register": "register:register",
        "authenticate": "authenticate:authenticate",
        "verify-email": "verify_email:verify_email",
        "resend-verification": "resend_verification:resend_verification",
        "update": "update:update",
        "rename": "rename:rename",
        "unlock": "unlock:unlock",
        "delete": "delete:delete",
        "restore": "restore:restore",
        "request-password-reset": "request_password_reset:request_password_reset",
        "reset-password": "reset_password:reset_password",
        "show": "show:show",
        "exists": "exists:exists",
        "list": "list:list_users",
        "hashes": "hashes:hashes",
        "history": "history:history",
        "erase": "erase:erase",
        "import": "import_:import_users",
        "export": "export:export_users",
    },
    aliases={
        "add": "register",
        "invite": "register --invite",
        "disable": "update --deactivate",
        "enable": "update --activate",
    },
)
