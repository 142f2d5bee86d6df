# SPDX-License-Identifier: MIT
"""Data from strangers for listeners with ``type=``: what does not fit is a short ``TypeMismatch``, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import sigcore
from sigcore._typed import make_reader

msgspec = pytest.importorskip("msgspec")
pydantic = pytest.importorskip("pydantic")


@dataclasses.dataclass
class Picky:
    number: int = 0

    def __post_init__(self) -> None:
        if self.number == 7:
            raise KeyError("seven")
        if self.number == 8:
            raise RecursionError("eight")


class PickyModel(pydantic.BaseModel):  # type: ignore[misc,name-defined]  # pydantic is Any here
    number: int = 0
    numbers: list[int] | None = None

    @pydantic.field_validator("number")  # type: ignore[untyped-decorator]  # as above
    @classmethod
    def look(cls, number: int) -> int:
        if number == 7:
            raise KeyError("seven")
        return number


@pytest.mark.parametrize("wanted", [Picky, list[Picky], PickyModel])
def test_whatever_a_class_raises_against_data_is_a_type_mismatch(wanted: Any) -> None:
    data: Any = {"number": 7}
    with pytest.raises(sigcore.TypeMismatch, match="KeyError: 'seven'"):
        make_reader(wanted)([data] if wanted == list[Picky] else data)


def test_a_class_that_runs_out_of_stack_costs_the_data_only() -> None:
    with pytest.raises(sigcore.TypeMismatch, match="eight"):
        make_reader(Picky)({"number": 8})


@pytest.mark.parametrize("wanted", [int, float, bytes, list[int], Picky, PickyModel])
def test_a_message_about_much_data_is_short(wanted: Any) -> None:
    for data in ("\u20ac" * 1_000_000, ["x" * 50] * 100_000, {"numbers": ["x"] * 100_000, "number": "y" * 100_000}):
        with pytest.raises(sigcore.TypeMismatch) as caught:
            make_reader(wanted)(data)
        assert len(str(caught.value)) < 2500


def test_the_listeners_that_fit_hear_an_event_that_others_do_not_take() -> None:
    errors: list[Exception] = []
    heard: list[Any] = []
    router = sigcore.Router(on_error=errors.append)
    router.add_listener(lambda info, data: heard.append(data), event="reading", type=Picky)
    router.add_listener(lambda info, data: heard.append(data), event="reading")
    reading = router.add_sender("thermo", events=["reading"]).signal("reading")
    for data in ({"number": 7}, {"number": "x"}, 10**400, {"number": 1}):
        reading.trigger(data)
    assert heard == [{"number": 7}, {"number": "x"}, 10**400, Picky(1), {"number": 1}]
    assert len(errors) == 3
