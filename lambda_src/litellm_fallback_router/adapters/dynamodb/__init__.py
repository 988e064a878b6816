"""The state table: what all environments of a stage share."""

from typing import NamedTuple

from .accounts import PAUSE_SECONDS, TableAccounts
from .cache import TableCache
from .circuit_table import CircuitTable
from .circuits import SharedCircuits
from .drill_reports import TableReports
from .rate_limits import SharedRateLimits
from .responses import TableResponses, patient_client
from .spend import TableSpend
from .table import Availability, StateObserver, impatient_client


class SharedState(NamedTuple):
    """What the environments of a stage share."""

    circuits: SharedCircuits
    rate_limits: SharedRateLimits
    accounts: TableAccounts
    spend: TableSpend


def shared(
    table: str, observer: StateObserver, *, failures: int, open_seconds: float, probe_seconds: float
) -> SharedState:
    """All of it on one table. Raises botocore's NoRegionError; reads nothing yet."""
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
    accounts = TableAccounts(client, table, Availability(observer, pause=PAUSE_SECONDS))
    spend = TableSpend(client, table, Availability(observer))
    return SharedState(circuits, SharedRateLimits(client, table, availability), accounts, spend)


def responses(table: str, seconds: float) -> TableResponses:
    """Conversations of responses on a table of their own. Raises botocore's NoRegionError; reads nothing yet."""
    return TableResponses(patient_client(), table, seconds)


def cache(table: str, seconds: int, observer: StateObserver) -> TableCache:
    """Answers to equal requests on a table of their own. Raises botocore's NoRegionError; reads nothing yet."""
    return TableCache(impatient_client(), table, seconds, Availability(observer))


def drill_reports(table: str, region: str) -> TableReports:
    """The reports of a stage's drills in that Region. Raises botocore's NoRegionError; reads nothing yet."""
    return TableReports(patient_client(), table, region)
