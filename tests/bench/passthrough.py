"""A bare FastAPI pass-through, a gateway that does nothing.  `python -m tests.bench.passthrough UDS PORT`."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response


def create_app(upstream: str) -> FastAPI:
    """Return an application that sends each body on and the answer back."""
    client = httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=upstream), base_url="http://engine", timeout=60)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/chat/completions")
    async def forward(request: Request) -> Response:
        answer = await client.post(
            "/v1/chat/completions", content=await request.body(), headers={"Content-Type": "application/json"}
        )
        return Response(answer.content, status_code=answer.status_code, media_type="application/json")

    return app


if __name__ == "__main__":
    uvicorn.run(create_app(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False)
