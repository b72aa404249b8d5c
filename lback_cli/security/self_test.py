"""Whether the libraries that hash passwords compute what their specifications print."""

from typing import Any

_ARGON2_TAG = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
_BCRYPT_PASSWORD = b"U*U*U"
_BCRYPT_HASH = b"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"


def argon2id_is_right() -> bool:
    """Compute the test vector for Argon2id of RFC 9106, section 5.3."""
    from argon2.low_level import Type, core, ffi

    def buffer(data: bytes) -> Any:
        return ffi.new("uint8_t[]", data)

    # The context keeps pointers only, so the buffers need names.
    output = ffi.new("uint8_t[32]")
    password, salt, secret, associated = buffer(b"\1" * 32), buffer(b"\2" * 16), buffer(b"\3" * 8), buffer(b"\4" * 12)
    context = ffi.new(
        "argon2_context *",
        {
            "out": output,
            "outlen": 32,
            "version": 0x13,
            "pwd": password,
            "pwdlen": 32,
            "salt": salt,
            "saltlen": 16,
            "secret": secret,
            "secretlen": 8,
            "ad": associated,
            "adlen": 12,
            "t_cost": 3,
            "m_cost": 32,
            "lanes": 4,
            "threads": 4,
            "allocate_cbk": ffi.NULL,
            "free_cbk": ffi.NULL,
            "flags": 0,
        },
    )
    return core(context, Type.ID.value) == 0 and bytes(ffi.buffer(output)).hex() == _ARGON2_TAG


def bcrypt_is_right() -> bool:
    """Compute a test vector of crypt_blowfish, the implementation that others are measured by."""
    import bcrypt

    return bcrypt.checkpw(_BCRYPT_PASSWORD, _BCRYPT_HASH) and not bcrypt.checkpw(b"U*U", _BCRYPT_HASH)
