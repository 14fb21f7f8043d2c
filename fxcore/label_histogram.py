"""The histogram of free-text body-part labels, with what the part filter would do with each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from fxcore.arguments import check_kind
from fxcore.catalogue import open_catalogue
from fxcore.dataset.assemble import read_finished_provenance
from fxcore.dataset.layout import Layout
from fxcore.errors import ParameterError, UsageError
from fxcore.executor import Executor
from fxcore.index_file import check_index_place, default_index_file
from fxcore.places import resolved
from fxcore.progress import Progress, Silent
from fxcore.settings import Settings
from fxcore.steps.part_filter import HistogramRow, Named, histogram


def label_histogram(
    source: Path,
    settings: Settings | None = None,
    *,
    index_file: Path | None = None,
    workers: int = 0,
    progress: Progress | None = None,
) -> list[HistogramRow]:
    """Count the raw body-part labels of an archive (by file) or a data set (by radiograph as ingested).

    Parameters
    ----------
    source : Path
        A folder with a ``dataset.json`` is a data set, any other folder an archive.
    settings : Settings, optional
        The part filter's settings decide what would be kept.
    index_file : Path, optional
        Where the index of an archive is kept for the next run; see `fxcore.catalogue`.
    workers : int
        Worker processes; 0 takes one for each core.
    progress : Progress, optional
        Told how far the count is.

    Returns
    -------
    list of HistogramRow
        Most frequent first; a label of no use, for which descriptions decide, may have several rows.

    Raises
    ------
    UsageError
        For an index of a data set.
    FxrayError
        If `source` is neither.
    """
    check_kind("settings", settings, Settings, "fxcore.config.read_toml makes one of a file")
    settings, progress = settings or Settings(), progress or Silent()
    source = resolved(source)
    if not source.is_dir():
        raise ParameterError(f"{source} is not a folder")
    layout = Layout(source)
    counts: Counter[tuple[str, ...]] = Counter()
    if layout.work.exists() or layout.provenance.exists():
        if index_file:
            raise UsageError(f"--index is about a raw archive, and {source} is a data set; leave it out")
        for label, described in read_finished_provenance(layout)["body_part_labels"].items():
            # A number, without the descriptions, in a data set of an earlier version.
            described = described if isinstance(described, dict) else {"": described}
            counts.update({Named(label, parts): count for parts, count in described.items()})
    else:
        index = resolved(index_file or default_index_file(source))
        check_index_place(index, source)
        limits = settings.ingest.pixels.limits
        with (
            Executor(workers, settings.ingest.memory_bytes) as executor,
            open_catalogue(source, limits, executor, progress, index) as catalogue,
        ):
            for entry in catalogue.entries():
                if entry.kind == "dicom" and not entry.reason:
                    counts[Named(entry.body_part, entry.body_part_described, entry.modality)] += 1
    return histogram(counts, settings.steps.part_filter)
