"""Names of executions: the versions of one, and the names under which it comes back.

    E7, E7~2, E7~3     reported, and corrected twice: the newest stands whatever road it came
    E7~01, E7~001      E7 once more, after it was taken out because the venue did not show it, and after that again
    E7~02              the same of E7~2

An adapter makes the numbers behind a tilde, from 2 on and without zeros before them; what it passes on as the venue's
own id has none (`ports/broker.py`). So no two executions share a name.
"""

from __future__ import annotations

from collections.abc import Iterable

from tapeline.domain.execution import Execution


def version_of(execution_id: str) -> tuple[str, int]:
    """Return the key of an execution, which all its versions share, and the number of the version."""
    key, _, version = execution_id.rpartition("~")
    return (key, int(version)) if key and version.isdecimal() else (execution_id, 1)


def returned_name(execution_id: str) -> str:
    """Return the name under which an execution comes back that was taken out under this one; of the same version."""
    key, version = version_of(execution_id)
    digits = execution_id.removeprefix(f"{key}~") if execution_id != key else str(version)
    return f"{key}~0{digits}"


def newest_versions(executions: Iterable[Execution]) -> list[Execution]:
    """Return executions without those of which a newer version is among them."""
    newest: dict[str, Execution] = {}
    for execution in executions:
        key, version = version_of(execution.execution_id)
        if key not in newest or version > version_of(newest[key].execution_id)[1]:
            newest[key] = execution
    return list(newest.values())
