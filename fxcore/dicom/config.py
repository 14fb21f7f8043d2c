"""What the DICOM room may be told: how grey is made, and how large a file may be."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from fxcore.errors import ParameterError, UnreadableFileError

VOI_POLICIES = ("auto", "window", "percentile", "none")


@dataclass(frozen=True)
class Limits:
    """Sizes past which a file is refused before memory is spent on it.

    Attributes
    ----------
    max_file_bytes : int
        Largest file that is opened.
    max_pixels : int
        Rows x columns of one frame; the largest detectors in use stay below 50 million.
    max_frames : int
        Frames of one file.
    max_total_pixels : int
        Rows x columns x frames of one file, and of all pages of a TIFF.
    max_inflated_bytes : int
        What a deflated data set, or one image of a PNG or TIFF, may grow to.
    max_element_bytes : int
        Header values longer than this are skipped unread; a 16-bit lookup table needs 128 KiB.
    """

    max_file_bytes: int = 4 * 2**30
    max_pixels: int = 100_000_000
    max_frames: int = 10_000
    max_total_pixels: int = 1_000_000_000
    max_inflated_bytes: int = 2**28
    max_element_bytes: int = 2**24

    def __post_init__(self) -> None:
        for limit in fields(self):
            if getattr(self, limit.name) < 1:
                raise ParameterError(f"{limit.name} must be at least 1, not {getattr(self, limit.name)}")

    def exceeded(self, limit: str, what: str) -> UnreadableFileError:
        """Return the error of a file that is over the limit of this name: `what` it has is too much."""
        return UnreadableFileError("too_large", f"{what}, over the limit {limit} of {getattr(self, limit)}")


@dataclass(frozen=True)
class PixelConfig:
    """How stored values become 8-bit grey.

    Attributes
    ----------
    voi : str
        ``"auto"``: VOI LUT Sequence, else the first window, else the percentile window.
        ``"window"``: the first window, else the percentile window. ``"percentile"``: always the
        percentile window. ``"none"``: the full range the stored bits can express.
    percentile_low, percentile_high : float
        Percentiles of the modality values without padding that become 0 and 255.
    limits : Limits
        Sizes past which a file is refused.
    """

    voi: str = "auto"
    percentile_low: float = 0.5
    percentile_high: float = 99.5
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.voi not in VOI_POLICIES:
            raise ParameterError(f"voi is one of {', '.join(VOI_POLICIES)}, not {self.voi!r}")
        if not 0 <= self.percentile_low < self.percentile_high <= 100:
            raise ParameterError(
                "percentile_low and percentile_high must lie in 0..100, the low one below the high one, "
                f"not {self.percentile_low} and {self.percentile_high}"
            )
