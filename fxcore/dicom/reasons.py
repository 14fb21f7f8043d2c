"""Every reason code that a file can be turned away with, in one place.

The codes are written to ``rejects.csv``; the sentences here explain them to whoever reads it.
"""

from __future__ import annotations

REASONS: dict[str, str] = {
    "unreadable": "The file could not be opened or read from the disk.",
    "empty_file": "The file holds no bytes.",
    "too_large": "A size in the file (bytes, pixels of a frame, frames, inflated bytes) is over its limit.",
    "out_of_memory": "The file needs more memory than a worker may take (setting memory_per_worker).",
    "not_dicom": "The content is neither DICOM nor an image format that is read.",
    "packed": "The file is a packed archive (zip, tar, gzip...): what is in it is found once it is unpacked.",
    "dicomdir": "The file is a directory of a medium (DICOMDIR), not an image.",
    "broken_header": "The file starts like DICOM, but its header cannot be followed to the pixels.",
    "truncated_file": "The file starts like DICOM and ends in the middle of its header.",
    "no_pixel_data": "A sound DICOM object without pixel data: a report, a plan, a presentation state.",
    "invalid_image_header": "An attribute that describes the pixels is absent, unreadable or impossible.",
    "unsupported_transfer_syntax": "The pixels are encoded in a way no decoder here knows, such as video.",
    "unsupported_pixel_format": "The pixels are described in a way that has no grey image.",
    "truncated_pixel_data": "Fewer bytes of pixel data than the header declares, or a frame cut short.",
    "undecodable": "A frame is damaged, or no decoder manages it; the message says what was found.",
    "constant_image": "All pixels are equal: what a failed exposure or a failed decoder leaves.",
    "truncated_image": "A PNG, JPEG or TIFF that ends before its last row.",
    "damaged_image": "A PNG, JPEG or TIFF whose data is not what was written; the message says more.",
    "unsupported_image": "An image of a kind that is not read.",
}
