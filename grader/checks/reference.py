"""The assignment's reference solution as a check sees it: `reference.sigmoid(z)` -> `Expected`."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from grader.checks.oracle import Expected, error_model
from grader.errors import UsageError
from grader.variants import KnownMistake, Mistake

# The latest answers of reference functions: pure functions of what they are asked.
_ANSWERS: OrderedDict[Any, Expected] = OrderedDict()
_MOST_ANSWERS = 4096


class Reference:
    """All public names of the modules in one reference folder.

    Functions are called with copies of their arguments and answer with an `Expected`; what they
    answer must depend on these alone. Classes and constants are given as they are.
    """

    def __init__(self, folder: Path) -> None:
        self._names: dict[str, Any] = {}
        self._originals: dict[str, Any] = {}
        for module in _load(folder):
            for name, value in vars(module).items():
                if not name.startswith("_") and _owned(value, module):
                    self._names[name] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            value = self._names[name]
        except KeyError:
            known = ", ".join(sorted(self._names))
            raise UsageError(f"the reference has no {name!r}; it has: {known}") from None
        if not inspect.isfunction(value):
            return value
        return _Variant(value, self._originals[name]) if name in self._originals else _Oracle(value)

    def replaced(self, source: str) -> Reference:
        """This reference with the names that `source` defines in place of its own.

        The source sees all names of the reference, `np` and `torch`. An answer keeps the
        largest error of the reference's own. Raises UsageError where the source fails, or
        defines a name that the reference lacks.
        """
        space: dict[str, Any] = {"np": np, "torch": torch, **self._names}
        try:
            exec(compile(source, "<variant>", "exec"), space)
        except Exception as error:
            raise UsageError(f"a variant fails: {type(error).__name__}: {error}") from error
        told = {n: v for n, v in space.items() if n in self._names and v is not self._names[n]}
        if not told:
            raise UsageError(f"a variant replaces no name of the reference: {source[:60]!r}")
        other = copy.copy(self)
        other._names = {**self._names, **told}
        other._originals = {n: self._names[n] for n in told}
        return other

    def mistaken(self, mistake: KnownMistake, form: int) -> Reference:
        """This reference with one form of a known mistake in place of the right answer."""
        if not isinstance(mistake, Mistake):
            raise UsageError(f"of {mistake.id} only the name is known")
        return self.replaced(mistake.oracles[form])

    def is_replaced(self, name: str) -> bool:
        """Whether a variant stands in the place of the reference's own object of that name."""
        return name in self._originals

    def find(self, name: str) -> Any:
        """The reference's own object of that name, None where there is none."""
        return self._names.get(name)


class _Oracle:
    """A reference function that answers with value and error model.

    It is asked the same for each submission of a class: what it answered is kept.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self._model = error_model(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Expected:
        asked = _identity((args, kwargs))
        if asked is None:
            return self._compute(args, kwargs)
        key = (self._function, asked)
        if key not in _ANSWERS:
            _ANSWERS[key] = self._compute(args, kwargs)
            if len(_ANSWERS) > _MOST_ANSWERS:
                _ANSWERS.popitem(last=False)
        kept = _ANSWERS[key]
        return Expected(copy.deepcopy(kept.value), kept.error)

    def _compute(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Expected:
        value = self._function(*copy.deepcopy(args), **copy.deepcopy(kwargs))
        error = None
        if self._model is not None:
            error = self._model(*copy.deepcopy(args), **copy.deepcopy(kwargs))
        return Expected(value, error)


class _Variant:
    """A known wrong answer in the place of a reference function."""

    def __init__(self, function: Any, original: Any) -> None:
        self._function = function
        self._original = _Oracle(original)

    def __call__(self, *args: Any, **kwargs: Any) -> Expected:
        right = self._original(*args, **kwargs)
        with np.errstate(all="ignore"):
            value = self._function(*copy.deepcopy(args), **copy.deepcopy(kwargs))
        return wrong_answer(value, right)


def wrong_answer(value: Any, right: Expected) -> Expected:
    """What a known mistake answers; its error is the largest of the right answer's."""
    return Expected(value, _spread(value, _largest(right)))


def _largest(told: Expected) -> float:
    """The largest error of an answer, over all arrays in it."""
    error = told.value if told.error is None else told.error
    if isinstance(error, list | tuple):
        return max((_largest(Expected(item)) for item in error), default=0.0)
    numbers = np.abs(np.asarray(error, dtype=float))
    return float(numbers[np.isfinite(numbers)].max(initial=0.0))


def _spread(value: Any, error: float) -> Any:
    """One error for each number of an answer, and no less than a rounding of it."""
    if isinstance(value, Expected):
        return value.error
    if isinstance(value, list | tuple):
        return [_spread(item, error) for item in value]
    return np.maximum(np.abs(np.asarray(value, dtype=float)), error)


def _identity(value: Any) -> Any:
    """What makes two arguments the same to the reference; None where that cannot be told."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, list | tuple):
        inner = tuple(_identity(item) for item in value)
        return None if None in inner else (type(value), inner)
    if isinstance(value, dict):
        return _identity([list(value), list(value.values())])
    if value is None or isinstance(value, bool | int | float | str):
        return (type(value), repr(value))
    return None


def _owned(value: Any, module: ModuleType) -> bool:
    """Whether a name is the reference's own and not something that it imported."""
    owner = getattr(value, "__module__", None)
    package = module.__name__.rpartition(".")[0]
    return not inspect.ismodule(value) and (owner is None or str(owner).startswith(package))


def _load(folder: Path) -> list[ModuleType]:
    """Import the folder as a package of its own name, so that two assignments can coexist."""
    if not (folder / "__init__.py").is_file():
        raise UsageError(f"The reference folder {folder} has no __init__.py.")
    package = f"grader_reference_{folder.name}"
    loaded = sys.modules.get(package)
    if loaded is None or str(folder) not in loaded.__path__:
        for name in [n for n in sys.modules if n.split(".")[0] == package]:
            del sys.modules[name]
        _import(package, folder / "__init__.py", [str(folder)])
    loaded_modules = []
    for path in sorted(folder.glob("[!_]*.py")):
        try:
            loaded_modules.append(importlib.import_module(f"{package}.{path.stem}"))
        except Exception as error:
            raise UsageError(f"{path} fails: {type(error).__name__}: {error}") from error
    return loaded_modules


def _import(name: str, path: Path, search: list[str]) -> None:
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UsageError(f"{path} fails: {type(error).__name__}: {error}") from error
