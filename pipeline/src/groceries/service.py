"""The service: predictions by the model in production, over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from groceries.asked import Asked
from groceries.bounds import Bounded
from groceries.follower import Follower, Served
from groceries.gauges import Gauges
from groceries.stops import Stop, unknown

MOST = 1000
"""Stops in one request."""

BYTES = 1 << 20
"""Of one request's body."""

AT_ONCE = 64
"""Requests that are worked on at a time; others are told to come back."""

PATHS = ("/predict", "/version", "/healthz", "/drift", "/metrics")


class Question(BaseModel):
    """Stops to predict."""

    model_config = ConfigDict(extra="forbid")

    stops: Annotated[list[Stop], Field(min_length=1, max_length=MOST)]


class Answer(BaseModel):
    """How long each stop will take, in the order of the question, and by which version."""

    minutes: list[float]
    version: str


def application(follower: Follower, asked: Asked) -> FastAPI:
    """The service's application."""
    gauges = Gauges(follower, asked)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        follower.start()
        yield
        follower.stop()
        asked.close()

    app = FastAPI(title="Minutes of a stop", lifespan=life, docs_url=None, redoc_url=None)
    app.add_middleware(Bounded, most=BYTES)
    app.middleware("http")(_watching(gauges))

    app.exception_handler(RequestValidationError)(_wrong)

    def current() -> Served:
        if (served := follower.served) is None:
            raise HTTPException(503, f"no model is served: {follower.trouble}")
        return served

    @app.post("/predict")
    def predict(question: Question) -> Answer:
        served = current()
        _known(question, served)
        minutes = [
            round(value, 4) for value in served.package.minutes(served.package.seen(question.stops)).tolist()
        ]
        for value in minutes:
            gauges.minutes.labels(served.name).observe(value)
        asked.take(question.stops, minutes, served.name)
        return Answer(minutes=minutes, version=served.name)

    @app.get("/version")
    def version() -> dict[str, Any]:
        return current().document()

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        served, trouble = current(), follower.trouble
        return {"status": "stale" if trouble else "ok", "version": served.name, "registry": trouble}

    @app.get("/drift")
    def drift() -> dict[str, Any]:
        return asked.drift(current())

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(gauges.registry), media_type=CONTENT_TYPE_LATEST)

    return app


def _known(question: Question, served: Served) -> None:
    """Raises RequestValidationError where the model knows nothing of what is asked."""
    serving = served.package.serving
    wrong = [
        {
            "type": "unknown",
            "loc": ("body", "stops", number, name),
            "msg": says,
        }
        for number, name, says in unknown(question.stops, serving.cities, serving.ranges)
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _wrong(_request: Request, error: RequestValidationError) -> JSONResponse:
    """What is wrong with a request, and where, without sending it back: not all that came can be sent."""
    detail = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
    return JSONResponse({"detail": detail}, status_code=422)


Next = Callable[[Request], Awaitable[Response]]


def _watching(gauges: Gauges) -> Callable[[Request, Next], Awaitable[Response]]:
    """Counts every request, whatever comes of it."""

    async def watch(request: Request, call_next: Next) -> Response:
        begun = time.perf_counter()
        status = 500
        try:
            response = await call_next(request)
            status = response.status_code
            return response
        finally:
            path = request.url.path if request.url.path in PATHS else "other"
            gauges.requests.labels(path, str(status)).inc()
            gauges.seconds.labels(path).observe(time.perf_counter() - begun)

    return watch


def serve(uri: str, host: str, port: int, folder: Path, every: float) -> None:
    """Serve until told to stop. `folder` is where models and requests are kept."""
    follower = Follower(uri, folder / "models", every)
    app = application(follower, Asked(folder / "asked"))
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        server_header=False,
        limit_concurrency=AT_ONCE,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
    )
