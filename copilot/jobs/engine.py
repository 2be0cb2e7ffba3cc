"""Runs jobs as DBOS workflows: a queue for sources, one lane for models; killed, they go on."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID, WorkflowHandle
from dbos import error as dbos_error

from copilot.jobs import steps
from copilot.jobs.listing import place_of
from copilot.jobs.names import APP, EXECUTOR, MODELS, SCHEMA, SOURCES, VERSION, JobName
from copilot.jobs.pulse import Pulse, check_room
from copilot.jobs.workplace import Workplace
from copilot.refusals import refusal, storage_errors
from crm.errors import CopilotError
from crm.tracing import count, measure, span
from ingest.sources.run import Interrupted, pending_recordings
from ingest.sources.source import Watched

log = logging.getLogger(__name__)

_SOURCES_AT_ONCE = 2
_POLL_S = 0.2
_FILL_S = 2.0
_WATCH_S = 5.0
_WAITING_AT_ONCE = 50
_KEPT_DAYS = 30
_ACTIVE = ["ENQUEUED", "PENDING", "DELAYED"]


@dataclass
class JobEngine:
    """The workflows of one workspace, run in this process; `running` starts and stops them."""

    workplace: Workplace
    _run: dict[JobName, Callable[..., Any]] = field(default_factory=dict)
    _failed: set[tuple[Any, ...]] = field(default_factory=set)
    _started: int = 0
    _pulse: Pulse = field(default_factory=Pulse)

    def pull(self, name: str) -> "WorkflowHandle[dict[str, Any]] | None":
        """Enqueue the reading of a source, or take up the one that waits or runs already.

        None if that one has ended meanwhile.
        """
        made = self._enqueue(SOURCES, JobName.SYNC_SOURCE, name, once=f"sync:{name}")
        return made or self._unfinished_pull(name)

    def _unfinished_pull(self, name: str) -> "WorkflowHandle[dict[str, Any]] | None":
        # What a killed process left is taken up when the engine starts.
        waiting = DBOS.list_workflows(
            status=_ACTIVE, name=JobName.SYNC_SOURCE.value, load_output=False
        )
        for one in waiting:
            if one.input is not None and tuple(one.input["args"]) == (name,):
                return DBOS.retrieve_workflow(one.workflow_id)
        return None

    def fill_model_lane(self) -> int:
        """Enqueue what waits for a model and return how many jobs that were: recordings first.

        What failed since `drain` began is left for its next call.
        """
        place = self.workplace
        limit = _WAITING_AT_ONCE + len(self._failed)
        recordings = pending_recordings(place.store, max_failures=steps.MAX_FAILURES, limit=limit)
        jobs: list[tuple[JobName, tuple[str | int, ...], str]] = [
            (JobName.TRANSCRIBE, (path,), f"hear:{_digest(path)}")
            for path in recordings
            if not steps.is_elsewhere(place, path)
        ]
        jobs += [
            (JobName.UNDERSTAND, (conversation_id,), f"notes:{conversation_id}")
            for conversation_id in steps.to_understand(place, limit)
        ]
        if place.index.pending():
            jobs.append((JobName.EMBED, (), "embed"))
        handles = [
            self._enqueue(MODELS, name, *arguments, once=once)
            for name, arguments, once in jobs
            if (name, *arguments) not in self._failed
        ]
        return sum(handle is not None for handle in handles)

    def unfinished(self) -> int:
        """Return how many jobs wait or run."""
        found = len(DBOS.list_workflows(status=_ACTIVE, load_input=False, load_output=False))
        measure("jobs_waiting", found)
        return found

    def drain(self, watch: Callable[[], None], *, fills: bool = True) -> None:
        """Work until nothing is left to do; `watch` is called several times a second.

        With `fills`, what jobs leave for the models (recordings, conversations to understand,
        passages to embed) is enqueued as it comes. Ends early where the board says so.

        Raises PermanentError where the disk is full, TransientError where jobs are not taken up.
        """
        filled_at = 0.0
        self._failed.clear()
        self._pulse.move()
        if fills:
            steps.find_vectors_elsewhere(self.workplace)
        while not self.workplace.board.is_stopping():
            watch()
            unfinished = self.unfinished()
            self._pulse.check(unfinished)
            is_idle = not unfinished
            if is_idle or time.monotonic() - filled_at >= _FILL_S:
                check_room(self.workplace.rejects_dir.parent)
                added = self.fill_model_lane() if fills else 0
                filled_at = time.monotonic()
                if is_idle and not added:
                    return
            time.sleep(_POLL_S)

    @contextmanager
    def watching(self, names: Sequence[str]) -> Iterator[Callable[[], bool]]:
        """Yield what says whether one of these sources may have something new meanwhile."""
        news, over = threading.Event(), threading.Event()
        watched = [
            source for name, source in self.workplace.sources.items()
            if name in names and isinstance(source, Watched)
        ]  # fmt: skip
        threads = [
            threading.Thread(target=_watch, args=(source, news, over), daemon=True)
            for source in watched
        ]
        for thread in threads:
            thread.start()
        try:
            yield news.is_set
        finally:
            over.set()
            for thread in threads:
                thread.join(_WATCH_S + 5)

    @contextmanager
    def running(self, database_url: str) -> Iterator["JobEngine"]:
        """Start the engine on its database, take up what a killed process left, and stop it."""
        # Without a handler of its own, the engine would print its log on the terminal.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        config = DBOSConfig(
            name=APP,
            system_database_url=database_url,
            # A job outlives a new version of the product: its steps may run again anyway.
            application_version=VERSION,
            executor_id=EXECUTOR,
            enable_otlp=False,
            log_level="WARNING",
            dbos_system_schema=SCHEMA,
            notification_listener_polling_interval_sec=_POLL_S,
        )
        DBOS(config=config)
        try:
            self._register()
            DBOS.launch()
            DBOS.register_queue(
                SOURCES, worker_concurrency=_SOURCES_AT_ONCE, polling_interval_sec=_POLL_S
            )
            DBOS.register_queue(MODELS, worker_concurrency=1, polling_interval_sec=_POLL_S)
            self._drop_old()
            yield self
        finally:
            self.workplace.board.stop()
            DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=30)

    def _register(self) -> None:
        place = self.workplace
        bodies: dict[JobName, Callable[..., Any]] = {
            JobName.SYNC_SOURCE: lambda name: steps.pull(place, name),
            JobName.TRANSCRIBE: lambda path: steps.transcribe(place, path),
            JobName.UNDERSTAND: lambda conversation_id: steps.understand(place, conversation_id),
            JobName.EMBED: lambda: steps.embed(place),
        }
        for name, body in bodies.items():
            self._run[name] = DBOS.workflow(name=name.value)(
                _as_workflow(name, self._guarded(name, body))
            )

    def _guarded(self, name: JobName, body: Callable[..., Any]) -> Callable[..., Any]:
        """Return the step's body, whose own errors are outcomes to show rather than crashes."""

        def step(*arguments: Any) -> Any:
            begun = time.perf_counter()
            try:
                with span("job", kind=name.value), self._pulse.working(), self._own_words():
                    done = body(*arguments)
                count("jobs", kind=name.value, state="done")
                measure("job_seconds", time.perf_counter() - begun, kind=name.value)
                return done
            except Interrupted:
                return {"interrupted": True}
            except CopilotError as error:
                count("jobs", kind=name.value, state="failed")
                log.warning("a job failed: %s", type(error).__name__)
                self._failed.add((name, *arguments))
                return {"error": str(error), "error_kind": type(error).__name__}

        return step

    @contextmanager
    def _own_words(self) -> Iterator[None]:
        """Say in our words what the records' database or the disk refuses to a job."""
        place = self.workplace
        records, folder = place_of(place.store.engine.url), place.rejects_dir.parent
        try:
            yield
        except storage_errors() as error:
            told = refusal(error, records=records, files=folder)
            if told is None:
                raise
            raise told from error

    def _enqueue(
        self, queue: str, name: JobName, *arguments: Any, once: str
    ) -> "WorkflowHandle[dict[str, Any]] | None":
        self._started += 1
        unique = f"{once}:{time.time_ns():x}:{self._started}"
        with SetWorkflowID(unique), SetEnqueueOptions(deduplication_id=once):
            try:
                return DBOS.enqueue_workflow(queue, self._run[name], *arguments)
            except dbos_error.DBOSQueueDeduplicatedError:
                return None

    def _drop_old(self) -> None:
        before = time.time() - _KEPT_DAYS * 86_400
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(before))
        old = DBOS.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED"], completed_before=stamp, load_input=False,
            load_output=False,
        )  # fmt: skip
        if old:
            DBOS.delete_workflows([one.workflow_id for one in old])


def _watch(source: Watched, news: threading.Event, over: threading.Event) -> None:
    while not over.is_set() and not news.is_set():
        try:
            if source.wait(_WATCH_S):
                news.set()
        except CopilotError as error:
            # The next reading meets the same trouble and reports it.
            log.warning("a source cannot be watched: %s", type(error).__name__)
            over.wait(_WATCH_S)


def _as_workflow(name: JobName, body: Callable[..., Any]) -> Callable[..., Any]:
    step = DBOS.step(name=f"{name.value}.step")(body)

    def workflow(*arguments: Any) -> Any:
        return step(*arguments)

    return workflow


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
