"""One place for the compilation policy of every kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` with Numba: no Python objects, no GIL, cached on disk, IEEE arithmetic.

    Fast-math stays off everywhere: results must not depend on how a compiler reorders sums.
    """
    return numba.njit(cache=True, nogil=True)(function)
