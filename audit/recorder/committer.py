"""Group commit: calls wait in a queue, one thread writes all that wait in one transaction, then each is answered.

A call is whole in one batch.  Its future resolves only after the commit, or fails with AppendError; nothing resolves
twice.  The thread also signs the head when nobody writes, and reopens the log after a failure, so that a disk that
comes back is found without traffic.  The queue is bounded by its owner: `waiting_bytes` tells when to stop reading.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.errors import AppendError, AuditError
from audit.log import Log, Placed, Submission

MAX_BATCH_RECORDS = 512
"""Records in one transaction at most: keeps the slowest answer of a batch within tens of milliseconds."""

TICK_S = 0.25
"""How often the thread looks for an unsigned head or a failed log when nobody calls."""

RECORD_BYTES = 4096
"""What a waiting record takes beside its body, generously."""

_STOPPING = "the recorder is stopping; the record may or may not exist, so nothing may be released"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Append:
    submissions: Sequence[Submission]
    future: asyncio.Future[list[Placed]]
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    ask: Callable[[Log], object]
    future: asyncio.Future[object]


_Result = tuple[asyncio.Future[list[Placed]] | asyncio.Future[object], object]


class Committer:
    """The writer thread and its queue.  `_lock` guards `_appends`, `_questions`, `_taken` and `_stopping`."""

    def __init__(self, log: Log, *, on_death: Callable[[], None], look: Callable[[], None] | None = None) -> None:
        """Take an open log; `on_death` runs in the event loop if the thread ends without being told to.

        `look` runs once a turn in the thread: it reads the disk's free space.
        """
        self._log = log
        self._look = look or _nothing
        self._loop = asyncio.get_running_loop()
        self.on_progress: Callable[[], None] = _nothing
        """Runs in the event loop after each batch."""
        self._on_death = on_death
        self._lock = threading.Condition()
        self._appends: deque[_Append] = deque()
        self._questions: deque[_Question] = deque()
        self._taken: list[_Append | _Question] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="trail-writer", daemon=True)
        self.waiting_bytes = 0
        """Memory that waits for a commit; changed in the event loop only."""
        self.failure = ""
        """Why appends fail now; empty while they succeed.  Written by the thread, read by anyone."""
        self._turns = 0
        """Turns of the thread; written by it alone."""
        self._turns_seen = -1
        """Turns at the last look of `has_turned`; used by the event loop alone."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def append(self, submissions: Sequence[Submission]) -> asyncio.Future[list[Placed]]:
        """Queue one call's events and return the future of their places."""
        size_bytes = sum(RECORD_BYTES + submission.size_bytes for submission in submissions)
        call = _Append(submissions=submissions, future=self._loop.create_future(), size_bytes=size_bytes)
        with self._lock:
            if self._stopping:
                raise AppendError(_STOPPING)
            self._appends.append(call)
            self._lock.notify()
        self.waiting_bytes += call.size_bytes
        return call.future

    def ask(self, question: Callable[[Log], object]) -> asyncio.Future[object]:
        """Queue a question that reads the log, and return the future of its answer."""
        call = _Question(ask=question, future=self._loop.create_future())
        with self._lock:
            if self._stopping:
                raise AppendError(_STOPPING)
            self._questions.append(call)
            self._lock.notify()
        return call.future

    def has_turned(self) -> bool:
        """Say whether the thread has come round since the last look: one that hangs on a disk or a lock has not."""
        turns, self._turns_seen = self._turns_seen, self._turns
        return turns != self._turns_seen

    async def drain(self) -> None:
        """Write everything that waits, sign the head, close the log and end the thread."""
        with self._lock:
            self._stopping = True
            self._lock.notify()
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
            self._log.close()
        finally:
            # On a clean end nothing waits any more; after a fault of ours, nobody may wait for ever.
            self._loop.call_soon_threadsafe(self._abandon)

    def _turn(self) -> bool:
        """Do what waits, or what is due; False when stopping and nothing waits."""
        with self._lock:
            if not self._appends and not self._questions and not self._stopping:
                self._lock.wait(TICK_S)
            appends, questions = self._take(), list(self._questions)
            self._questions.clear()
            ending = self._stopping and not appends and not questions
            self._taken = [*appends, *questions]
        results = [*(self._commit(appends) if appends else ()), *(self._answer(question) for question in questions)]
        if results:
            self._loop.call_soon_threadsafe(self._resolve, results, sum(call.size_bytes for call in appends))
        self._look()
        self._keep()
        self._turns += 1
        return not ending

    def _take(self) -> list[_Append]:
        """Take whole calls from the queue, up to a batch."""
        taken: list[_Append] = []
        count = 0
        while self._appends and count < MAX_BATCH_RECORDS:
            taken.append(self._appends.popleft())
            count += len(taken[-1].submissions)
        return taken

    def _commit(self, calls: list[_Append]) -> list[_Result]:
        submissions = [submission for call in calls for submission in call.submissions]
        try:
            self._log.ensure_open()
            placed = self._log.append(submissions)
        except AuditError as error:
            self.failure = str(error)
            return [(call.future, _refusal(error)) for call in calls]
        self.failure = ""
        results: list[_Result] = []
        begin = 0
        for call in calls:
            end = begin + len(call.submissions)
            results.append((call.future, placed[begin:end]))
            begin = end
        return results

    def _answer(self, question: _Question) -> _Result:
        try:
            self._log.ensure_readable()
            return (question.future, question.ask(self._log))
        except AuditError as error:
            return (question.future, _refusal(error))

    def _keep(self) -> None:
        """Keep the head signed; after a failure, this is also what finds that the disk is back."""
        try:
            self._log.ensure_open()
            self._log.keep_signed()
        except AuditError as error:
            self.failure = str(error)
        else:
            self.failure = ""

    def _resolve(self, results: list[_Result], size_bytes: int) -> None:
        self.waiting_bytes -= size_bytes
        for future, value in results:
            _settle(future, value)
        self.on_progress()

    def _abandon(self) -> None:
        with self._lock:
            waiting = [*self._taken, *self._appends, *self._questions]
            stopped, self._stopping = self._stopping, True
            self._appends.clear()
            self._questions.clear()
        for call in waiting:
            _settle(call.future, AppendError(_STOPPING))
        if not stopped:
            self._on_death()


def _refusal(error: AuditError) -> AppendError:
    """Return the error for one caller, of the class that its code stands for."""
    return type(error)(str(error)) if isinstance(error, AppendError) else AppendError(str(error))


def _settle(future: "asyncio.Future[list[Placed]] | asyncio.Future[object]", value: object) -> None:
    if future.done():
        return  # Its connection has gone; the record is there all the same.
    if isinstance(value, AppendError):
        future.set_exception(value)
    else:
        future.set_result(value)  # type: ignore[arg-type]  # each future was queued with the kind of its result


def _nothing() -> None:
    """Do nothing, until the server says what to do."""
