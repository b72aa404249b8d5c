"""The declarative base of the mapped classes."""

from sqlalchemy.orm import DeclarativeBase

from lback_cli.models.tables import METADATA


class Base(DeclarativeBase):
    """Base of all mapped classes."""

    metadata = METADATA
