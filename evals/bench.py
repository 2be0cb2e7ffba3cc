"""`python -m evals.bench`: how fast the product is on this machine; needs no key."""

import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from copilot.agent.graph import Graph
from copilot.settings import Settings
from copilot.wiring import Installation
from crm.errors import CopilotError
from crm.index.embedders.e5 import E5Embedder
from crm.principal import Principal
from evals import diarization, notes, speech
from evals.answers import document_of, percentile
from evals.bench_index import measure_index
from evals.foreign.company import write_export
from evals.measure import Measure
from evals.retrieval import retrieval_table, score_retrieval
from evals.workspaces import as_of, import_files, opened

# Read by code alone, and ones whose reading takes the model's help.
_READ_BY_CODE = (
    "How many deals did we win in 2017?",
    "Which product sells best?",
    "What is our overall win rate?",
    "How much did the West region sell in Q2 2017?",
    "top 3 accounts by revenue in 2017",
)
# What was said is always told by the model; most numbers are not.
_READ_BY_MODEL = (
    "What did Northvale Foods say about security?",
    "What did Orchard Lane Dairy say about the budget?",
    "华锐食品对价格怎么说？",
)
_SEARCHES = ("security questionnaire", "price too high", "data location", "价格", "信息安全")
_REPEATS = 3
_PASSAGES = 100_000


def main() -> None:
    """Measure and print, one step after the other; a step that cannot run says why."""
    console = Console()
    console.print(machine())
    table = Table(title="Benchmarks")
    for heading in ("what", "measured", "how"):
        table.add_column(heading)
    steps: tuple[Callable[[], Iterator[Measure]], ...] = (
        _import, _questions, _search, _embedding, _index, _speech, _voices, _notes, _memory,
    )  # fmt: skip
    for step in steps:
        console.print(f"[dim]{step.__name__.strip('_')} …[/]")
        try:
            for one in step():
                table.add_row(one.name, one.figure, one.how)
        except CopilotError as error:
            table.add_row(step.__name__.strip("_"), "not measured", str(error))
    console.print(table)
    with opened("demo", embed=True) as installation:
        folder = installation.settings.workspace_dir
        console.print(retrieval_table(score_retrieval(installation, folder)))


def machine() -> str:
    """Return a line on the machine: processor, cores, memory, system and Python."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return (
        f"{_processor()}, {os.cpu_count()} cores, {pages / 2**30:.1f} GB memory, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _import() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        export = write_export(Path(folder) / "export")
        installation = Installation(Settings.load(home=Path(folder), database_url=None))
        try:
            for name in ("first import", "same files again"):
                started = time.perf_counter()
                rows = import_files(
                    installation, list(export.files), export.mapping, as_of("foreign")
                )
                seconds = time.perf_counter() - started
                yield Measure(
                    name, f"{rows / seconds:,.0f} rows/s", f"{rows:,} rows in {seconds:.1f} s"
                )
        finally:
            installation.close()


def _questions() -> Iterator[Measure]:
    with opened("foreign") as installation:
        cold = _ask(installation, _READ_BY_CODE[0])
        yield Measure("metric question, cold, no model", f"{cold[0]:.2f} s", "first of the process")
        with installation.graph() as graph:
            warm = [
                _ask(installation, question, graph)
                for _ in range(_REPEATS)
                for question in _READ_BY_CODE
            ]
            alone = [seconds for seconds, tokens in warm if not tokens]
            if alone:
                yield _spread("metric question, warm, no model", alone)
                yield Measure(
                    "graph and SQL, model excluded", _ms(statistics.median(alone)), "target 100 ms"
                )


def _ask(
    installation: Installation,
    question: str,
    graph: Graph | None = None,
    *,
    workspace: str = "foreign",
) -> tuple[float, int]:
    """Return the seconds taken and the tokens written by the model."""
    if graph is None:
        with installation.graph() as opened_graph:
            return _ask(installation, question, opened_graph, workspace=workspace)
    started = time.perf_counter()
    answer: dict[str, Any] = document_of(installation, graph, question, workspace=workspace)
    return time.perf_counter() - started, answer.get("tokens", {}).get("out", 0)


def _search() -> Iterator[Measure]:
    owner = Principal.local_owner()
    with opened("demo", embed=True) as installation:
        seconds = []
        for text in ("warm up", *_SEARCHES * _REPEATS):
            started = time.perf_counter()
            with installation.store.session() as session:
                installation.index.search(session, text, principal=owner)
            seconds.append(time.perf_counter() - started)
        yield Measure("search on the demo, cold", _ms(seconds[0]), "embedder load included")
        yield _spread("search on the demo, warm", seconds[1:])
        yield from _quoted_answers(installation)


def _quoted_answers(installation: Installation) -> Iterator[Measure]:
    with installation.graph() as graph:
        first = _ask(installation, _READ_BY_MODEL[0], graph, workspace="demo")
        yield Measure("quoted answer, cold", f"{first[0]:.1f} s", "model load included")
        asked = [
            _ask(installation, question, graph, workspace="demo")
            for question in _READ_BY_MODEL * _REPEATS
        ]
        with_model = [seconds for seconds, tokens in asked if tokens]
        if with_model:
            yield _spread("quoted answer, warm", with_model)


def _embedding() -> Iterator[Measure]:
    embedder = E5Embedder()
    texts = ["We need your SOC 2 report and a statement where our data is stored. " * 6] * 12
    embedder.embed_passages(texts[:1])
    started = time.perf_counter()
    embedder.embed_passages(texts)
    seconds = time.perf_counter() - started
    words = sum(len(text.split()) for text in texts)
    yield Measure("embedding", f"{words / seconds:,.0f} words/s", f"{words:,} English words")


def _index() -> Iterator[Measure]:
    with tempfile.TemporaryDirectory() as folder:
        found = measure_index(Path(folder), E5Embedder(), passages=_PASSAGES, searches=20)
    for name, late in found.p95_ms.items():
        how = f"{found.passages:,} passages; median {found.p50_ms[name]:,.0f} ms; target 250 ms"
        yield Measure(f"search p95, {name}", f"{late:,.0f} ms", how)
    yield Measure("index on disk", f"{found.disk_mb:,.0f} MB", f"{found.passages:,} passages")
    words_ms, meaning_ms = found.new_call_words_ms, found.new_call_meaning_ms
    yield Measure(
        "one new call searchable",
        f"by words {words_ms:,.0f} ms, by meaning {meaning_ms:,.0f} ms",
        "target 5 s",
    )


def _speech() -> Iterator[Measure]:
    transcriber = Installation(Settings.load()).transcriber()
    for row in speech.measures(transcriber, is_quick=True):
        yield Measure(row.name, row.figure, row.how)


def _voices() -> Iterator[Measure]:
    yield from diarization.measures()


def _notes() -> Iterator[Measure]:
    for name, share in notes.measures().items():
        yield Measure(f"notes: {name}", f"{share:.2f}", "no model; demo and written calls")


def _memory() -> Iterator[Measure]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    size = peak if sys.platform == "darwin" else peak * 1024
    yield Measure(
        "peak memory of this process", f"{size / 2**30:.2f} GB", "all of the above in one"
    )


def _spread(name: str, seconds: list[float]) -> Measure:
    median, late = statistics.median(seconds), percentile(seconds, 0.95)
    return Measure(name, f"{_ms(median)} median, {_ms(late)} p95", f"{len(seconds)} times")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds < 10 else f"{seconds:,.1f} s"


if __name__ == "__main__":
    main()
