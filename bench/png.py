"""The data set's PNG codec against OpenCV's."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from bench import inputs
from bench.harness import interleave
from bench.inputs import SIZES, STANDARD
from bench.options import Options
from bench.results import Findings, compare
from fxcore.dataset.png import decode_png, encode_png

ENCODE, DECODE = 3.5, 2.5
"""Ratios to be reached on the standard input."""

MOST_BYTES = 1.05
"""How large our file may be, OpenCV's being 1."""

_FASTEST = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]


def run(options: Options) -> Findings:
    """Measure encoding and decoding; see `bench.options.Options`."""
    findings = Findings("png")
    images = {name: inputs.phantom(*SIZES[name]) for name in SIZES if name == STANDARD or not options.quick}
    if options.quick:
        findings.skipped.append("other sizes and real radiographs: not measured with --quick")
    else:
        real = inputs.real_radiographs()
        images |= real
        findings.skipped += [] if real else [inputs.NO_REAL]
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for name, image in images.items():
            options.say(name)
            _encode(name, image, options, findings)
            _decode(name, image, options, findings)
    finally:
        cv2.setNumThreads(before)
    return findings


def _encode(name: str, image: np.ndarray, options: Options, findings: Findings) -> None:
    ours = len(encode_png(image))
    for peer, parameters in (("OpenCV", []), ("OpenCV, Up filter, level 1", _FASTEST)):

        def theirs(parameters: list[int] = parameters) -> Any:
            return cv2.imencode(".png", image, parameters)[1]

        size = len(theirs())
        seconds = interleave({"ours": lambda: encode_png(image), "peer": theirs}, options.effort)
        marked = name == STANDARD and peer == "OpenCV"
        findings.results.append(
            compare(
                "PNG encode",
                peer,
                name,
                seconds,
                mark=ENCODE if marked else None,
                also=ours <= MOST_BYTES * size,
                note=f"{ours / 1e6:.2f} MB against {size / 1e6:.2f} MB: {ours / size:.3f} of its size",
                figures={"ours_bytes": ours, "peer_bytes": size, "size_ratio": ours / size},
            )
        )


def _decode(name: str, image: np.ndarray, options: Options, findings: Findings) -> None:
    file = encode_png(image)
    encoded = np.frombuffer(file, np.uint8)

    def theirs() -> Any:
        return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)

    for decoded in (decode_png(file), theirs()):
        np.testing.assert_array_equal(decoded, image)
    seconds = interleave({"ours": lambda: decode_png(file), "peer": theirs}, options.effort)
    mark = DECODE if name == STANDARD else None
    findings.results.append(compare("PNG decode", "OpenCV", name, seconds, mark=mark))
