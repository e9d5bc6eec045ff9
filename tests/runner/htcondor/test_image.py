"""Jobs run in container images: named by reference, sent as a file, or read where they lie."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.errors import NotFoundError, SettingError, WingspanError
from wingspan.files import locked
from wingspan.pool.apt import debian_mirror, unpack_debian
from wingspan.pool.install import default_prefix
from wingspan.pool.patch import find_patchelf, make_private
from wingspan.pool.personal import start_pool
from wingspan.runner.htcondor.check.check import check_images
from wingspan.runner.htcondor.chirp_commands import ways_in_words
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.hold_policy import DISK_EXIT, FAILED_EXIT
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.image import image_commands, images_of, require_image
from wingspan.runner.htcondor.write.submit_description import submit_description
from wingspan.runner.run_folder import Home, RunFolder


def one() -> int:
    return 1


def plan(home, image=None):
    p = ws.Pipeline("p")
    p.step(one, resources=ws.Resources(image=image))
    return p.plan(home)


@pytest.fixture
def sif(tmp_path):
    """Give a file that is named as an image."""
    (tmp_path / "shared").mkdir()
    file = tmp_path / "shared" / "a.sif"
    file.write_bytes(b"x" * 1000)
    return file


def test_a_reference_is_for_the_machine_that_runs_the_job():
    """Whatever has a scheme is passed on as it is; without an image the universe is vanilla."""
    for image in ("docker://python:3.12", "osdf:///ospool/a.sif", "oras://ghcr.io/a/b:1"):
        assert image_commands(image, None) == {"universe": "container", "container_image": image}
        assert require_image(image, None) == 0
    assert image_commands(None, None) == {"universe": "vanilla"}


def test_a_file_is_sent_unless_it_lies_in_the_shared_folder(sif, tmp_path, monkeypatch):
    """Its path is absolute, for jobs are submitted from another folder; in place, HTCondor is told not to send it."""
    monkeypatch.chdir(sif.parent)
    sent = {"universe": "container", "container_image": str(sif)}
    assert image_commands("a.sif", None) == image_commands(str(sif), tmp_path / "other") == sent
    assert image_commands("a.sif", sif.parent) == {**sent, "transfer_container": "false"}
    assert (require_image("a.sif", None), require_image("a.sif", sif.parent)) == (1000, 0)
    assert require_image("/cvmfs/images/a", None) == 0


def test_an_image_that_is_not_there_is_refused(sif, tmp_path):
    """So is a folder that would have to be sent; nothing is written, and a check says the same."""
    home, folder = Home(tmp_path / "home"), RunFolder(tmp_path / "run")
    with pytest.raises(NotFoundError, match=r"image python:3.12: there is no file .*\n.*docker://"):
        export(plan(home.root, "python:3.12"), folder, home)
    with pytest.raises(SettingError, match="a folder cannot be sent with jobs"):
        export(plan(home.root), folder, home, Profile(image=str(sif.parent)))
    assert not folder.root.exists()
    assert require_image(str(sif.parent), sif.parent) == 0
    checks = check_images(plan(home.root, "none.sif").steps, Profile(image=str(sif)))
    assert [check.ok for check in checks] == [False]
    (check,) = check_images(plan(home.root).steps, Profile(image=str(sif)))
    assert (check.ok, check.facts["bytes"]) == (True, 1000)


def test_a_step_depends_on_the_bytes_of_its_image(sif, tmp_path):
    """An image that was built anew makes the step run anew."""
    before = plan(tmp_path / "home", str(sif)).steps[0].key
    assert plan(tmp_path / "home", str(sif)).steps[0].key == before
    sif.write_bytes(b"y" * 1000)
    assert plan(tmp_path / "home", str(sif)).steps[0].key != before


def test_the_steps_image_wins(sif, tmp_path):
    """The profile's is for steps that name none."""
    steps = [*plan(tmp_path, "docker://a").steps, *plan(tmp_path).steps]
    assert images_of(steps, Profile(image="docker://b")) == ["docker://a", "docker://b"]
    text = submit_description(ws.Resources(image="docker://a"), profile=Profile(image="docker://b"))
    assert "  container_image = docker://a\n" in text


