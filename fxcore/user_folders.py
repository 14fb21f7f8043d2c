"""Where what is the user's own is kept: outside of any data set, and longer than a run."""

from __future__ import annotations

import os
from pathlib import Path

from fxcore.errors import ParameterError


def user_folder(variable: str, usual: str, what: str, option: str = "") -> Path:
    """Return the folder that an environment variable names, or else the usual one in the home folder.

    Parameters
    ----------
    variable : str
        Of the XDG Base Directory Specification.
    usual : str
        Name of the folder in the home folder.
    what, option : str
        For messages: what is kept there, and the option that names its file, where there is one.

    Raises
    ------
    ParameterError
        If the user has no home folder.
    """
    if named := os.environ.get(variable):
        return Path(named)
    try:
        return Path.home() / usual
    except RuntimeError as error:
        named = f", or name the file with {option}" if option else ""
        raise ParameterError(
            f"there is no home folder to keep the {what} in; set {variable} to a folder of yours{named}"
        ) from error
