"""Described: models for OpenAPI of what is encoded, and documents of what a model names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from pydantic import BaseModel, Field, create_model

_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {8,}.+)*)", re.MULTILINE)
"""A line of the section ``Attributes`` of a docstring, with the lines that go on with it."""


class Described(BaseModel):
    """A model that `described_by` gives fields, which type checkers do not see."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return a field."""


Model = TypeVar("Model", bound=Described)


def described_by(source: type, *without: str) -> Callable[[type[Model]], type[Model]]:
    """
    Give a model the fields of what is encoded, with what its docstring says of them.

    Args:
        source: A class with annotated attributes. Those that the model has itself, in other words, stay the model's.
        without: Attributes that are not told.
    """
    _, _, attributes = (inspect.getdoc(source) or "").partition("\nAttributes:\n")
    texts = {name: re.sub(r"\s+", " ", text).replace("None", "null") for name, text in _ATTRIBUTE.findall(attributes)}

    def describe(model: type[Model]) -> type[Model]:
        hints = {name: hint for name, hint in get_type_hints(source).items() if name not in without}
        added: dict[str, Any] = {
            name: (hint, Field(description=texts.get(name)))
            for name, hint in hints.items()
            if name not in model.model_fields
        }
        return create_model(model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **added)

    return describe


def document_of(model: type[BaseModel], source: object, **others: Any) -> dict[str, Any]:
    """
    Return what a model names of an object.

    Args:
        model: Its fields are the keys.
        source: Its attributes are the values.
        others: Values that are told in other words, or are no attributes.
    """
    return {name: getattr(source, name) for name in model.model_fields if name not in others} | others
