"""A graph that adds up numbers, for tests of checkpoints; as a module it is a process of one."""

import sys
from datetime import UTC, datetime
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from copilot.checkpoints import open_checkpoints
from copilot.settings import Settings

NOW = datetime.now(UTC)


class Sums(TypedDict, total=False):
    """Numbers added up over the turns of a thread, and what a person said."""

    add: int
    heard: list[int]
    said: str


def graph(saver: Any) -> Any:
    def hear(state: Sums) -> Sums:
        return {"heard": [*state.get("heard", []), state["add"]]}

    def wait(state: Sums) -> Sums:
        return {"said": interrupt("well?")} if state["add"] < 0 else {}

    builder = StateGraph(Sums)
    builder.add_node("hear", hear)
    builder.add_node("wait", wait)
    builder.add_edge(START, "hear")
    builder.add_edge("hear", "wait")
    builder.add_edge("wait", END)
    return builder.compile(checkpointer=saver)


def thread(name: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


def say(settings: Settings, name: str, *numbers: int, now: datetime = NOW) -> list[int]:
    heard: list[int] = []
    with open_checkpoints(settings, now=now) as saver:
        for number in numbers:
            state = graph(saver).invoke({"add": number}, thread(name), durability="sync")
            heard = state["heard"]
    return heard


if __name__ == "__main__":
    print(say(Settings.load(), sys.argv[1], *map(int, sys.argv[2:])))  # noqa: T201
