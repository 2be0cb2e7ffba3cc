"""With a model elsewhere the same commands work, and nothing local is loaded."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from crm.models import Conversation, Opportunity, Participant
from crm.store import Store
from tests.fake_endpoint import FakeEndpoint, says
from tests.test_cli_errors import CALL, NEEDS_MODEL, filled, home, run

__all__ = ["filled", "home"]

LOCAL = ("xllamacpp", "faster_whisper", "ctranslate2", "copilot.llm.llama")
RUN = f"""\
import json, sys
from copilot.cli.main import app
try:
    app(json.loads(sys.argv[1]))
except SystemExit as left:
    loaded = [name for name in {LOCAL!r} if name in sys.modules]
    print(json.dumps({{"code": left.code, "loaded": loaded}}), file=sys.stderr)
"""


def call(*args: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a command line in a process of its own; returns its document and what was loaded."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(args)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[1],
        check=True,
    )
    return json.loads(done.stdout), json.loads(done.stderr.splitlines()[-1])


@pytest.fixture(params=["SALES_COPILOT_LLM", "OPENAI"])
def endpoint(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeEndpoint]:
    fake = FakeEndpoint(says('{"relevant": ["F1"], "summary": ""}'))
    monkeypatch.setenv(f"{request.param}_BASE_URL", fake.url)
    monkeypatch.setenv(f"{request.param}_MODEL", "fake-large")
    monkeypatch.setenv(f"{request.param}_API_KEY", "sk-test")
    yield fake
    fake.close()


def test_a_question_goes_to_the_endpoint_and_loads_nothing_local(
    filled: Path, endpoint: FakeEndpoint
) -> None:
    answer, ended = call("ask", NEEDS_MODEL, "--json")
    assert ended == {"code": 0, "loaded": []}, answer
    assert answer["status"] == "answered"
    assert "single sign-on" in answer["answer"]
    assert endpoint.requests[0]["model"] == "fake-large"
    assert endpoint.keys == ["Bearer sk-test"]


def test_a_draft_is_written_by_the_endpoint_and_loads_nothing_local(
    filled: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = "You asked where your data will be kept."
    said = "Our security team needs single sign-on before we sign."
    asked = CALL.replace(said, "Where will our data be kept?")
    (tmp_path / "asked.vtt").write_text(asked, encoding="utf-8")
    assert run("ingest", "calls", "asked.vtt", "--embed", "later").exit_code == 0
    store = Store.sqlite(filled / "crm.db")
    with store.session() as session:
        deal = session.scalars(select(Opportunity).where(Opportunity.external_id == "D00001")).one()
        session.execute(
            update(Conversation).values(opportunity_id=deal.id, account_id=deal.account_id)
        )
        session.execute(
            update(Participant).where(Participant.name == "Mary North").values(side="customer")
        )
    store.close()
    fake = FakeEndpoint(says(json.dumps({"sentence": sentence})))
    monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
    monkeypatch.setenv("OPENAI_MODEL", "fake-large")
    made, ended = call(
        "draft", "email", "--opportunity", "D00001", "--purpose", "follow up", "--json"
    )
    fake.close()
    assert ended["loaded"] == []
    assert fake.requests
    assert ended["code"] == (0 if made["status"] == "answered" else 3)
    assert made["status"] == "answered", made
