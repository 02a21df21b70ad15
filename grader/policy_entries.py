"""What `policies:` in a rubric says: one class for each kind of policy, with its own options.

Plain data. A policy is judged in `grader.submission.policies`, and priced in `grader.penalties`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)


class Price(BaseModel):
    """What breaking a policy costs: points, or a share of the assignment's points."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    points: float = 0.0
    share: float = 0.0

    def of(self, total: float) -> float:
        """The price in points where the assignment has `total`."""
        return self.points + self.share * total


def _read_price(value: Any) -> Price:
    if isinstance(value, Price):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return Price(points=float(value))
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError("write points, such as 2, or a share of the total, such as 20%")
    return Price(share=float(match[1]) / 100)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


Cost = Annotated[Price, BeforeValidator(_read_price)]
Pattern = Annotated[str, AfterValidator(_compiles)]
Words = Annotated[tuple[str, ...], Field(min_length=1)]


class PolicyBase(BaseModel):
    """What every policy has: its price, its switch, and the title that a report shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    TITLE: ClassVar[str]

    policy: str
    price: Cost
    enabled: bool = True
    title: str = ""

    @model_validator(mode="before")
    @classmethod
    def _has_a_title(cls, data: Any) -> Any:
        return {"title": cls.TITLE, **data} if isinstance(data, dict) else data


class Names(PolicyBase):
    """Files are named by `pattern`, which is matched to the whole name without its ending.

    `example` shows students how. A file that came alone is judged only with `alone`: on its
    way here somebody may have renamed it.
    """

    TITLE = "File names"
    policy: Literal["names"]
    pattern: Pattern
    example: str = ""
    endings: Words = (".ipynb", ".pdf", ".zip")
    alone: bool = False


class Pdf(PolicyBase):
    """A PDF lies beside the notebook in the ZIP or folder."""

    TITLE = "PDF handed in"
    policy: Literal["pdf"]


class Headings(PolicyBase):
    """Solutions start with a bold red line that holds one of `words` and names the part.

    Which lines there must be is read off the template's own. With `proportional` each missing
    one costs its share of the price.
    """

    TITLE = "Bold red headings"
    policy: Literal["headings"]
    words: Words = ("solution",)
    proportional: bool = True


class Protected(PolicyBase):
    """Code below a line that holds one of `below`, or above one of `above`, is the template's."""

    TITLE = "Protected code"
    policy: Literal["protected"]
    below: Words
    above: tuple[str, ...] = ()


class Executed(PolicyBase):
    """Cells were run from top to bottom, and what they printed is there.

    `never_run` says what a notebook means that has no execution counts and no outputs at all.
    """

    TITLE = "Cells run in order"
    policy: Literal["executed"]
    never_run: Literal["broken", "undecided"] = "broken"


class Questions(PolicyBase):
    """The template's headings that match `pattern`, and not `but_not`, are there in its order."""

    TITLE = "Questions in order"
    policy: Literal["questions"]
    pattern: Pattern
    but_not: Pattern | None = None


class Comments(PolicyBase):
    """The student's own code has comments: at least one for so many lines of it.

    With fewer than `from_lines` lines there is nothing to judge.
    """

    TITLE = "Comments in the code"
    policy: Literal["comments"]
    one_in: int = Field(default=40, ge=1)
    from_lines: int = Field(default=20, ge=1)


class Lateness(PolicyBase):
    """Handed in by `due`, in the time zone `zone` where `due` names none.

    `price` is taken once, or with `per_day` for each day begun, and never more than `at_most`.
    `arranged` gives other dates to some, by the id or name of a submission.
    """

    TITLE = "Handed in on time"
    policy: Literal["lateness"]
    due: datetime
    zone: str | None = None
    per_day: bool = False
    at_most: Cost | None = None
    grace_minutes: float = Field(default=0, ge=0)
    arranged: dict[str, datetime] = Field(default_factory=dict)

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, name: str | None) -> str | None:
        try:
            if name is not None:
                ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"no time zone {name!r}: try America/New_York or UTC") from error
        return name

    @model_validator(mode="after")
    def _dates_have_a_zone(self) -> Lateness:
        if self.zone is None:
            for date in (self.due, *self.arranged.values()):
                if date.tzinfo is None:
                    raise ValueError(f"{date:%Y-%m-%d %H:%M} has no time zone: give `zone`")
        return self

    def zoned(self, date: datetime) -> datetime:
        """`date` with this policy's zone where it has none of its own."""
        if date.tzinfo is not None:
            return date
        return date.replace(tzinfo=ZoneInfo(self.zone) if self.zone else self.due.tzinfo)


POLICIES: dict[str, type[PolicyBase]] = {
    "names": Names,
    "pdf": Pdf,
    "headings": Headings,
    "protected": Protected,
    "executed": Executed,
    "questions": Questions,
    "comments": Comments,
    "lateness": Lateness,
}

PolicyEntry = Annotated[
    Names | Pdf | Headings | Protected | Executed | Questions | Comments | Lateness,
    Field(discriminator="policy"),
]
