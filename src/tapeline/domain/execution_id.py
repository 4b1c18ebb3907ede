"""Ids of executions: the venue's own, the versions of one, and the names under which it comes back.

    E7, E7~2, E7~3     reported, and corrected twice: the newest stands whatever road it came
    E7~01, E7~001      E7 once more, after it was taken out because the venue did not show it, and after that again;
                       or as the venue lists it, after it had been booked with other numbers
    E7~02              the same of E7~2
    E7~~2, E7~~2~2     what a venue itself calls E7~2, and its correction

An adapter names executions by `name_of`. Our mark is an odd number of tildes before the last digits: those of a venue's
own id that stand before its last digits, or before our mark, are doubled. So no two executions share a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tapeline.domain.execution import Execution

_NUMBERED = re.compile(r"(.*?)(~+)([0-9]+)", re.DOTALL)


def name_of(venue_id: str, version: int = 1) -> str:
    """Return the id here of an execution that the venue calls so; version : 2 after its first correction, and so on."""
    numbered = _NUMBERED.fullmatch(venue_id)
    key = venue_id if numbered is None else f"{numbered[1]}{2 * numbered[2]}{numbered[3]}"
    return key if version == 1 else versioned(key, version)


def versioned(key: str, version: int | str) -> str:
    """Return the name of a version of an execution."""
    begin = key.rstrip("~")
    return f"{begin}{2 * key.removeprefix(begin)}~{version}"


def version_of(execution_id: str) -> tuple[str, int]:
    """Return the key of an execution, which all its versions share, and the number of the version."""
    key, digits = _parted(execution_id)
    return key, int(digits)


def returned_name(execution_id: str) -> str:
    """Return the name of an execution as the venue lists it, after this name was given up; of the same version."""
    key, digits = _parted(execution_id)
    return versioned(key, f"0{digits}")


def newest_versions(executions: Iterable[Execution]) -> list[Execution]:
    """Return executions without those of which a newer version is among them."""
    newest: dict[str, Execution] = {}
    for execution in executions:
        key, version = version_of(execution.execution_id)
        if key not in newest or version > version_of(newest[key].execution_id)[1]:
            newest[key] = execution
    return list(newest.values())


def _parted(execution_id: str) -> tuple[str, str]:
    numbered = _NUMBERED.fullmatch(execution_id)
    if numbered is None or len(numbered[2]) % 2 == 0:
        return execution_id, "1"
    key = numbered[1] + numbered[2][: len(numbered[2]) // 2]
    return (key, numbered[3]) if key else (execution_id, "1")
