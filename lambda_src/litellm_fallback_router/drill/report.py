"""A drill's report, sealed: each holds the digest of the one before it, and a MAC by a key.

What a seal proves: with the key, that the report was written by a holder of the key (HMAC-SHA256, RFC 2104) and not
changed since; with the reports in a row, that none between the first and the last was changed, added or taken out.
It does not prove that no later report was thrown away, nor who of several holders wrote it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from ..routing.mapping import RouterConfig
from .asking import Answer
from .findings import Finding, Price
from .hops import Hop
from .proofs import Proof, at_text

VERSION = 1
SIMULATOR = "simulator"
"""`Report.where` of drills that no provider answered."""


class SealError(Exception):
    """A report is not as it was sealed, or its row has a gap. The text says which."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one drill found."""

    at: int
    """Unix seconds of its start."""
    where: str
    """`this machine`, `simulator`, or the stage's name."""
    mapping: str
    """SHA-256 of the mapping's chains and deployments, as `mapping_digest` writes them."""
    seconds: float
    max_usd: float
    cost_usd: float
    """As far as prices are known; what was reserved never went beyond `max_usd`."""
    hops: tuple[Hop, ...]
    findings: tuple[Finding, ...]
    prices: Mapping[str, Price]
    proofs: Mapping[str, Proof]
    """The last of each deployment, this drill's and those before it."""
    previous: str = ""
    """Digest of the report before; empty: it is the first."""
    digest: str = ""
    mac: str = ""
    key_id: str = ""
    """First digits of the SHA-256 of the key."""

    @property
    def simulated(self) -> bool:
        """True where a simulator answered, which proves nothing of the providers."""
        return self.where == SIMULATOR

    @property
    def well(self) -> bool:
        """True where every hop was proven."""
        return all(hop.verdict == "proven" for hop in self.hops)

    @property
    def holds(self) -> bool:
        """True where every chain gave an answer with any one of its hops out."""
        return all(hop.holds for hop in self.hops)

    def to_json(self) -> dict[str, Any]:
        """The report as it is printed and kept."""
        return {**_sealed_part(self), "digest": self.digest, "mac": self.mac, "key_id": self.key_id}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Report:
        """Read a report. Raises SealError where it is none, or says more than its seal covers."""
        try:
            if data["version"] != VERSION:
                raise SealError(f"this version cannot read reports of version {data['version']}")
            hops = tuple(
                Hop(one["chain"], one["place"], one["deployment"], tuple(Answer(**a) for a in one["answers"]))
                for one in data["hops"]
            )
            proofs = {name: Proof(one["at"], one["label"]) for name, one in data["proofs"].items()}
            report = Report(
                **{name: data[name] for name in ("at", "where", "mapping", "seconds", "max_usd", "cost_usd")},
                hops=hops,
                findings=tuple(Finding(**one) for one in data["findings"]),
                prices={name: Price(**one) for name, one in data["prices"].items()},
                proofs=proofs,
                **{name: data[name] for name in ("previous", "digest", "mac", "key_id")},
            )
            same = _json(report.to_json()) == _json(data)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError) as error:
            raise SealError(f"this is no report of a drill: {error}") from error
        if not same:
            raise SealError(f"the report of {at_text(report.at)} was changed after it was sealed")
        return report


class ReportStore(Protocol):
    """Where reports are kept. Blocking."""

    def last(self) -> Report | None:
        """The newest report, its seal unchecked; None: there is none."""
        ...

    def add(self, report: Report) -> bool:
        """Keep a report behind the one that it names as `previous`. False: another came between."""
        ...


def sealed(report: Report, previous: Report | None, key: bytes) -> Report:
    """Seal a report behind the one before it."""
    row = replace(report, previous="" if previous is None else previous.digest)
    digest = hashlib.sha256(_canonical(row)).hexdigest()
    mac = hmac.new(key, digest.encode(), hashlib.sha256).hexdigest()
    return replace(row, digest=digest, mac=mac, key_id=key_id(key))


def keep(report: Report, former: Report | None, store: ReportStore, key: bytes) -> Report | None:
    """Seal a report behind the newest one and keep it. Blocking.

    Args:
        report: Not sealed yet.
        former: The newest report when the drill began.
        store: Where it is kept.
        key: That it is sealed with.

    Returns:
        The report as it was kept; None where others were kept before it, twice.
    """
    for _ in range(2):
        report = sealed(report, former, key)
        if store.add(report):
            return report
        former = store.last()
    return None


def check_seals(reports: Iterable[Report], key: bytes) -> int:
    """Check reports in a row, the oldest first.

    Args:
        reports: Each behind the one that it names.
        key: That they were sealed with.

    Returns:
        How many there were.

    Raises:
        SealError: One was changed, was sealed with another key, or does not follow the one before it.
    """
    former, count = None, 0
    for one in reports:
        name = f"the report of {at_text(one.at)}"
        digest = hashlib.sha256(_canonical(one)).hexdigest()
        if digest != one.digest:
            raise SealError(f"{name} was changed after it was sealed")
        if not hmac.compare_digest(hmac.new(key, digest.encode(), hashlib.sha256).hexdigest(), one.mac):
            raise SealError(f"{name} was sealed with another key ({one.key_id or 'none'}, not {key_id(key)})")
        if former is not None and one.previous != former.digest:
            raise SealError(f"{name} does not follow that of {at_text(former.at)}: one is missing, or was added")
        former, count = one, count + 1
    return count


def key_id(key: bytes) -> str:
    return hashlib.sha256(b"drill key " + key).hexdigest()[:12]


def mapping_digest(config: RouterConfig) -> str:
    """Tell mappings apart by who is asked, in which order: 64 hexadecimal digits."""
    deployments = [[one.id, one.label, one.region, one.api_base] for one in config.deployments]
    chains = {name: list(chain) for name, chain in config.chains.items()}
    return hashlib.sha256(_json({"chains": chains, "deployments": deployments})).hexdigest()


def _sealed_part(report: Report) -> dict[str, Any]:
    hops = [{**asdict(hop), "verdict": hop.verdict, "holds": hop.holds} for hop in report.hops]
    return {
        "version": VERSION,
        "at": report.at,
        "time": at_text(report.at),
        "where": report.where,
        "mapping": report.mapping,
        "seconds": report.seconds,
        "max_usd": report.max_usd,
        "cost_usd": report.cost_usd,
        "hops": hops,
        "findings": [asdict(one) for one in report.findings],
        "prices": {name: asdict(one) for name, one in report.prices.items()},
        "proofs": {name: asdict(one) for name, one in report.proofs.items()},
        "previous": report.previous,
    }


def _canonical(report: Report) -> bytes:
    return _json(_sealed_part(report))


def _json(value: Any) -> bytes:
    """One text for one value: sorted names, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
