"""The PNG-CSV layout: every name and path of a data set, and nothing else.

::

    dataset/
      dataset.json                 provenance, configuration, counts, mean and standard deviation
      metadata.csv                 a row a radiograph, assembled from the studies' files
      rejects.csv                  all that was dropped, with stage, reason and message
      journal.jsonl                a line a study: what a later run needs to go on from here
      broken/<study_id>/metadata.csv
      broken/<study_id>/<radiograph_id>.png
      not_broken/<study_id>/…      and unlabelled/<study_id>/… where no label is known
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fxcore.errors import DataSetError
from fxcore.study import LABELS

METADATA_FILE = "metadata.csv"
REJECTS_FILE = "rejects.csv"
PROVENANCE_FILE = "dataset.json"
JOURNAL_FILE = "journal.jsonl"
# What a training run has in place of it all; of its plots, none is a radiograph.
TRAINING_FILE = "provenance.json"

# What the name of a file ends in while it is written.
PARTIAL = ".partial"
# Everything unfinished lives under this name; a finished data set does not have it.
WORK_FOLDER = ".fxray"

_IMAGE = ".png"
_IDENTIFIER = re.compile(r"[0-9a-z_]{1,64}")


@dataclass(frozen=True)
class Layout:
    """Paths of the data set at `root`, as the whole run or one shard of it sees them.

    Shards share all but what a run writes for itself alone: where it stages, its locks, its account.
    """

    root: Path
    shard: str = ""

    @property
    def metadata(self) -> Path:
        return self.root / METADATA_FILE

    @property
    def rejects(self) -> Path:
        return self.root / REJECTS_FILE

    @property
    def provenance(self) -> Path:
        return self.root / PROVENANCE_FILE

    @property
    def journal(self) -> Path:
        return self.root / JOURNAL_FILE

    @property
    def work(self) -> Path:
        return self.root / WORK_FOLDER

    @property
    def discarded_work(self) -> Path:
        """Where the work folder is moved to be deleted: a run that starts meanwhile makes its own."""
        return self.root / f"{WORK_FOLDER}-discarded"

    @property
    def staging(self) -> Path:
        return self._own("staging")

    @property
    def records(self) -> Path:
        return self.work / "records"

    @property
    def changing(self) -> Path:
        """There from when the files at the root begin to be made until the last of them is in place."""
        return self.work / "changing"

    @property
    def lock(self) -> Path:
        """Held by a whole run alone; by the shards at work together."""
        return self.work / "lock"

    @property
    def shard_lock(self) -> Path:
        return self._own("lock")

    @property
    def busy(self) -> Path:
        return self._own("busy")

    @property
    def account(self) -> Path:
        """What a finished shard leaves for the merge."""
        return self._own("account")

    def all_of(self, name: str) -> list[Path]:
        """Return the paths of one kind (``"staging"``, ``"busy"``): a shard's own, or those of all runs."""
        if self.shard:
            return [self._own(name)]
        # What a killed run was writing is half of what it says.
        return sorted(path for path in self.work.glob(f"{name}*") if not path.name.endswith(PARTIAL))

    def _own(self, name: str) -> Path:
        return self.work / (f"{name}-{self.shard}" if self.shard else name)

    def study(self, label: str, study_id: str) -> Path:
        """Folder of one study.

        Raises
        ------
        DataSetError
            If `label` is not a class folder or `study_id` is not a plain identifier: both may come
            from files, and must not lead outside the data set.
        """
        check_study(label, study_id)
        return self.root / label / study_id

    def staged(self, study_id: str, fingerprint: str) -> Path:
        """How the folders are named in which a study is written before it is renamed; a suffix follows."""
        return self.staging / f"{study_id}-{fingerprint[:16]}-"

    def record(self, study_id: str) -> Path:
        """Where the record of a finished study waits for the journal; 256 folders keep each one small.

        Raises
        ------
        DataSetError
            If `study_id`, which may come from a file, is not a plain identifier.
        """
        check_study(LABELS[0], study_id)
        return self.records / study_id[:2] / f"{study_id}.json"


def check_study(label: str, study_id: str) -> None:
    """Check that `label` is a class folder and `study_id` a plain identifier, which lead nowhere else.

    Raises
    ------
    DataSetError
    """
    if label not in LABELS or not _IDENTIFIER.fullmatch(study_id):
        raise DataSetError(f"{label!r}/{study_id!r} does not name a study; classes: {', '.join(LABELS)}")


def image_name(radiograph_id: str) -> str:
    """File name of a radiograph's PNG.

    Raises
    ------
    DataSetError
        If `radiograph_id` is not a plain identifier.
    """
    if not _IDENTIFIER.fullmatch(radiograph_id):
        raise DataSetError(f"{radiograph_id!r} is not a radiograph identifier")
    return f"{radiograph_id}{_IMAGE}"


def is_image_name(name: str) -> bool:
    """Tell whether a file in a study's folder is the image of a radiograph."""
    return name.endswith(_IMAGE)
