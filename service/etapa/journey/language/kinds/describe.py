"""Conditions as text, as in the reasons of a stage change: `count(purchase, 90d) >= 3`."""

from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Not


def describe(condition: Condition) -> str:
    """The condition on one line. Nested `all` and `any` are in brackets."""
    match condition:
        case All(conditions):
            return " and ".join(_inner(each) for each in conditions)
        case AnyOf(conditions):
            return " or ".join(_inner(each) for each in conditions)
        case Not(negated):
            return "not " + _inner(negated)
        case _:
            return condition.text()


def _inner(condition: Condition) -> str:
    text = describe(condition)
    return f"({text})" if isinstance(condition, All | AnyOf) else text
