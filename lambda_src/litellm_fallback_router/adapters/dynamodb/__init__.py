"""The state table: what all environments of a stage share."""

from .accounts import PAUSE_SECONDS, TableAccounts
from .circuit_table import CircuitTable
from .circuits import SharedCircuits
from .rate_limits import SharedRateLimits
from .responses import TableResponses, patient_client
from .table import Availability, StateObserver, impatient_client


def shared(
    table: str, observer: StateObserver, *, failures: int, open_seconds: float, probe_seconds: float
) -> tuple[SharedCircuits, SharedRateLimits]:
    """Circuits and rate limits on one table. Raises botocore's NoRegionError; reads nothing yet."""
    client = impatient_client()
    availability = Availability(observer)
    circuits = SharedCircuits(
        CircuitTable(client, table, probe_seconds),
        availability,
        observer,
        failures=failures,
        open_seconds=open_seconds,
        probe_seconds=probe_seconds,
    )
    return circuits, SharedRateLimits(client, table, availability)


def responses(table: str, seconds: float) -> TableResponses:
    """Conversations of responses on a table of their own. Raises botocore's NoRegionError; reads nothing yet."""
    return TableResponses(patient_client(), table, seconds)


def shared_accounts(table: str, observer: StateObserver) -> TableAccounts:
    """Accounts on the state table. Raises botocore's NoRegionError; reads nothing yet."""
    return TableAccounts(impatient_client(), table, Availability(observer, pause=PAUSE_SECONDS))
