"""What the process that workers are forked from loads: all they need, and a quick way out.

Imported by that process alone.
"""

import atexit
import os

import fxcore.worker_start  # noqa: F401

# It has nothing to tidy up, and taking the interpreter apart with all that is loaded takes a quarter of a
# second, for which whoever reads the output of the program through a pipe would wait.
atexit.register(os._exit, 0)
