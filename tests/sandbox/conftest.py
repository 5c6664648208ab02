"""A running sandbox, reset before each test, and a small handle to drive it."""

from __future__ import annotations

import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tui_connector.sandbox.seed.model import FINANCE_HUB, WORKSPACE_ID
from tui_connector.sandbox.server import SandboxOptions, SandboxServer, build_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EMAIL, PASSWORD = "integration@example.com", "sandbox-secret-2"
DEADLINE = 20.0


class SandboxHandle:
    """Where the sandbox listens, its control API, and plain calls of the Anaplan tenant."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.control = httpx.Client(base_url=f"{url}/_sandbox", trust_env=False, timeout=30)
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def reset(self) -> None:
        """Back to the seed (the Anaplan tenant only, the other one is costly and not touched here)."""
        self.control.post("/reset", json={"only": ["anaplan"]}).raise_for_status()
        self.http.cookies.clear()

    def set(self, **switches: object) -> None:
        """Turn switches of the Anaplan tenant."""
        answer = self.control.patch("/anaplan/settings", json=switches)
        assert answer.status_code == 200, answer.text

    def fault(self, **rule: object) -> None:
        """Lay down a fault rule."""
        assert self.control.post("/faults", json=rule).status_code == 201

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self.control.post("/clock", json={"advance": seconds}).raise_for_status()

    def look(self, path: str) -> Any:
        """A GET of the control API, decoded."""
        answer = self.control.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tell(self, path: str, **body: object) -> Any:
        """A POST of the control API, decoded."""
        answer = self.control.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def login(self, email: str = EMAIL, password: str = PASSWORD) -> str:
        """A token value by basic login."""
        answer = self.http.post("/token/authenticate", auth=(email, password))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["tokenInfo"]["tokenValue"])

    def model(self, model: str = FINANCE_HUB, email: str = EMAIL, password: str = PASSWORD) -> ModelHandle:
        """A logged-in client of one model."""
        return ModelHandle(self, model, self.login(email, password))


class ModelHandle:
    """Calls of one model, as short as a test wants them."""

    def __init__(self, sandbox: SandboxHandle, model: str, token: str) -> None:
        self.sandbox = sandbox
        self.stem = f"/2/0/workspaces/{WORKSPACE_ID}/models/{model}"
        self.short = f"/2/0/models/{model}"
        self.headers = {"Authorization": f"AnaplanAuthToken {token}"}

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One request below the model."""
        headers = {**self.headers, **given.pop("headers", {})}
        return self.sandbox.http.request(method, self.stem + path, headers=headers, **given)

    def get(self, path: str, **given: Any) -> Any:
        """A decoded GET that must succeed."""
        answer = self.call("GET", path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def id_of(self, kind: str, name: str) -> str:
        """The id behind a name."""
        return next(str(one["id"]) for one in self.get(f"/{kind}")[kind] if one["name"] == name)

    def upload(self, name: str, text: str | bytes) -> str:
        """Upload a whole file in one chunk; returns its id."""
        file = self.id_of("files", name)
        body = text.encode() if isinstance(text, str) else text
        assert self.call("POST", f"/files/{file}", json={"chunkCount": -1}).status_code == 200
        assert self.call("PUT", f"/files/{file}/chunks/0", content=body).status_code == 204
        answer = self.call("POST", f"/files/{file}/complete", json={"id": file})
        assert answer.json()["file"]["chunkCount"] == 1
        return file

    def start(self, kind: str, name: str) -> str:
        """Start a task; returns the path of its polls."""
        path = f"/{kind}/{self.id_of(kind, name)}/tasks"
        answer = self.call("POST", path, json={"localeName": "en_US"})
        assert answer.status_code == 200, answer.text
        return f"{path}/{answer.json()['task']['taskId']}"

    def wait(self, path: str, *states: str) -> dict[str, Any]:
        """Poll a task until it is in one of the states (by default: until it ended)."""
        wanted = states or ("COMPLETE", "CANCELLED")
        task: dict[str, Any] = wait_for(lambda: self.get(path)["task"], lambda task: task["taskState"] in wanted)
        return task

    def run(self, kind: str, name: str) -> dict[str, Any]:
        """Run an action to its end; returns the task."""
        return self.wait(self.start(kind, name))

    def load(self, file: str, text: str | bytes, name: str) -> dict[str, Any]:
        """Upload, import, and return the result."""
        self.upload(file, text)
        result: dict[str, Any] = self.run("imports", name)["result"]
        return result


def wait_for(ask: Callable[[], Any], good: Callable[[Any], bool], deadline: float = DEADLINE) -> Any:
    """Ask again and again until the answer is good; fails after the deadline."""
    end = time.monotonic() + deadline
    while True:
        answer = ask()
        if good(answer):
            return answer
        assert time.monotonic() < end, f"still {answer}"
        time.sleep(0.01)


def flat_map(detail: dict[str, Any]) -> dict[str, Any]:
    """The flat key/value list of a result detail as a map."""
    values = detail["values"]
    return dict(zip(values[::2], values[1::2], strict=True))


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxHandle]:
    """One sandbox for the whole session, in a thread."""
    ready = Event()
    served = SandboxServer(build_sandbox(SandboxOptions(line_items=200)), 0, lambda _: ready.set())
    thread = Thread(target=served.serve_until_stopped, daemon=True)
    thread.start()
    assert ready.wait(30)
    yield SandboxHandle(f"http://127.0.0.1:{served.port}")
    served.should_exit = True
    thread.join(10)


@pytest.fixture
def sandbox(server: SandboxHandle) -> SandboxHandle:
    """The sandbox as it was when it started, with quick tasks."""
    server.reset()
    server.set(task_seconds=0.05, task_queue_seconds=0.0, cancel_seconds=0.0)
    return server


@pytest.fixture
def hub(sandbox: SandboxHandle) -> ModelHandle:
    """The model "Finance Hub", logged in."""
    return sandbox.model()
