"""Write event texts as one access point's log, in the order of time, hour by hour.

What a run will do is known when it starts, what people will do is not: so a text waits in the hour it belongs
to, and is dropped there if its run has been cut by then. Image-size events, three of four in a log, are only
made when their hour is written. So memory holds the events of the jobs under way, not of the log.
"""

from collections import Counter, defaultdict
from math import inf
from typing import BinaryIO

from wingspan.simulator import write
from wingspan.simulator.job import Job, Run, image_mb
from wingspan.simulator.parameters import LogOptions
from wingspan.simulator.write import job_id, stamp_writer

_HOUR_S = 3600.0
_FIRST_IMAGE_S = 8.0  # after the start: the starter's first report
_IMAGES_MAX = 120  # of one execution: the memory of a long job no longer grows
_RECORDED = Run(0.0)  # for events that have happened when they are recorded: never cut


class _Images:
    """The image-size events of one execution still to come."""

    __slots__ = ("at", "began", "end", "id", "jitter", "lasts", "run", "step", "used_mb")

    def __init__(
        self, job: Job, run: Run, began: float, lasts: float, used_mb: float, step: float
    ) -> None:
        self.id = job.id
        self.run = run
        self.began = began
        self.lasts = lasts
        self.end = began + lasts - 0.5
        self.used_mb = used_mb
        self.step = max(step, lasts / _IMAGES_MAX)
        self.at = began + _FIRST_IMAGE_S
        self.jitter = job.number & 1023


class Journal:
    """The log of one access point. `events` and `bytes` count what was written, by event number."""

    def __init__(
        self, file: BinaryIO, options: LogOptions, start: float, end: float, index: int = 0
    ) -> None:
        self.file = file
        self.stamp = stamp_writer(options.stamps)
        self.events: Counter[int] = Counter()
        self.bytes: Counter[int] = Counter()
        self._with_job_ad = options.job_ad_information
        self._end = end
        self._start = start
        self._hour = 0
        self._waiting: defaultdict[int, list[tuple[float, int, str, Run]]] = defaultdict(list)
        self._images: list[_Images] = []
        self._count = 0
        if options.header:
            self._write([self._header(int(start), index)])

    def add(self, time: float, job: Job, text: str, run: Run = _RECORDED) -> None:
        """Put an event in its place; it is dropped if `run` is cut before `time`."""
        self._count += 2
        hour = max(self._hour, int((time - self._start) // _HOUR_S))
        self._waiting[hour].append((time, self._count, text, run))
        if self._with_job_ad:
            ad = self._job_ad(time, job, int(text[:3]))
            self._waiting[hour].append((time, self._count + 1, ad, run))

    def add_images(
        self, job: Job, run: Run, began: float, lasts: float, used_mb: float, step: float
    ) -> None:
        """Put the image-size events of an execution in their places."""
        if lasts > _FIRST_IMAGE_S:
            self._images.append(_Images(job, run, began, lasts, used_mb, step))

    def write_until(self, time: float) -> None:
        """Write all whole hours before `time`; nothing may be added to them afterwards."""
        hour = int((time - self._start) // _HOUR_S)
        while self._hour < hour:
            self._write_hour(inf)

    def close(self) -> None:
        """Write what is left, but nothing after the log's end."""
        while self._hour <= int((self._end - self._start) // _HOUR_S):
            self._write_hour(self._end)

    def _write_hour(self, end: float) -> None:
        items = self._waiting.pop(self._hour, [])
        self._hour += 1
        items += self._images_until(self._start + self._hour * _HOUR_S)
        items.sort()
        self._write(
            [
                text
                for time, _, text, run in items
                if time <= run.cut and (time <= end or run is _RECORDED)
            ]
        )

    def _images_until(self, limit: float) -> list[tuple[float, int, str, Run]]:
        made, going = [], []
        stamp, count = self.stamp, self._count + 2
        for images in self._images:
            at, run = images.at, images.run
            stop = min(limit, images.end, run.cut)
            while at < stop:
                memory = image_mb(images.used_mb, (at - images.began) / images.lasts)
                resident = int(memory * 1000) + images.jitter
                count += 1
                text = write.image_size(
                    images.id, stamp(at), resident + (resident >> 3), resident // 1000 + 1, resident
                )
                made.append((at, count, text, run))
                at += images.step + (count & 3)
            images.at = at
            if at < min(images.end, run.cut):
                going.append(images)
        self._images, self._count = going, count
        return made

    def _write(self, texts: list[str]) -> None:
        for text in texts:
            number = int(text[:3])
            self.events[number] += 1
            self.bytes[number] += len(text)
        self.file.write("".join(texts).encode())

    def _header(self, start: int, index: int) -> str:
        log_id = f"{64 + index}.{1000 + index}.{start}.0.1.{start}.0"
        return write.rotation_header(self.stamp(start), ctime=start, log_id=log_id)

    def _job_ad(self, time: float, job: Job, trigger: int) -> str:
        """Return the job-ad event that follows an event where the access point is so configured."""
        attributes = {
            "Cluster": str(job.cluster_id),
            "NumHolds": str(job.holds),
            "NumJobStarts": str(job.starts),
            "Owner": f'"{job.cluster.user.name}"',
            "Proc": str(job.proc),
            "RequestCpus": "1",
            "RequestMemory": str(job.request_mb),
            "TriggerEventTypeNumber": str(trigger),
        }
        return write.job_ad_information(
            job_id(job.cluster_id, job.proc), self.stamp(time), attributes
        )
