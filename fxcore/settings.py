"""All settings of a run in one frozen tree: what ``pipeline.toml`` may say and ``dataset.json`` records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from fxcore.dicom.config import PixelConfig
from fxcore.errors import ParameterError
from fxcore.steps import Pipeline

IMAGE_STUDIES = ("auto", "file", "folder")
# What a worker may take for a file; it does not change what becomes of one that gets by with it.
_ALLOWANCES = ("seconds_per_file", "memory_per_worker")
# GiB: a PiB, which no machine has, and far below what the system can be told as a number.
_MOST_MEMORY = 2**20


@dataclass(frozen=True)
class IngestConfig:
    """Settings of the raw data transformation."""

    pixels: PixelConfig = field(default_factory=PixelConfig)
    # Drop studies with more radiographs than this, frames counted; 0 keeps all.
    max_instances: int = 0
    # What makes a study of ordinary images: "file" (each image), "folder" (the images of one folder), or
    # "auto": a folder that is named like a study, or one with a label of its own and all that is below it,
    # else each image.
    image_studies: str = "auto"
    # A file that takes longer is given up; a study has this time for each of its files.
    seconds_per_file: float = 60.0
    # GiB that a worker may allocate; what needs more is given up. 0: no limit. The largest grey
    # radiograph of 16 bits that pixels.limits lets through takes 1.3. Kept by Linux only.
    memory_per_worker: float = 4.0

    def __post_init__(self) -> None:
        if self.max_instances < 0:
            raise ParameterError(
                f"ingest.max_instances {self.max_instances} is negative; 0 keeps all studies"
            )
        if self.image_studies not in IMAGE_STUDIES:
            raise ParameterError(
                f"ingest.image_studies {self.image_studies!r} is not one of {', '.join(IMAGE_STUDIES)}"
            )
        if self.seconds_per_file <= 0:
            raise ParameterError(f"ingest.seconds_per_file {self.seconds_per_file} is not above 0")
        if self.memory_per_worker != 0 and self.memory_per_worker < 0.5:
            raise ParameterError(
                f"ingest.memory_per_worker {self.memory_per_worker} GiB is below 0.5, which no worker can "
                "start with; 0 sets no limit"
            )
        if self.memory_per_worker > _MOST_MEMORY:
            raise ParameterError(
                f"ingest.memory_per_worker {self.memory_per_worker} GiB is above {_MOST_MEMORY}, more than "
                "any machine has; 0 sets no limit"
            )

    @property
    def memory_bytes(self) -> int:
        return int(self.memory_per_worker * 2**30)


@dataclass(frozen=True)
class StudySettings:
    """The settings of `IngestConfig`, by the same names, that decide which files make a study.

    A model carries them, so that what it scores is gathered as the studies that it learned from.
    """

    max_instances: int = IngestConfig.max_instances
    image_studies: str = IngestConfig.image_studies

    def __post_init__(self) -> None:
        IngestConfig(**vars(self))

    @staticmethod
    def among(ingest: Mapping[str, Any]) -> dict[str, Any]:
        """Return these of the settings of a raw data transformation, as plain values."""
        return {field.name: ingest[field.name] for field in fields(StudySettings) if field.name in ingest}


@dataclass(frozen=True)
class Settings:
    """Settings of all jobs; a run uses the tables that concern it."""

    ingest: IngestConfig = field(default_factory=IngestConfig)
    steps: Pipeline = field(default_factory=Pipeline)


def without_allowances(config: Any) -> Any:
    """Return settings, as plain values, without what a worker is allowed; of what holds none, all."""
    if not (isinstance(config, dict) and isinstance(ingest := config.get("ingest"), dict)):
        return config
    return config | {"ingest": {key: value for key, value in ingest.items() if key not in _ALLOWANCES}}
