"""What the process that workers are forked from loads: all they need, and a quick way out.

Imported by that process alone.
"""

import atexit
import gc

from fxcore.forking import leave

# Nothing of what is loaded becomes garbage: to look for some takes a fifth of the time that loading does,
# and would take as much of the memory that workers share with this process, as they go on looking.
gc.disable()

try:
    import fxcore.worker_start  # noqa: F401
except RuntimeError as error:
    # The server process passes over this kind only; why it was is told when it is asked for a worker.
    raise ImportError from error

gc.freeze()
gc.enable()

# It has nothing to tidy up, and taking the interpreter apart with all that is loaded takes a quarter of a
# second, for which whoever reads the output of the program through a pipe would wait.
atexit.register(leave)
