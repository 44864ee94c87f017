"""The options of a request, checked against the model that an engine declares."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from tts_hub.backend import BackendOptions
from tts_hub.errors import UnsupportedOptionError, one_of, shown


def checked_options(
    engine: str, model: type[BackendOptions], given: Mapping[str, object]
) -> Mapping[str, object]:
    """The options of a request by the model of an engine, defaults included.

    Raises:
        UnsupportedOptionError: an option is unknown or has a wrong value.
    """
    try:
        options = model.model_validate(dict(given)).model_dump()
    except ValidationError as exc:
        error = exc.errors()[0]
        name = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            message = f"engine {engine!r} has no option {shown(name)}; {one_of(name, model.model_fields)}"
        else:
            message = f"option {shown(name)} of engine {engine!r} is {shown(error['input'])}: "
            message += error["msg"].lower()
        raise UnsupportedOptionError(message, param=f"options.{name}") from exc
    for name, value in given.items():  # pydantic takes true for 1
        taken = options.get(name)
        if isinstance(value, bool) and isinstance(taken, int | float) and not isinstance(taken, bool):
            message = f"option {shown(name)} of engine {engine!r} is a number, not {shown(value)}"
            raise UnsupportedOptionError(message, param=f"options.{name}")
    return options
