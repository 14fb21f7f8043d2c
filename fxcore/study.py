"""The words every room shares: a radiograph, a study, and what was dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The command line imports the words of this module before it knows whether there is work to do.
    import numpy as np
    from numpy.typing import NDArray

LABEL_BROKEN = "broken"
LABEL_NOT_BROKEN = "not_broken"
LABEL_UNLABELLED = "unlabelled"
LABELS = (LABEL_BROKEN, LABEL_NOT_BROKEN, LABEL_UNLABELLED)
"""What is known of a study, and the name of the folder it is in."""


@dataclass
class Radiograph:
    """One grey image and its metadata row.

    Attributes
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``, C-contiguous.
    metadata : dict of str to str
        The row of ``metadata.csv``, column to text, in column order. Everything is text, here as on
        disk, so that a row which was written and read again is the same row.
    """

    image: NDArray[np.uint8]
    metadata: dict[str, str]

    @property
    def radiograph_id(self) -> str:
        return self.metadata["radiograph_id"]


@dataclass(frozen=True, order=True)
class Reject:
    """A row of ``rejects.csv``: something that was found and is not in the data set.

    Attributes
    ----------
    stage : str
        Where it was dropped: ``"index"``, ``"labels"``, ``"ingest"``, ``"preprocess"``, ``"score"``
        or the name of a step.
    study_id, source_id, radiograph_id : str
        Keyed pseudonyms of the study, the file and the radiograph; empty where not known.
    reason : str
        Short code, for instance ``"no_pixel_data"``; docs/rejects.md has them all.
    message : str
        One sentence for a person.
    """

    stage: str
    study_id: str
    source_id: str
    radiograph_id: str
    reason: str
    message: str


# More are told of no file: an index has no larger number.
_MOST_FRAMES = 100_000


@dataclass(frozen=True, order=True)
class UnreadFile:
    """A file whose pixels were not read, or could not be, and what is known of it all the same.

    Attributes
    ----------
    source_id, radiograph_id : str
        Keyed pseudonyms of the file and of its radiograph.
    frames : int
        How many radiographs it holds, as its header says.
    row : dict of str to str
        Of the metadata rows of these, the columns that the part filter goes by.
    """

    source_id: str
    radiograph_id: str
    frames: int
    row: dict[str, str] = field(compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.frames <= _MOST_FRAMES:
            raise ValueError(f"a file holds 1 to {_MOST_FRAMES} frames, not {self.frames}")


def frame_ids(radiograph_id: str, frames: int) -> list[str]:
    """Return the identifiers of the radiographs that a file holds, one of each frame."""
    if frames == 1:
        return [radiograph_id]
    return [f"{radiograph_id}_f{number:04d}" for number in range(1, frames + 1)]


@dataclass
class Study:
    """All radiographs of one appointment: the unit of work, of splitting and of prediction.

    Attributes
    ----------
    study_id : str
        Keyed pseudonym of the StudyInstanceUID.
    label : str
        ``"broken"``, ``"not_broken"`` or ``"unlabelled"``: the folder the study is in.
    radiographs : list of Radiograph
    """

    study_id: str
    label: str
    radiographs: list[Radiograph] = field(default_factory=list)
