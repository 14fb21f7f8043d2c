"""Finished studies that the source of a run has no more: removed, unless that looks like a mishap."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from fxcore.dataset.layout import Layout
from fxcore.errors import FxrayError

# A drive that is half connected takes many studies away at once.
_FEW = 10


class Missing:
    """Counts the finished studies that would be removed.

    Parameters
    ----------
    there : container of str
        The identifiers of all studies that the source has.
    """

    def __init__(self, there: Container[str]) -> None:
        self._there = there
        self.count = self._finished = 0

    def see(self, study_id: str, radiographs: int) -> None:
        """Count a study of an earlier run, which left so many radiographs of it."""
        if radiographs:
            self._finished += 1
            self.count += study_id not in self._there

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
            If it could not be read whole, or more than half of many studies are missing.
        """
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
