"""What two encoders are called where there is little room: the last part of their ids; which is before, and after."""

from pathlib import PurePath

LONGEST = 32  # characters


def short_names(first: str, second: str) -> tuple[str, str]:
    """Two ids or paths by their last parts, as many as it takes to tell them apart; a long name loses its middle."""
    parts = [PurePath(name).parts or (name,) for name in (first, second)]
    for n_parts in range(1, max(map(len, parts)) + 1):
        names = tuple(_cut("/".join(one[-n_parts:])) for one in parts)
        if names[0] != names[1]:
            return names
    return tuple(_cut(one[-1]) for one in parts)


def before_and_after(before: str | None, after: str | None) -> dict[str, str]:
    """ "before" and "after" -> what each is called in figures; of encoders without a name, just that."""
    if before is None or after is None:
        return {"before": "before", "after": "after"}
    first, second = short_names(before, after)
    return {"before": f"{first} (before)", "after": f"{second} (after)"}


def short_name(name: str) -> str:
    """The last part of one id or path."""
    return short_names(name, name)[0]


def _cut(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    half = (LONGEST - 1) // 2
    return f"{name[: LONGEST - 1 - half]}…{name[-half:]}"
