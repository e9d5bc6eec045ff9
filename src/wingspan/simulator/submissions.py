"""What is submitted, and what is wrong with it: batches of jobs, one after the other."""

from math import exp, inf

from wingspan.simulator.job import Cluster, Job
from wingspan.simulator.parameters import Parameters
from wingspan.simulator.reasons import BUGS
from wingspan.simulator.world import DAY_S, User, World, draw, pick, spread_of, stream
from wingspan.simulator.write import job_id

_GAP_S = 0.02  # between the submissions of two jobs of a batch
_NODE_S = 40.0  # between two ready nodes of a DAG
_PARTLY = 0.25  # mean share of jobs that a bug hits which does not hit all


class Submissions:
    """Draws batches; users submit at day more than at night."""

    def __init__(self, parameters: Parameters, world: World, seed: int) -> None:
        self.parameters = parameters
        self.world = world
        self.random = stream(seed, "submissions")
        self.clusters = 0
        self.jobs = 0
        self._next_id = [
            self.random.randrange(1000, 9_000_000) for _ in range(len(world.access_points))
        ]
        sizes = stream(seed, "sizes")
        mean = sum(self._size_from(sizes.gauss(0.0, 1.0)) for _ in range(4000)) / 4000
        self._per_s = parameters.workload.jobs_per_day / mean / DAY_S

    def next_time(self, time: float) -> float:
        """Return when the next batch comes; by day three times as many as by night."""
        while True:
            time += self.random.expovariate(self._per_s * 1.5)
            hour = time % DAY_S / 3600
            if 8 <= hour < 20 or self.random.random() < 1 / 3:
                return time

    def batch(self, time: float) -> tuple[Cluster, list[Job]]:
        """Draw a batch submitted now."""
        user = self.world.users[draw(self.random, self.world.user_weights)]
        cluster = self._cluster(time, user)
        own = self._kinds_of_own(cluster)
        return cluster, [self._job(cluster, proc, own) for proc in range(cluster.size)]

    def held_by_user(self, cluster: Cluster) -> bool:
        """Return whether its user will put it on hold."""
        return self.random.random() < self.parameters.flaws.user_hold and cluster.size <= 100

    def _size_from(self, gauss: float) -> int:
        work = self.parameters.workload
        size = work.cluster_median * exp(gauss * work.cluster_spread)
        return max(1, min(work.cluster_max, round(size)))

    def _cluster(self, time: float, user: User) -> Cluster:
        random, work, flaws = self.random, self.parameters.workload, self.parameters.flaws
        self.clusters += 1
        bug = pick(random, BUGS) if random.random() < flaws.bug * user.tilt else ""
        memory_mb = spread_of(random, user.memory_mb, work.memory_spread * 0.5)
        outgrown = random.random() < flaws.memory * user.tilt
        run_s = min(work.run_max_s, spread_of(random, user.run_s, work.run_spread * 0.7))
        limited = random.random() < flaws.time * user.tilt
        size = self._size_from(random.gauss(0.0, 1.0))
        dag, osdf = random.random() < work.dag_share, random.random() < work.osdf_share
        sites, policy = self.parameters.sites, random.random()
        habits = self.parameters.habits
        return Cluster(
            number=self.clusters,
            user=user,
            size=size,
            dag=dag,
            osdf=osdf or bug == "url_wrong",
            queue_s=spread_of(random, sites.queue_s, sites.queue_spread),
            run_s=run_s,
            memory_mb=memory_mb,
            memory_spread=0.5 if outgrown else 0.2,
            request_mb=_request(memory_mb * (1.6 if outgrown else 2.2)),
            limit_s=run_s * 1.3 if limited else inf,
            bug=bug,
            exit_code=1 if random.random() < work.bad_exit else 0,
            policy="loop"
            if policy < habits.loop
            else "bounded"
            if policy < habits.loop + habits.policy
            else "",
            submitted=time,
        )

    def _kinds_of_own(self, cluster: Cluster) -> tuple[tuple[str, float], ...]:
        """Return the flaws of a batch's jobs, each with the share of jobs that has it."""
        random, flaws = self.random, self.parameters.flaws
        found = []
        if cluster.bug:
            partly = random.random() < flaws.bug_in_part
            found.append((cluster.bug, random.betavariate(1.0, 1 / _PARTLY - 1) if partly else 1.0))
        for kind, share in (("disk", flaws.disk), ("cpus", flaws.cpus)):
            if random.random() < share * cluster.user.tilt:
                found.append((kind, 0.5))
        if random.random() < flaws.user_hold * 0.15:
            found.append((("submitted_held", "spooling")[cluster.number % 2], 1.0))
        return tuple(found)

    def _job(self, cluster: Cluster, proc: int, own: tuple[tuple[str, float], ...]) -> Job:
        random, work = self.random, self.parameters.workload
        point = cluster.access_point.index
        if proc == 0 or cluster.dag:
            self._next_id[point] += 1
        self.jobs += 1
        need = cluster.memory_mb * random.lognormvariate(0.0, cluster.memory_spread)
        outgrowing = cluster.memory_spread > 0.3
        flaw = next((kind for kind, share in own if random.random() < share), "")
        cluster_id, number = self._next_id[point], 0 if cluster.dag else proc
        wait = _NODE_S * (0.1 + random.random()) if cluster.dag else _GAP_S
        return Job(
            number=self.jobs,
            cluster=cluster,
            cluster_id=cluster_id,
            proc=number,
            id=job_id(cluster_id, number),
            flaw=flaw,
            need_mb=need if outgrowing else min(need, cluster.request_mb * 0.95),
            work_s=min(work.run_max_s, cluster.run_s * random.lognormvariate(0.0, 0.3)),
            request_mb=cluster.request_mb,
            submitted=cluster.submitted + wait * proc,
        )


def _request(memory_mb: float) -> int:
    """Round up as people do: to 256 MB, beyond 2 GB to whole GB."""
    step = 256 if memory_mb <= 2048 else 1024
    return max(step, -(-int(memory_mb) // step) * step)
