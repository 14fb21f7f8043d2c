"""Configuration is data: frozen dataclasses, read from TOML, written whole into every output."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from fxcore.errors import ParameterError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

# Of a list, by what is in it.
_EXAMPLES = {str: '["one", "two"]', float: "[0.5]"}
_WHAT_IT_IS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotation marks",
    dict: "a table of its own",
}


def to_dict(config: Any) -> dict[str, Any]:
    """Return a configuration dataclass as plain dicts, lists, numbers and strings."""
    return {
        f.name: to_dict(value)
        if dataclasses.is_dataclass(value := getattr(config, f.name))
        else _plain(value)
        for f in dataclasses.fields(config)
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def from_dict(cls: type[T], values: dict[str, Any], where: str = "") -> T:
    """Build the configuration `cls` from plain values; anything left out keeps its default.

    Parameters
    ----------
    cls : type
        A frozen dataclass; nested dataclasses are tables. Its ``__post_init__`` checks ranges.
    values : dict
        As TOML gives it.
    where : str
        Name of the table, for messages.

    Raises
    ------
    ParameterError
        For a key that does not exist or a value of the wrong type; the message lists what does.
    """
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{where}.{key}" if where else key
        if key not in names:
            raise ParameterError(f"unknown setting {path!r}; known here: {', '.join(names)}")
        arguments[key] = _convert(hints[key], value, path)
    return cls(**arguments)


def _convert(hint: Any, value: Any, path: str) -> Any:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ParameterError(f"{path} is a table of settings, not {_shown(value)}")
        return from_dict(hint, value, path)
    origin = getattr(hint, "__origin__", hint)
    if origin is tuple and isinstance(value, (list, tuple)):
        element = hint.__args__[0]
        return tuple(_convert(element, v, f"{path}[{i}]") for i, v in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {str(k): _convert(hint.__args__[1], v, f"{path}.{k}") for k, v in value.items()}
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ParameterError(f"{path} must be a finite number, not {value!r:.40}")
        return number
    if origin is tuple:
        example = _EXAMPLES.get(hint.__args__[0], "[]")
        raise ParameterError(f"{path} must be a list such as {example}, not {_shown(value)}")
    if isinstance(value, origin) and not (isinstance(value, bool) and hint is not bool):
        return value
    raise ParameterError(f"{path} must be {_WHAT_IT_IS.get(origin, origin)}, not {_shown(value)}")


def _shown(value: Any) -> str:
    """Return a value for a message as the file has it, if it is not long."""
    return f"{json.dumps(value, ensure_ascii=False, default=str):.60}"


def read_toml(cls: type[T], path: Path) -> T:
    """Read the configuration `cls` from a TOML file.

    Raises
    ------
    ParameterError
        If the file cannot be read, is not TOML, or holds settings `cls` does not have.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ParameterError(f"cannot read the configuration {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"the configuration {path} is not UTF-8; save it as that") from error
    except ValueError as error:
        raise ParameterError(f"{path} is not valid TOML: {error}") from error
    except RecursionError:
        raise ParameterError(f"{path} is not valid TOML: it is nested too deeply") from None
    try:
        return from_dict(cls, values)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from error


def to_toml(config: Any) -> str:
    """Return a configuration as TOML text that `read_toml` reads back to the same."""
    lines: list[str] = []
    _append_table(lines, "", to_dict(config))
    return "\n".join(lines) + "\n"


def _append_table(lines: list[str], path: str, values: dict[str, Any]) -> None:
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if path and (plain or not values):
        lines.extend(([""] if lines else []) + [f"[{path}]"])
    lines.extend(f"{key} = {_toml_value(value)}" for key, value in plain.items())
    for key, value in values.items():
        if isinstance(value, dict):
            _append_table(lines, f"{path}.{key}" if path else key, value)


def _toml_value(value: Any) -> str:
    # JSON writes booleans, finite numbers, strings and lists as TOML does.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
