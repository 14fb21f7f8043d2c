"""Decoders of encapsulated pixel data: imagecodecs as a pydicom plugin, and the order they are tried in."""
