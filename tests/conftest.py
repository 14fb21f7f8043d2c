"""What all tests share: property tests without deadlines, because the first call of a kernel compiles it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("fxray", deadline=None, derandomize=True)
settings.load_profile("fxray")
