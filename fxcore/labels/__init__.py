"""Which studies are broken: from a table of labels, or from the names of class folders."""

from fxcore.labels.spelling import class_from_folder, label_from_text
from fxcore.labels.table import LabelProblem, LabelTable, read_labels
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN, LABEL_UNLABELLED

__all__ = [
    "LABEL_BROKEN",
    "LABEL_NOT_BROKEN",
    "LABEL_UNLABELLED",
    "LabelProblem",
    "LabelTable",
    "class_from_folder",
    "label_from_text",
    "read_labels",
]
