"""Who has to do with the project: names for reports, and whose key pairs an administrator looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chi_helpers.model.errors import SiteError
from chi_helpers.sites.waiting import read

if TYPE_CHECKING:
    from collections.abc import Collection

    from chi_helpers.sites.session import Session


class People:
    """Remembers everyone who was ever in view, and the names, which do not change.

    A key pair is its user's, not the project's. Were a user forgotten whose last instance has gone, the key
    pair would seem to be gone, too.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: set[str] = set()
        self._names: dict[str, str] = {}

    def everyone(self, users: Collection[str]) -> list[str]:
        """`users`, all that were in view before, and the project's members. Raises `SiteError`."""
        query = {"scope.project.id": self._session.project_id, "effective": "", "include_names": ""}
        doing = "list the project's members"
        try:
            answer = self._get(doing, "/role_assignments", query)
            members = [found["user"] for found in answer["role_assignments"] if "user" in found]
            self._names |= {str(user["id"]): str(user["name"]) for user in members}
        except (ValueError, KeyError, TypeError) as error:
            raise SiteError(f"The answer to the request to {doing} cannot be read: {error!r}") from error
        self._seen |= {*users, *(str(user["id"]) for user in members)}
        return sorted(self._seen)

    def names(self, users: Collection[str]) -> dict[str, str]:
        """Names of users, as far as Keystone tells; each is asked for once."""
        self._seen |= set(users)
        for user in self._seen - self._names.keys():
            try:
                self._names[user] = str(self._get("look at a user", f"/users/{user}", {})["user"]["name"])
            except (SiteError, ValueError, KeyError, TypeError):
                continue  # a name is a help, never needed
        return {user: self._names[user] for user in self._seen if user in self._names}

    def _get(self, doing: str, path: str, query: dict[str, str]) -> Any:
        url = f"{self._session.credentials.auth_url.rstrip('/')}{path}"
        return read(doing, lambda: self._session.conn.session.get(url, params=query)).json()
