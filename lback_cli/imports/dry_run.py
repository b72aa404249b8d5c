"""The dry run of an import: all operations run and are rolled back, without mail, hashes or receivers."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lback_cli.imports.chunks import chunked
from lback_cli.imports.context import ImportContext
from lback_cli.imports.existing_users import Baseline
from lback_cli.imports.results import Counts, RowOutcome, Tally
from lback_cli.imports.row_processor import RowProcessor
from lback_cli.managers.dry_run import DryRunDependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.signals.dispatch import suppress_signals


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What an import would do.

    Attributes:
        counts: The outcomes of the rows, up to the one that would stop the import.
        stopped_at: The line of the refused row that would stop the import, or None.
        signals: The number of signals that would be sent, by name.
        mails: The number of mails that would be sent, by template.
        hashes: The number of passwords that would be hashed.
        tally: What else there is to say about the rows.
    """

    counts: Counts
    stopped_at: int | None
    signals: Counter[str]
    mails: Counter[str]
    hashes: int
    tally: Tally


def dry_run(
    context: ImportContext, uow: UnitOfWork, process_outcomes: Callable[[list[RowOutcome]], None]
) -> DryRunResult:
    """Run the operations of an import in the transaction of *uow*, and roll them back.

    Args:
        context: The import.
        uow: The transaction; it can be used afterwards.
        process_outcomes: Called with the outcomes of each chunk. Users who would be created have no id.
    """
    services = DryRunDependencies(context.services)
    users = UserManager(context.database, services)
    baseline = Baseline(services.now(), uow.users.last_id())
    processor = RowProcessor(context.database, users, services, context.source.options, baseline=baseline)
    counts, stopped_at, tally = Counts(), None, Tally(misread=context.source.misread())
    with suppress_signals() as signals, uow.session.begin_nested() as savepoint:
        # Nothing is mailed or hashed, so all rows cost the same.
        for rows in chunked(context.source.rows(), lambda _: 1, context.chunk_cost):
            chunk = processor.prepare(rows, session=uow.session)
            outcomes = processor.apply(uow, chunk)
            tally.add(outcomes, chunk.created_groups)
            for outcome in outcomes:
                if outcome.id is not None and outcome.id > baseline.last_id:
                    outcome.id = None  # It is rolled back with the user, and will belong to another user.
            process_outcomes(outcomes)
            counts = counts.plus(outcomes)
            context.observer.advanced(context.source.position, counts)
            if context.stops_at(outcomes[-1]):
                stopped_at = outcomes[-1].row.line
                break
        savepoint.rollback()
        # The session must not keep users whose ids other users will get.
        uow.session.expunge_all()
    return DryRunResult(counts, stopped_at, signals, services.mails, services.hashes, tally)
