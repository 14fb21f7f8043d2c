"""Arguments of what the command line calls, which sees to their types: a program that calls it may not."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from fxcore.errors import ParameterError

# Those of NumPy too.
_WHOLE: Any = Integral
_REAL: Any = Real


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Check that an argument is a whole number in a range, which may have no end.

    Raises
    ------
    ParameterError
    """
    if not isinstance(value, _WHOLE):
        raise ParameterError(f"{name} must be a whole number, not {value!r}")
    if most is None and value < least:
        raise ParameterError(f"{name} must be {least} or more, not {value}")
    if most is not None and not least <= value <= most:
        raise ParameterError(f"{name} must be in {least}..{most}, not {value}")


def check_share(name: str, value: Any) -> None:
    """Check that an argument is a number from 0 to 1.

    Raises
    ------
    ParameterError
    """
    if not (isinstance(value, _REAL) and 0 <= value <= 1):
        raise ParameterError(f"{name} must be in 0..1, not {value!r}")


def check_kind(name: str, value: Any, kind: type[Any], way: str) -> None:
    """Check that an argument, where it is given, is of a class of fxray.

    Parameters
    ----------
    name : str
    value : object
    kind : type
    way : str
        How one is made, for the message.

    Raises
    ------
    ParameterError
    """
    if value is not None and not isinstance(value, kind):
        raise ParameterError(
            f"{name} must be of the class {kind.__module__}.{kind.__name__}, not {value!r}; {way}"
        )
