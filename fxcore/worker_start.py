"""Importing this readies a process for work: everything heavy loaded, kernels compiled, one thread each.

The server process that workers are forked from imports it once, so that a worker starts in
milliseconds and no two processes write the kernels' cache at the same time.
"""

from __future__ import annotations

import os
import signal

# Ctrl-C on a terminal reaches all processes; the parent decides what it means.
signal.signal(signal.SIGINT, signal.SIG_IGN)

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import fxcore.jobs  # noqa: E402, F401
from fxcore.kernels import warm  # noqa: E402

warm()
