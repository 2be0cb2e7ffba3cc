from collections.abc import Iterator

import numpy as np
import pytest
from pydantic import SecretStr

from crm.errors import PermanentError, TransientError
from crm.index.embedders.endpoint import EndpointEmbedder
from tests.fake_endpoint import Answer, FakeEndpoint, fails

KEY = "sk-secret-1234"


def vectors(*rows: list[float]) -> Answer:
    data = [
        {"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    body = {"object": "list", "model": "fake", "usage": usage, "data": data[::-1]}
    return Answer(body=body)


@pytest.fixture
def served() -> Iterator[list[FakeEndpoint]]:
    running: list[FakeEndpoint] = []
    yield running
    for endpoint in running:
        endpoint.close()


def embedder(
    served: list[FakeEndpoint], *answers: Answer, **more: object
) -> tuple[EndpointEmbedder, FakeEndpoint]:
    endpoint = FakeEndpoint(*answers)
    served.append(endpoint)
    made = EndpointEmbedder(
        "embed-1",
        dimensions=2,
        base_url=endpoint.url,
        api_key=SecretStr(KEY),
        max_retries=1,
        **more,  # type: ignore[arg-type]
    )
    return made, endpoint


def test_vectors_come_back_in_the_order_of_the_texts_and_of_length_one(
    served: list[FakeEndpoint],
) -> None:
    made, endpoint = embedder(served, vectors([3.0, 4.0], [0.0, 2.0]))
    assert np.allclose(made.embed_passages(["a", "b"]), [[0.6, 0.8], [0.0, 1.0]])
    assert endpoint.requests[0]["input"] == ["a", "b"]
    assert endpoint.requests[0]["model"] == "embed-1"
    assert endpoint.keys == [f"Bearer {KEY}"]


def test_questions_and_passages_get_their_prefixes_and_clean_text(
    served: list[FakeEndpoint],
) -> None:
    made, endpoint = embedder(served, vectors([1.0, 0.0]), query_prefix="q: ", passage_prefix="p: ")
    made.embed_query("价格\x00\ud800")
    made.embed_passages(["价格"])
    assert [request["input"] for request in endpoint.requests] == [["q: 价格 ?"], ["p: 价格"]]


def test_many_texts_are_sent_in_parts(served: list[FakeEndpoint]) -> None:
    made, endpoint = embedder(served, vectors(*[[1.0, 0.0]] * 64), vectors(*[[0.0, 1.0]] * 6))
    found = made.embed_passages([str(number) for number in range(70)])
    assert [len(request["input"]) for request in endpoint.requests] == [64, 6]
    assert found[0].tolist() == [1.0, 0.0]
    assert found[69].tolist() == [0.0, 1.0]
    assert made.embed_passages([]).shape == (0, 2)


def test_a_busy_endpoint_is_asked_again(served: list[FakeEndpoint]) -> None:
    made, endpoint = embedder(served, fails(503, "busy"), vectors([1.0, 0.0]))
    assert made.embed_query("a").tolist() == [1.0, 0.0]
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (fails(503, f"busy {KEY}"), TransientError, "does not answer now"),
        (fails(429, "slow down"), TransientError, "slow down"),
        (fails(401, f"bad key {KEY}"), PermanentError, "refused the key"),
        (fails(404, "no model embed-1"), PermanentError, "no model embed-1"),
        (fails(400, "too long"), PermanentError, "too long"),
        (vectors([1.0, 0.0, 0.0]), PermanentError, r"\(1, 3\) instead of \(1, 2\)"),
        (vectors([1.0, 0.0], [1.0, 0.0]), PermanentError, "returned vectors of shape"),
        (vectors([0.0, 0.0]), PermanentError, "without a direction"),
        (Answer(body=b"<html>hello</html>"), PermanentError, "not with embeddings"),
        (Answer(body={"data": "x"}), PermanentError, "not with embeddings"),
        (Answer(body={"data": []}), PermanentError, "embed"),
    ],
)
def test_what_goes_wrong_is_said_without_the_key(
    served: list[FakeEndpoint], answer: Answer, error: type[Exception], words: str
) -> None:
    made, _ = embedder(served, answer)
    with pytest.raises(error, match=words) as caught:
        made.embed_query("a")
    assert KEY not in str(caught.value)


def test_an_endpoint_out_of_reach_is_transient(served: list[FakeEndpoint]) -> None:
    made, endpoint = embedder(served, vectors([1.0, 0.0]))
    endpoint.close()
    served.clear()
    with pytest.raises(TransientError, match="try again later"):
        made.embed_query("a")


def test_other_dimensions_are_another_embedder(served: list[FakeEndpoint]) -> None:
    made, endpoint = embedder(served, vectors([1.0, 0.0]))
    other = EndpointEmbedder("embed-1", dimensions=3, base_url=endpoint.url)
    assert made.name != other.name
