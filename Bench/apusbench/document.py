"""The part about TLS of docs/benchmarks.md, which a run of the scenarios with TLS can renew without the others."""

from pathlib import Path

from .places import ROOT, BenchError
from .report import TLS_HEADING, Run, tls_part

DOCUMENT = ROOT / "docs" / "benchmarks.md"
#: What the part stands before where it is new.
_NEXT_HEADING = "## Picking\n"


def write_tls(run: Run, document: Path = DOCUMENT) -> None:
    """Puts this run's part in place of the one that is there."""
    text = document.read_text()
    before, heading, after = text.partition(f"{TLS_HEADING}\n")
    if heading:
        end = after.find("\n## ")
        rest = "" if end < 0 else after[end + 1 :]
    else:
        before, next_heading, rest = text.partition(_NEXT_HEADING)
        if not next_heading:
            raise BenchError(f"{document} has neither a section {TLS_HEADING!r} nor one {_NEXT_HEADING.strip()!r}.")
        rest = next_heading + rest
    part = "\n".join([*tls_part(run, stands_alone=True), ""])
    document.write_text(before + part + ("\n" + rest if rest else ""))
