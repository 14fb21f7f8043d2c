"""Free-text body-part labels, in any language and spelling, to the anatomic part they name."""

from fxcore.body_parts.recognise import Recognition, mentioned_parts, readable, recognise
from fxcore.body_parts.vocabulary import PARTS, covers

__all__ = ["PARTS", "Recognition", "covers", "mentioned_parts", "readable", "recognise"]
