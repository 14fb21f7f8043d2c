"""The end of a run in shards: the root files, once all shards are done."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from fxcore.dataset.assemble import read_provenance
from fxcore.dataset.journal import read_records
from fxcore.dataset.layout import Layout
from fxcore.errors import DataSetError
from fxcore.missing import Missing
from fxcore.output import output_folder
from fxcore.places import resolved
from fxcore.progress import Progress, Silent
from fxcore.run import Summary, assemble_all, say_removed
from fxcore.shards import Account, read_account, rejects_of, studies_of
from fxcore.study import Reject

_NAMED = 20


def merge(out: Path, *, progress: Progress | None = None) -> Summary:
    """Write the root files of a data set that was made in shards: the same as one run would have left.

    One that was killed when all but clearing up was done is finished by the next.

    Parameters
    ----------
    out : Path
        Where all shards wrote to.
    progress : Progress, optional
        Told how far the merge is.

    Raises
    ------
    FxrayError
        If a shard is missing or still at work, or the shards did not see the same archive.
    """
    began = time.perf_counter()
    progress, out = progress or Silent(), resolved(out)
    layout = Layout(out)
    if not layout.work.exists():
        content = read_provenance(layout)
        if not layout.discarded_work.exists():
            raise DataSetError(f"{out} is a finished data set; there is nothing to merge")
        shutil.rmtree(layout.discarded_work, ignore_errors=True)
        return Summary(str(out), content, seconds=time.perf_counter() - began)
    with output_folder(out, {}, progress) as layout:
        accounts = _whole(layout)
        studies = set(itertools.chain.from_iterable(map(studies_of, accounts)))
        progress.stage("Merging studies", len(studies))
        missing, recorded = Missing(studies), 0
        for record in read_records(layout):
            missing.see(record.study_id, record.radiographs)
            recorded += record.study_id in studies
        if recorded < len(studies):
            raise DataSetError(f"{len(studies) - recorded} studies have no record; run all shards again")
        first = next(iter(accounts.values()))

        def loose() -> Iterator[Reject]:
            return itertools.chain.from_iterable(map(rejects_of, accounts))

        summary = Summary(str(out))
        summary.content = assemble_all(layout, first.provenance, loose, studies)
        progress.advance(len(studies))
        say_removed(missing, summary, progress)
    summary.seconds = time.perf_counter() - began
    return summary


def _whole(layout: Layout) -> dict[Path, Account]:
    """Return the accounts of all shards, or say which are missing."""
    accounts = {path: read_account(path) for path in layout.all_of("account")}
    if not accounts and not any(layout.work.glob("*-of-*")):
        raise DataSetError(
            f"{layout.root} was not made in shards, and its run was interrupted; run the same command again"
        )
    if not accounts:
        raise DataSetError(f"no shard of {layout.root} is done; run them with --shard 1/n to n/n")
    counts = sorted({account.count for account in accounts.values()})
    if len(counts) > 1:
        raise DataSetError(
            f"{layout.root} holds shards of {' and of '.join(map(str, counts))}, which ran at the same time; "
            "choose one number and run one of its shards again, which has the others count no more"
        )
    missing = sorted({*range(1, counts[0] + 1)} - {account.number for account in accounts.values()})
    if missing:
        names = ", ".join(f"{number}/{counts[0]}" for number in missing[:_NAMED])
        more = ", ..." if len(missing) > _NAMED else ""
        raise DataSetError(
            f"not all shards of {layout.root} are done: {names}{more} are missing; run them first"
        )
    seen: dict[str, list[int]] = {}
    for account in accounts.values():
        seen.setdefault(account.digest, []).append(account.number)
    if len(seen) > 1:
        groups = " / ".join(", ".join(map(str, sorted(numbers))) for numbers in seen.values())
        raise DataSetError(
            f"the shards saw different files or labels ({groups}): the archive changed in between; "
            "run the shards of one group again"
        )
    return dict(sorted(accounts.items(), key=lambda item: item[1].number))
