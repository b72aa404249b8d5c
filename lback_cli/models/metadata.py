"""Every table, for whoever has to do with all of them."""

from lback_cli.models import import_job, sink  # noqa: F401 - the others come with the package
from lback_cli.models.base import Base

METADATA = Base.metadata
"""All of them."""
