"""Loaded by every Python process of a run under test: makes chosen files and moments go wrong.

It listens to the interpreter's audit events (PEP 578), so that nothing of the program has to be
imported or replaced, and the start of a process is not slowed down.
"""

import collections
import ctypes
import itertools
import os
import signal
import sys
import time

_FUNCTIONS = {"look_into": "index", "load_image": "study", "read_radiograph": "study"}
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link"}

_places = tuple(os.environ.get("FXRAY_TEST_PLACES", "").split(os.pathsep))
_slow = dict(part.split(":") for part in os.environ.get("FXRAY_TEST_SLOW", "").split(",") if part)
_die_at = int(os.environ.get("FXRAY_TEST_DIE_AT", "-1"))
_counter = (
    os.open(os.environ["FXRAY_TEST_COUNTER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT) if _die_at >= 0 else -1
)


def _spin():
    # One call in C that never ends, keeps the interpreter's lock and looks at no signal.
    collections.deque(itertools.repeat(0), maxlen=0)


def _eat():
    hoard = []
    while True:
        hoard.append(bytearray(os.urandom(1 << 20)) * 64)


def _raise():
    raise ZeroDivisionError("a mistake in the program")


_FAULTS = {
    "kill.png": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "abort.png": os.abort,
    "segfault.png": lambda: ctypes.string_at(0),
    "exit.png": lambda: os._exit(7),
    "hang.png": lambda: time.sleep(600),
    "spin.png": _spin,
    "raise.png": _raise,
    "eat.png": _eat,
}


def _phase():
    frame = sys._getframe(2)
    while frame is not None:
        if phase := _FUNCTIONS.get(frame.f_code.co_name):
            return phase
        frame = frame.f_back
    return ""


def _break(event, arguments):
    if event != "open" or not isinstance(arguments[0], (str, os.PathLike)):
        return
    path = os.fspath(arguments[0])
    if path.endswith(("metadata.csv.partial",)):
        time.sleep(float(_slow.get("assembly", 0)))
    elif path.endswith((".png", ".dcm")):
        phase = _phase()
        if phase == "study" and (fault := _FAULTS.get(path.rpartition("/")[2])):
            fault()
        time.sleep(float(_slow.get(phase, 0)))


def _count(event, arguments):
    """Count what all processes do to the disk, and kill them all right before one of these changes."""
    if event == "open":
        flags = arguments[2]
        changes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    else:
        changes = event in _CHANGES
    if not changes or not isinstance(arguments[0], (str, os.PathLike)):
        return
    if os.fspath(arguments[0]).startswith(_places):
        os.write(_counter, b".")
        if os.lseek(_counter, 0, os.SEEK_CUR) == _die_at:
            os.killpg(0, signal.SIGKILL)


def _shift_clock():
    """Let the clock of this process jump: by these many seconds, at once and again after a while."""
    offset, real, real_ns, began = (
        float(os.environ["FXRAY_TEST_CLOCK"]),
        time.time,
        time.time_ns,
        time.monotonic(),
    )

    def jumped():
        return offset if time.monotonic() - began < 0.8 else -offset

    time.time = lambda: real() + jumped()
    time.time_ns = lambda: real_ns() + int(jumped() * 1e9)


if "FXRAY_TEST_STARTED" in os.environ:
    os.close(os.open(os.environ["FXRAY_TEST_STARTED"], os.O_WRONLY | os.O_CREAT))
sys.addaudithook(_count if _die_at >= 0 else _break)
if "FXRAY_TEST_CLOCK" in os.environ:
    _shift_clock()
