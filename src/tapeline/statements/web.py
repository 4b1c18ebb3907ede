"""The web by httpx2: no redirects, a time limit for everything, a limit on the length of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tapeline.domain.errors import InputError
from tapeline.ports.web import WebAnswer

if TYPE_CHECKING:
    import httpx2

TIMEOUT_S = 30.0
BODY_MAX_BYTES = 64_000_000
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class HttpWeb:
    """A `Web` over HTTP. Keys go over TLS only; plain HTTP is for servers on this machine."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S, body_max_bytes: int = BODY_MAX_BYTES) -> None:
        import httpx2

        self._body_max_bytes = body_max_bytes
        self._client: httpx2.Client = httpx2.Client(timeout=timeout_s, follow_redirects=False)

    def get(self, url: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> WebAnswer:
        """Return the answer to a GET request, whatever its status; see the port."""
        import httpx2

        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise InputError(f"{url} is no https address; keys are not sent without encryption. Write https://...")
        try:
            with self._client.stream("GET", url, params=dict(parameters), headers=dict(headers)) as answer:
                body = bytearray()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > self._body_max_bytes:
                        raise InputError(
                            f"{parts.hostname} answers with more than {self._body_max_bytes:,} bytes. Ask for less."
                        )
                named = {name.lower(): value for name, value in answer.headers.items()}
                return WebAnswer(answer.status_code, bytes(body), named)
        except httpx2.HTTPError as exc:
            reason = str(exc) or type(exc).__name__
            raise InputError(f"{parts.hostname} gave no answer ({reason}). See the connection and try again.") from exc

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def __enter__(self) -> HttpWeb:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
