"""Account activities from Alpaca's API: /v2/account/activities, page after page, the oldest first.

A page is asked for by the id of the last activity before it. What is too many questions (429) or a server out of breath
(500 to 504) is asked again after a pause; reading changes nothing, so asking twice does no harm. The keys are headers
of a request and stand in no address, message or journal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tapeline.domain.errors import DataError, InputError
from tapeline.ports.web import Web, WebAnswer
from tapeline.statements.model import NEW_YORK

LIVE, PAPER = "https://api.alpaca.markets", "https://paper-api.alpaca.markets"
PATH = "/v2/account/activities"
PAGE_SIZE = 100
PAGES_MAX = 100_000
TRIES = 5
PAUSE_S = 3.0
_AGAIN = (429, 500, 502, 503, 504)
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class AlpacaKeys:
    """A key and its secret; neither is shown when it is printed."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if not (_KEY.fullmatch(self.key_id) and _KEY.fullmatch(self.secret)):
            raise InputError(
                "The keys of Alpaca are missing or have blanks in them. Set APCA_API_KEY_ID and APCA_API_SECRET_KEY in "
                "the environment."
            )

    def headers(self) -> dict[str, str]:
        """Return the headers that prove who asks."""
        return {"APCA-API-KEY-ID": self.key_id, "APCA-API-SECRET-KEY": self.secret}


def fetch_activities(
    web: Web,
    keys: AlpacaKeys,
    first: date,
    last: date,
    pause: Callable[[float], None],
    base: str = LIVE,
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the activities of a period, both days of New York included, each with the words that name its place.

    pause : waits for seconds; base : address of the API, LIVE or PAPER
    Raises InputError for keys that are refused and a server that stays silent, DataError for an answer that is none.
    """
    zone = ZoneInfo(NEW_YORK)
    parameters = {
        "after": datetime.combine(first, time(), zone).isoformat(),
        "until": datetime.combine(last, time(23, 59, 59, 999_999), zone).isoformat(),
        "direction": "asc",
        "page_size": str(PAGE_SIZE),
    }
    seen: set[str] = set()
    for page in range(1, PAGES_MAX + 1):
        found = _page(_ask(web, keys, base + PATH, parameters, pause), page)
        for place, activity in enumerate(found, 1):
            yield f"page {page} entry {place}", activity
        if len(found) < PAGE_SIZE:
            return
        token = str(found[-1].get("id", ""))
        if not token or token in seen:
            raise DataError(f"Page {page} of the activities ends with id {token!r} as one before: pages in a circle.")
        seen.add(token)
        parameters["page_token"] = token
    raise DataError(f"The activities have more than {PAGES_MAX:,} pages. Ask for a shorter period.")


def _ask(
    web: Web, keys: AlpacaKeys, url: str, parameters: Mapping[str, str], pause: Callable[[float], None]
) -> WebAnswer:
    for attempt in range(1, TRIES + 1):
        answer = web.get(url, parameters, keys.headers())
        if answer.status not in _AGAIN or attempt == TRIES:
            break
        pause(PAUSE_S * attempt)
    if answer.status == 200:
        return answer
    if answer.status in (401, 403):
        raise InputError(
            f"Alpaca refuses the keys (status {answer.status}). See whether APCA_API_KEY_ID and APCA_API_SECRET_KEY "
            "are those of this account, and whether it is a paper account (--paper)."
        )
    raise InputError(f"Alpaca answers with status {answer.status} after {attempt} tries: {_message(answer)}")


def _page(answer: WebAnswer, page: int) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(answer.body, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError) as exc:
        raise DataError(f"Page {page} of the activities is no JSON ({exc}). Try again.") from exc
    if not isinstance(found, list) or not all(isinstance(activity, dict) for activity in found):
        raise DataError(f"Page {page} of the activities is no list of activities. Try again.")
    return found


def _message(answer: WebAnswer) -> str:
    try:
        found = json.loads(answer.body)
        return str(found["message"])[:200] if isinstance(found, dict) and "message" in found else "no message."
    except (ValueError, RecursionError):
        return "no message."
