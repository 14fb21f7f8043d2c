"""Decoders of encapsulated pixel data: our kernels and imagecodecs as pydicom plugins, and their order."""
