"""What several steps look at: a radiograph made small, its frames, its background; each found once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import Runs, block_means, histogram, otsu_threshold, runs_from_image
from fxcore.steps.disc import around_disc
from fxcore.steps.equalised import unequalised
from fxcore.steps.field import Box, Frame, Grey, Mask, box_of, bright_frame, quantiles
from fxcore.steps.foreground import Foreground, foreground
from fxcore.steps.lettering import without_lettering
from fxcore.steps.noise import CALMED, calmed, noise_level
from fxcore.steps.pieces import Piece, find_pieces
from fxcore.steps.veil import without_veil

# Limbs are told apart, and their axis found, to about a tenth of a degree, at this many pixels a side.
_SIDE = 256
# Grey levels of noise from which it is calmed before anatomy is told from background.
_NOISY = 1.2
# What is seen without a veil must stand out so far, in thresholds of noise.
_CLEAR = 1.2
# Where so little of the longer side is exposed, that is looked at for itself.
_NEARER = 0.8
# Where frames cover more of the image than this, only what is sure of them is left out.
_MOST = 0.9
# The surround of a round field is dark if no more of the field than this is darker.
_DARK = 0.02


class Overview:
    """A radiograph at the size at which the steps decide.

    Parameters
    ----------
    grey : numpy.ndarray
        ``float32``, shape ``(rows, columns)``: means of blocks.
    step : int
        Side of a block in pixels.
    """

    def __init__(self, grey: Grey, step: int = 1) -> None:
        self.grey = grey
        self.step = step

    @classmethod
    def of(cls, image: NDArray[np.uint8]) -> Overview:
        """Make an image small, and undo what an equalisation of its histogram did: one pass over it."""
        step = max(1, -(-max(image.shape) // _SIDE))
        return cls(block_means(unequalised(image, step), step), step)

    def inside(self, box: Box) -> Overview:
        """Return the overview of a box: first row and column, and those after the last."""
        return Overview(np.ascontiguousarray(self.grey[box[0] : box[2], box[1] : box[3]]), self.step)

    def nearer(self, image: NDArray[np.uint8]) -> Overview:
        """Return the overview of what is exposed of its image, where frames leave a small part of it.

        An axis that is found at half the size of the one before may be another one.
        """
        row0, column0, row1, column1 = (edge * self.step for edge in box_of(self.ground.field))
        if max(image[row0:row1, column0:column1].shape) > _NEARER * max(image.shape):
            return self
        # A part of what was equalised has no flat histogram.
        return Overview.of(unequalised(image, self.step)[row0:row1, column0:column1])

    @cached_property
    def negative(self) -> Overview:
        """That of the negative, which is the same whether the image or this is subtracted from 255."""
        other = Overview(np.float32(255) - self.grey, self.step)
        other.__dict__["negative"] = self
        other.__dict__["noise"] = self.noise
        other.__dict__["disc"] = self.disc
        return other

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the noise."""
        return noise_level(self.grey)

    @cached_property
    def frame(self) -> Frame:
        """The bright frame; the dark one is that of the negative."""
        frame, disc = bright_frame(self.grey), self.disc
        # What is as dark as anything within is the negative's.
        if not disc.any() or float(np.median(self.grey[disc])) <= quantiles(self.grey, ~disc, (_DARK,))[0]:
            return frame
        return Frame(frame.mask | disc, frame.sure | disc)

    @cached_property
    def disc(self) -> Mask:
        """What surrounds a round field, whatever its level."""
        return around_disc(self.grey)

    @cached_property
    def ground(self) -> Foreground:
        """Anatomy and background, bright anatomy on dark; without the veil of scattered radiation."""
        grey, noise = without_lettering(self.grey), 0.0
        frame = self.frame.mask if self.frame.mask.mean() <= _MOST else self.frame.sure
        if self.noise > _NOISY:
            grey, noise = calmed(grey), CALMED * self.noise
        found = foreground(grey, frame, noise)
        lifted = without_veil(grey, found.field)
        if lifted is not None:
            # A shutter that a console drew has one level no longer, by which it could be told again.
            without = foreground(lifted, frame | ~found.field, noise)
            if without.clear >= _CLEAR:
                return without
        if found.clear >= 1:
            return found
        # A shutter of lead may have no level of its own, but has straight edges as a bright frame has.
        dark = self.negative.frame.mask
        without = foreground(grey, frame | dark, noise) if dark.any() else found
        return without if without.clear >= 1 else found

    @cached_property
    def pieces(self) -> list[Piece]:
        """The pieces of the foreground that may be limbs, the largest first."""
        return find_pieces(self.ground)

    @cached_property
    def limb(self) -> Mask | None:
        """The main limb: the heaviest piece, since streaks in the air can be larger than a limb."""
        return max(self.pieces, key=lambda piece: piece.area * piece.grey).mask if self.pieces else None

    def within(self, mask: Mask) -> Overview:
        """Return the overview in which all but a mask is frame."""
        other = Overview(self.grey, self.step)
        other.__dict__["noise"] = self.noise
        other.__dict__["frame"] = Frame(~mask, ~mask)
        return other


class Overviews:
    """The overviews of the images that a study's steps hand on; a step that runs alone makes its own."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[NDArray[np.uint8], Overview]] = {}
        self._above: dict[int, tuple[NDArray[np.uint8], int, Runs]] = {}

    def of(self, image: NDArray[np.uint8]) -> Overview:
        """Return the overview of an image, made once."""
        if id(image) not in self._seen:
            self._seen[id(image)] = (image, Overview.of(image))
        return self._seen[id(image)][1]

    def above_otsu(self, image: NDArray[np.uint8]) -> tuple[int, Runs]:
        """Return the Otsu threshold of an image and the runs above it, found once."""
        if id(image) not in self._above:
            threshold = otsu_threshold(hist=histogram(image))
            self._above[id(image)] = (image, threshold, runs_from_image(image, threshold))
        return self._above[id(image)][1:]

    def inverted(self, image: NDArray[np.uint8], negative: NDArray[np.uint8]) -> None:
        """Say that an image was replaced by its negative."""
        if seen := self._seen.pop(id(image), None):
            self._seen[id(negative)] = (negative, seen[1].negative)
