"""MLflow: the versions of the model, which of them is in production, and a record of every run.

Only MLflow's client is used. Models are kept as what they are, a folder of three files, and not as one of
MLflow's flavours: those are pickles.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from groceries import package
from groceries.errors import UnreachableError, WrongFileError

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL, ALIAS, FOLDER = "stop-minutes", "production", "package"

MOST = 256 << 20
"""Bytes that a file of a version may have."""

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds; MLflow's own are 120, five times over
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""For MLflow's client, unless the environment says otherwise."""


@dataclass(frozen=True, slots=True)
class Version:
    """A registered model. `package` are its files' digests; what was not noted is empty or None."""

    number: int
    created: datetime
    git_commit: str
    data_version: str
    mae: float | None
    package: dict[str, str]
    run_id: str
    production: bool

    @property
    def name(self) -> str:
        return f"v{self.number}"


def default_uri(folder: Path) -> str:
    """Where MLflow is: MLFLOW_TRACKING_URI, or else a database in the working copy `folder`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder.resolve()}/mlflow.db"


def connect(uri: str) -> MlflowClient:
    """A client for the MLflow at `uri`. Nothing is asked yet."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Tell what MLflow's client raises as one kind of error, that says where MLflow was looked for."""
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, requests.RequestException, SQLAlchemyError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnreachableError(
            f"MLflow at {uri}: {first}", do="Does it run, and is MLFLOW_TRACKING_URI right?"
        ) from error


class Registry:
    """The versions of the model in one MLflow."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.client = connect(uri)

    def versions(self) -> list[Version]:
        """All versions, the first one first."""
        with told(self.uri):
            from mlflow.exceptions import MlflowException

            try:
                model = self.client.get_registered_model(MODEL)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return []
                raise
            current = model.aliases.get(ALIAS)
            found: list[Version] = []
            page: str | None = None
            while page is None or page:
                some = self.client.search_model_versions(f"name='{MODEL}'", page_token=page)
                found += [_version(each, current) for each in some]
                page = some.token or ""
        return sorted(found, key=lambda version: version.number)

    def production(self) -> Version | None:
        """The version in production, if one is."""
        with told(self.uri):
            from mlflow.exceptions import MlflowException

            try:
                found = self.client.get_model_version_by_alias(MODEL, ALIAS)
            except MlflowException as error:
                # A model without the alias is told as a wrong parameter.
                if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                    return None
                raise
        return _version(found, found.version)

    def add(
        self, run_id: str, *, git_commit: str, data_version: str, mae: float, files: dict[str, str]
    ) -> Version:
        """Register the package that was logged with a run. It comes whole, with all that is known of it."""
        with told(self.uri):
            from mlflow.exceptions import MlflowException

            try:
                self.client.create_registered_model(MODEL)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            tags = {
                "git_commit": git_commit,
                "data_version": data_version,
                "mae": repr(mae),
                "package": json.dumps(files),
            }
            source = f"{self.client.get_run(run_id).info.artifact_uri}/{FOLDER}"
            made = self.client.create_model_version(
                MODEL, source, run_id=run_id, tags=tags, await_creation_for=0
            )
            return _version(made, None)

    def promote(self, version: Version) -> None:
        """Put a version into production."""
        with told(self.uri):
            self.client.set_registered_model_alias(MODEL, ALIAS, str(version.number))

    def download(self, version: Version, folder: Path) -> None:
        """Bring a version's package to `folder`, all of it or nothing.

        Raises WrongFileError where the files are not those that were registered.
        """
        if not version.package:
            raise WrongFileError(f"{version.name}: was not registered by this pipeline", do="Choose another.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=".download-") as scratch, told(self.uri):
            listed = {
                Path(each.path).name: each.file_size or 0
                for each in self.client.list_artifacts(version.run_id, FOLDER)
            }
            if set(listed) != set(package.FILES) or max(listed.values()) > MOST:
                raise WrongFileError(
                    f"{version.name}: its artifacts are {', '.join(sorted(listed)) or 'gone'}, expected "
                    f"{', '.join(package.FILES)} of at most {MOST:,} bytes"
                )
            got = Path(self.client.download_artifacts(version.run_id, FOLDER, scratch))
            if package.manifest(got) != version.package:
                raise WrongFileError(f"{version.name}: its artifacts are not those that were registered")
            shutil.rmtree(folder, ignore_errors=True)
            got.rename(folder)


def _version(found: Any, current: object) -> Version:
    tags = found.tags
    try:
        files = json.loads(tags.get("package", "{}"))
        mae = float(tags["mae"]) if "mae" in tags else None
    except ValueError:
        files, mae = {}, None
    return Version(
        number=int(found.version),
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        git_commit=tags.get("git_commit", ""),
        data_version=tags.get("data_version", ""),
        mae=mae,
        package=files if isinstance(files, dict) else {},
        run_id=found.run_id or "",
        production=current is not None and str(found.version) == str(current),
    )
