"""Finished studies that the source of a run has no more, or no label for: a mishap, if they are many."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path

from fxcore.dataset.layout import Layout
from fxcore.errors import FxrayError
from fxcore.study import LABEL_UNLABELLED

# A drive that is half connected takes many studies away at once, a forgotten option all labels.
_FEW = 10


class Missing:
    """Counts the finished studies that would be removed, and those that would have another label.

    Parameters
    ----------
    there : container of str
        The identifiers of all studies that the source has.
    labels : mapping of str to str, optional
        What they are labelled now, where that may have changed.
    """

    def __init__(self, there: Container[str], labels: Mapping[str, str] | None = None) -> None:
        self._there, self._labels = there, labels or {}
        self.count = self._finished = self._labelled = self._unlabelled = self._relabelled = 0

    def see(self, study_id: str, radiographs: int, label: str = LABEL_UNLABELLED) -> None:
        """Count a study of an earlier run, which left so many radiographs of it, with this label."""
        if radiographs:
            self._finished += 1
            self.count += study_id not in self._there
            if label != LABEL_UNLABELLED:
                now = self._labels.get(study_id, label)
                self._labelled += 1
                self._unlabelled += now == LABEL_UNLABELLED
                self._relabelled += now not in (label, LABEL_UNLABELLED)

    @property
    def changed(self) -> str:
        """What the user is told of labels that are others now; empty where none is."""
        of = f"of {self._labelled} studies that an earlier run labelled, "
        told = [f"{self._relabelled} have the other label now"] * bool(self._relabelled)
        told += [f"{self._unlabelled} have none"] * bool(self._unlabelled)
        return (of + " and ".join(told) + ".").capitalize() if told else ""

    @property
    def said(self) -> str:
        """What the user is told when they were removed."""
        return (
            f"{self.count} studies of an earlier run are not in the archive or data set any more and were "
            "removed."
        )

    def check(self, layout: Layout, source: Path, unread: str) -> None:
        """Check, before anything is done, that the studies may be removed.

        Parameters
        ----------
        layout : Layout
            The output.
        source : pathlib.Path
        unread : str
            What of it could not be listed or read, in words: that may be all that is missing.

        Raises
        ------
        FxrayError
            If it could not be read whole, or more than half of many studies are missing or have no label.
        """
        if self._unlabelled > _FEW and 2 * self._unlabelled > self._labelled:
            raise FxrayError(
                f"{self._unlabelled} of {self._labelled} labelled studies in {layout.root} have no label any "
                "more; nothing was changed. Was the labels file forgotten (--labels), or were class folders "
                "renamed? If they are to have none, name a new output folder"
            )
        if not self.count or (not unread and (self.count <= _FEW or 2 * self.count <= self._finished)):
            return
        missing = (
            f"{self.count} of {self._finished} finished studies in {layout.root} are missing from {source}"
        )
        if unread:
            raise FxrayError(
                f"{missing}, of which {unread}; nothing was removed. Reconnect the archive, see that all of "
                "it may be read, or take out what never can, and run the same command again; or name a new "
                "output folder"
            )
        raise FxrayError(
            f"{missing}; nothing was removed. Is all of it connected, and are it and any labels the right "
            "ones? Then run the same command again. If the studies are gone for good, name a new output "
            "folder"
        )
