"""What the schemas of all nouns share. Answers have no defaults, so that clients see which fields are always there."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Answer(BaseModel):
    """Something we answer, often read from a row."""

    model_config = ConfigDict(from_attributes=True)


class Page(Answer, Generic[Item]):
    """Part of a list; `next` goes back as ``after=`` and is null at the end."""

    items: list[Item]
    next: str | None


class Body(BaseModel):
    """Something we are sent: unknown fields and loose types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Reason(Body):
    """Why."""

    reason: str