def test_an_image_may_have_python_elsewhere(tmp_path):
    """Without this machine's path of Python the job takes the image's own, if that has Wingspan; else it says so."""
    folder, home, tools = RunFolder(tmp_path / "run"), Home(tmp_path / "home"), tmp_path / "tools"
    script = export(plan(home.root), folder, home).with_name("job.sh")
    text = script.read_text()
    script.write_text(text.replace(f"python={sys.executable}", "python=/nowhere/python"))
    assert script.read_text() != text
    tools.mkdir()
    (tools / "uname").symlink_to(shutil.which("uname"))
    for has in (False, True):
        if has:
            (tools / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
            (tools / "python3").chmod(0o755)
            for sent in (*folder.root.glob("code-*"), folder.root / "jobs" / "one-1.json"):
                shutil.copy(sent, tmp_path)
        done = subprocess.run(
            ["/bin/sh", script, "one-1"], cwd=tmp_path, env={"PATH": str(tools)}, check=False
        )
        assert done.returncode == (0 if has else 3)
    said = (tmp_path / "one-1.failed.json").read_text()
    assert "there is no /nowhere/python" in said
    assert "no other python that has wingspan" in said


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_job_that_has_no_room_for_its_environment_says_so_by_its_exit_code(tmp_path, as_folder):
    """So the next try asks for more disk; also where the archive itself cannot be written to, to make room."""
    folder, home, tools = RunFolder(tmp_path / "run"), Home(tmp_path / "home"), tmp_path / "tools"
    script = export(plan(home.root), folder, home).with_name("job.sh")
    tools.mkdir()
    (tools / "tar").write_text(
        "#!/bin/sh\necho 'tar: x: Cannot write: No space left on device' >&2\nexit 2\n"
    )
    (tools / "tar").chmod(0o755)
    if as_folder:
        (tmp_path / "e.tar").mkdir()
    else:
        (tmp_path / "e.tar").write_bytes(b"whole")
    words = ["/bin/sh", script, "one-1", "e.tar"]
    path = {"PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=tmp_path, env=path, capture_output=True, check=False)
    assert done.returncode == DISK_EXIT
    said = json.loads((tmp_path / "one-1.failed.json").read_text())
    assert "no space left to unpack the environment" in said["problem"]
    assert said["cause"] == "disk"


def test_an_environment_that_arrived_torn_is_no_matter_of_disk(tmp_path):
    """The job may run elsewhere as it is; what tar said is in its output."""
    folder, home = RunFolder(tmp_path / "run"), Home(tmp_path / "home")
    script = export(plan(home.root), folder, home).with_name("job.sh")
    (tmp_path / "e.tar").write_bytes(b"torn")
    words = ["/bin/sh", script, "one-1", "e.tar"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode not in {0, FAILED_EXIT, DISK_EXIT}
    said = json.loads((tmp_path / "one-1.failed.json").read_text())
    assert "cannot be unpacked" in said["problem"]
    assert said["cause"] == ""
    assert "tar" in done.stderr


@pytest.mark.htcondor
def test_condor_submit_takes_each_kind(pool, sif):
    """It knows what kind of image it is, asks for machines that run it, and sends only what has to be sent."""
    for image, shared, kind, sent in (
        ("docker://python:3.12", None, "HasDockerURL", ""),
        ("osdf:///ospool/a.sif", None, "HasSIF", "osdf:///ospool/a.sif"),
        (str(sif), None, "HasSIF", str(sif)),
        (str(sif), sif.parent, "HasSIF", ""),
    ):
        profile = Profile(shared=shared)
        text = submit_description(ws.Resources(image=image), profile=profile)
        (sif.parent / "results").mkdir(exist_ok=True)
        (sif.parent / "job.sh").write_text("#!/bin/sh\n")
        (sif.parent / "job.sub").write_text(f"{text}queue\n")
        done = subprocess.run(
            ["condor_submit", "-dry-run", "out.ad", "-append", "transfer_input_files=", "job.sub"],
            cwd=sif.parent, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        ad = dict(
            line.partition("=")[::2] for line in (sif.parent / "out.ad").read_text().splitlines()
        )
        assert ad["WantContainer"] == "true"
        assert f"TARGET.{kind}" in ad["Requirements"]
        assert ad.get("TransferInput", '""') == f'"{sent}"'


CONFIGURATION = """binary path = {prefix}/usr/bin:/usr/bin:/bin:/usr/sbin:/sbin
enable overlay = no
enable underlay = yes
"""


@pytest.fixture(scope="session")
def apptainer():
    """Give Apptainer's program, unpacked once for the machine's user from Debian's packages."""
    prefix = default_prefix().parents[1] / "apptainer"
    program = prefix / "usr/bin/apptainer"
    try:
        with locked(prefix.with_name("apptainer.lock")):
            if not (prefix / "complete").exists():
                shutil.rmtree(prefix, ignore_errors=True)
                for package in ("apptainer", "squashfs-tools", "squashfuse"):
                    unpack_debian("sid", debian_mirror(), prefix / "apt", prefix, package)
                    shutil.rmtree(prefix / "apt")
                make_private(prefix, find_patchelf())
                set_up(prefix)
                (prefix / "complete").touch()
    except (WingspanError, OSError) as error:
        pytest.skip(f"NO APPTAINER, so no job is run in a container: {error}")
    return program


def set_up(prefix):
    """Put Apptainer's own files where it looks for them from its program, and let it find its tools."""
    (prefix / "etc").rename(prefix / "usr/etc")
    (prefix / "usr/var/lib/apptainer/mnt/session").mkdir(parents=True)
    for name in ("etc", "var"):
        (prefix / "usr/lib" / name).symlink_to(f"../{name}")
    file = prefix / "usr/etc/apptainer/apptainer.conf"
    mine = {line.partition(" =")[0] for line in CONFIGURATION.splitlines()}
    kept = [
        line
        for line in file.read_text().splitlines()
        if line.partition(" =")[0].lstrip("# ") not in mine
    ]
    file.write_text("\n".join(kept) + "\n" + CONFIGURATION.format(prefix=prefix))


def make_root(root):
    """Make the file system of an image that has a shell, tar and the C library, and no Python."""
    libraries = ["/lib/x86_64-linux-gnu/" + name for name in (
        "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2", "libcrypt.so.1",
    )]  # fmt: skip
    (root / "usr/bin").mkdir(parents=True)
    for name in ("sh", "cat", "id", "tar", "gzip", "uname", "mkdir"):
        program = Path(shutil.which(name)).resolve()
        shutil.copy2(program, root / "usr/bin" / name)
        told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        libraries += [word for word in told.split() if word.startswith("/")]
    for library in filter(os.path.exists, libraries):
        target = Path(f"{root}/usr/{library.removeprefix('/usr').lstrip('/')}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path(library).resolve(), target)
    for name in ("bin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for name in ("etc", "tmp", "proc", "sys", "dev", "root", "home", "var/tmp"):
        (root / name).mkdir(parents=True)
    for name in ("resolv.conf", "hosts", "passwd", "group"):
        (root / "etc" / name).touch()
    (root / "etc/os-release").write_text("a small image\n")


INSIDE = """
    import sys
    from pathlib import Path
    import wingspan as ws

    def load(path: Path) -> list[int]:
        return [int(word) for word in path.read_text().split()]

    def where(numbers: list[int]) -> list[str]:
        return [Path("/etc/os-release").read_text(), sys.executable, str(sum(numbers))]

    def pipeline(image: str) -> ws.Pipeline:
        p = ws.Pipeline("inside")
        p.step(where, p.step(load, Path("numbers.txt")), resources=ws.Resources(image=image))
        return p
"""


@pytest.fixture
def container_pool(apptainer, daemons, pool_parent, monkeypatch, request):
    """Give a function that starts a pool which runs containers; it returns a folder that they see, with an image in it."""
    folder = pool_parent / f"containers-{request.node.name}".replace("[", "-").rstrip("]")
    shared = folder / "shared"
    shared.mkdir(parents=True)
    make_root(folder / "root")
    nested = [] if os.getuid() else ["unshare", "-U", "--map-user=1000", "--map-group=1000"]
    built = subprocess.run(
        [*nested, apptainer, "build", shared / "small.sif", folder / "root"],
        env={**os.environ, "HOME": str(folder)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if built.returncode:
        pytest.skip(f"NO CONTAINERS HERE, so no job is run in one: {built.stderr}")
    started = []

    def start(**extra):
        settings = {
            "SINGULARITY": apptainer,
            "HasSIF": "true",  # its own test of it fails in a user namespace
            "STARTD_ATTRS": "$(STARTD_ATTRS) HasSIF",
            "MOUNT_UNDER_SCRATCH": "/tmp",  # the shared folder is below /var/tmp
            "SINGULARITY_BIND_EXPR": f'"{shared}"',
        }
        started.append(
            start_pool(
                folder / "pool", cpus=2, memory_mb=8192, daemons=daemons, extra=settings | extra
            )
        )
        for name, value in started[-1].environment.items():
            monkeypatch.setenv(name, value)
        return shared

    yield start
    for pool in started:
        pool.stop()


@pytest.fixture
def containers(container_pool):
    """Give a shared folder, and an image in it, on a pool that runs containers and binds that folder into them."""
    return container_pool()


SEARCHED = """
    import time
    import wingspan as ws

    def fit(rate: float) -> float:
        for epoch in range(30):
            ws.log({"loss": rate + 1 / (epoch + 1)}, step=epoch)
            if rate > 0.5:
                time.sleep(0.2)
            if ws.should_stop():
                break
        return rate

    def pipeline(image: str) -> ws.Pipeline:
        p = ws.Pipeline("searched")
        rule = {"rule": "median", "startup": 1}
        p.sweep(fit, over={"rate": [0.1, 0.9]}, metric="loss", search="grid", parallel=1, prune=rule,
                resources=ws.Resources(image=image))
        return p
"""


@pytest.mark.long
@pytest.mark.htcondor
@pytest.mark.parametrize(
    ("extra", "way", "state"),
    [
        ({}, "io", "pruned"),
        ({"SINGULARITY_EXTRA_ARGUMENTS": '"--net --network none"'}, "stream", "complete"),
    ],
    ids=["network", "no-network"],
)
def test_a_sweep_in_containers(container_pool, project, extra, way, state):
    """Chirp works in a container as outside it; without a network, messages go out by standard error."""
    shared = container_pool(**extra)
    project.write(searched=SEARCHED)
    pipeline = project.fresh("searched").pipeline(str(shared / "small.sif"))
    run = pipeline.run("htcondor", home=shared.parent / "home", shared=shared)
    assert run.trail.channel() == ways_in_words([way])
    assert [trial.state for trial in run.study.trials] == ["complete", state]
    assert run["fit"] == 0.1
    curve = run.study.trials[1].curve
    assert len(curve) == 30 if state == "complete" else 0 < len(curve) < 30
    assert run.attempts["fit[1]"][-1].outcome == "exit 0"


@pytest.mark.long
@pytest.mark.htcondor
def test_a_job_runs_in_a_container(containers, project):
    """Python comes along, by transfer or from the shared folder; the image is sent, or read where it lies."""
    project.write(boxed=INSIDE)
    Path("numbers.txt").write_text("1 2 3")
    shutil.copy(containers / "small.sif", "small.sif")
    home = containers.parent / "homes"
    sent = project.fresh("boxed").pipeline("small.sif").run("htcondor", home=home / "sent")
    system, python, total = sent["where"]
    assert (system, total) == ("a small image\n", "6")
    assert "/execute/" in python
    there = project.fresh("boxed").pipeline(str(containers / "small.sif"))
    run = there.run("htcondor", home=home / "shared", shared=containers)
    system, python, total = run["where"]
    assert (system, total) == ("a small image\n", "6")
    assert python.startswith(f"{containers}/environments/")


@pytest.mark.long
@pytest.mark.htcondor
def test_the_notebook_on_containers_runs(containers, run_notebook):
    """With its image in the shared folder, on a pool that binds that folder into containers."""
    folder = containers.parent / "notebook"
    folder.mkdir()
    image = str(containers / "small.sif")
    notebook = Path(__file__).parents[3] / "notebooks" / "3_container.py"
    texts = run_notebook(notebook, folder, IMAGE=image, SHARED=str(containers))
    assert "{'system': 'a small image', 'total': '10'}" in texts[-1]
