"""Parameters of estimators in scikit-learn's manner, and their form in files."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from oubli.errors import InputError


class Parameterised:
    """Base of what keeps its constructor's arguments as given, under their names."""

    _parameter_names: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # Asked for at every call of a fitted model, so looked up once a class.
        cls._parameter_names = tuple(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments by name; those of estimators within as ``name__parameter``."""
        params = {name: getattr(self, name) for name in self._parameter_names}
        if deep:
            for name, value in list(params.items()):
                if isinstance(value, Parameterised):
                    params.update({f"{name}__{k}": v for k, v in value.get_params().items()})
        return params

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments by name; takes effect with the next `fit`."""
        known = self.get_params(deep=False)
        for name, value in params.items():
            first, _, rest = name.partition("__")
            if first not in known:
                raise InputError(f"{type(self).__name__} has no parameter {first!r}; it has {', '.join(known)}")
            if rest:
                if not isinstance(known[first], Parameterised):
                    raise InputError(f"{name}: {first} is {known[first]!r}, which has no parameters; set {first} first")
                known[first].set_params(**{rest: value})
            else:
                setattr(self, first, value)
        return self

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.get_params(deep=False).items())
        return f"{type(self).__name__}({given})"

    def describe(self) -> dict[str, Any]:
        """Return class and parameters as plain values that JSON keeps as they are."""
        return {
            "class": type(self).__name__,
            "params": {name: _plain(value) for name, value in self.get_params(deep=False).items()},
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> Self:
        """Return the unfitted estimator that `describe` described."""
        return cls(**{name: _unplain(value) for name, value in description["params"].items()})


def numbers(given: Any, name: str) -> list[float]:
    """Return one number or several as a list, ascending.

    Raises
    ------
    InputError
        When there is none, or something else among them.
    """
    several = isinstance(given, list | tuple) or (isinstance(given, np.ndarray) and given.ndim == 1)
    listed = [v.item() if isinstance(v, np.generic) else v for v in (given if several else [given])]
    if not listed:
        raise InputError(f"{name}: the sequence is empty; give at least one value")
    for value in listed:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{name}: expected numbers, got {value!r}")
    try:
        return sorted(float(value) for value in listed)
    except OverflowError:
        raise InputError(f"{name}: a number is too large") from None


def check_integer(given: Any, name: str, least: int, most: int) -> None:
    """Check an integer parameter.

    Raises
    ------
    InputError
        When it is something else, or out of range.
    """
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or not least <= given <= most:
        raise InputError(f"{name}: expected an integer from {least} to {most}, got {given!r}")


def check_choice(given: Any, name: str, choices: Iterable[Any]) -> None:
    """Check a parameter that has a few values, by type as well: 1 equals True, and an array equals nothing.

    Raises
    ------
    InputError
        When it is none of them.
    """
    known = list(choices)
    if not any(type(given) is type(choice) and given == choice for choice in known):
        raise InputError(f"{name}: expected one of {', '.join(map(repr, known))}, got {given!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, Parameterised):
        return value.describe()
    if isinstance(value, Mapping):
        return {"pairs": sorted([_plain(k), _plain(v)] for k, v in value.items())}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(v) for v in (value.tolist() if isinstance(value, np.ndarray) else value)]
    return value.item() if isinstance(value, np.generic) else value


def _unplain(value: Any) -> Any:
    if isinstance(value, dict) and "pairs" in value:
        return dict(map(tuple, value["pairs"]))
    if isinstance(value, dict) and "class" in value:
        return estimator_class(value["class"]).from_description(value)
    return [_unplain(v) for v in value] if isinstance(value, list) else value


def estimator_class(name: str) -> type[Any]:
    """Return the estimator class of that name.

    Raises
    ------
    InputError
        When there is none, as for a model of a later version.
    """
    waiting = [Parameterised]
    while waiting:
        known = waiting.pop()
        if known.__name__ == name and not inspect.isabstract(known):
            return known
        waiting += known.__subclasses__()
    raise InputError(
        f"no estimator is called {name!r} here; import it first if it is one of oubli.baselines or your own, else fit "
        "again with this version of oubli"
    )
