"""DICOM files to grey images and clean metadata: index, decoders, grey, de-identification."""
