"""Minutes for people."""

NEAR = 0.25
"""A number of minutes this close to a whole one is shown as that one."""


def number(value: float) -> str:
    """1 and not 1.003, but 18.7."""
    whole = round(value)
    return f"{whole}" if abs(value - whole) <= NEAR else f"{value:.1f}"
