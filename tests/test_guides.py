"""Commands and settings of HTCondor and of the system that the guides name are ones that exist.

A block of shell is parsed; each program of HTCondor in it is one of the installed version, with options that its help
has. A setting is one that the installed version knows. What no test runs is named by its page as not tried.
"""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
CONFIGS = sorted((ROOT / "examples/pool").glob("*.conf"))
CHECKED = {"toml", "python", "yaml", "json", "sh", "condor", "exports", "fstab", "definition"}
# What every system has; their options are looked up in their help.
EVERYWHERE = {"printf", "install", "umask", "head", "base64", "od", "sed"}
LISTS = ("READ", "WRITE", "DAEMON", "ADMINISTRATOR", "NEGOTIATOR", "CONFIG")
LISTS += tuple(f"ADVERTISE_{name}" for name in ("MASTER", "STARTD", "SCHEDD"))
ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*=(?!=)(.*)")
USED = re.compile(r"use\s+(\w+)\s*:\s*(.+)")
NAMED = re.compile(r"`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)`")
# Names in capitals on the pages that are no settings of HTCondor.
OTHER_NAMES = {
    "ALLOW_", "CUDA_VISIBLE_DEVICES", "PRE_SKIP", "WANDB_API_KEY", "POOL_NETWORK", "POOL", "WANDB_MODE",
    "WINGSPAN_HOME", "WINGSPAN_SHARED", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "CONDOR_CONFIG", "CONDOR_HOST",
}  # fmt: skip
GUIDES = (
    "several-machines", "nfs", "containers", "jupyter", "gpus", "held-and-idle", "security", "administrators",
)  # fmt: skip


def blocks(page, language):
    """Return the fenced blocks of a language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(block):
    """Yield the words of each simple command of a block of shell."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        command = []
        for word in [*words, ";"]:
            if word in {"|", ";", "&&", "||"}:
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def numbered(names):
    """Return names for tests, each once."""
    return [f"{name}-{number}" for number, name in enumerate(names, 1)]


SHELL = [(page, block) for page in PAGES for block in blocks(page, "sh")]
CONDOR = [(page.name, block) for page in PAGES for block in blocks(page, "condor")]
CONDOR += [(config.name, config.read_text()) for config in CONFIGS]


@pytest.fixture(scope="module")
def programs(daemons):
    """Give a function that runs a client of the installed HTCondor, without any configuration."""
    path = f"{daemons.search_path}:{next(daemons.prefix.rglob('condor_gpu_discovery')).parent}"

    def run(*words, config=os.devnull):
        return subprocess.run(
            words,
            env={"PATH": f"{path}:{os.environ['PATH']}", "CONDOR_CONFIG": str(config)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def known(programs, daemons):
    """Give a function that says whether the installed HTCondor knows a setting."""
    listed = programs("condor_config_val", "-dump").stdout
    settings = set(re.findall(r"^(\w+) = ", listed, re.MULTILINE))
    folders = ("sbin", "lib", "libexec")
    files = [file for name in folders for file in (daemons.release / name).rglob("*condor*")]
    bytes_of = [file.read_bytes() for file in files if file.is_file()]
    templates = [listed, programs("condor_config_val", "use", "FEATURE:GPUs").stdout]

    def knows(name):
        permission = re.fullmatch(r"(?:ALLOW|DENY)_(\w+)", name)
        if permission:
            return permission[1] in LISTS
        secured = re.fullmatch(r"SEC_(\w+?)_(AUTHENTICATION|ENCRYPTION|INTEGRITY)", name)
        if secured and secured[1] in {*LISTS, "DEFAULT", "CLIENT"}:
            return True
        whole = b"\0" + name.encode() + b"\0"
        family = re.sub(r"(?<=DOCKER_VOLUME_DIR_)\w+|(?<=SLOT)\d+(?=_USER)", "", name).encode()
        return (
            name in settings
            or any(whole in content for content in bytes_of)
            or (family != name.encode() and any(family in content for content in bytes_of))
            or any(f"$({name})" in text for text in templates)
        )

    return knows


def test_the_check_of_settings_can_fail(known):
    """A name that is nearly one of HTCondor's is not known."""
    assert known("JOB_DEFAULT_LEASE_DURATION")
    assert known("CLASSAD_LIFETIME")
    assert not known("JOB_LEASE_DURATION")
    assert not known("ALLOW_ADVERTISE_STARTDS")


def test_every_block_is_of_a_language_that_is_checked():
    """A new kind of block needs a check."""
    found = {
        language
        for page in PAGES
        for language in re.findall(r"^```(\w+)$", page.read_text(), re.MULTILINE)
    }
    assert found <= CHECKED


@pytest.mark.parametrize(("page", "block"), SHELL, ids=numbered(page.stem for page, _ in SHELL))
def test_shell_of_a_guide_parses(page, block):
    """And no command of Wingspan hides in it: those run in the tests of samples."""
    done = subprocess.run(["sh", "-nc", block], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [words for words in commands(block) if words[0] in {"wingspan", "./run"}]


@pytest.mark.parametrize(("page", "block"), SHELL, ids=numbered(page.stem for page, _ in SHELL))
def test_programs_of_a_guide_exist(page, block, programs):
    """HTCondor's are those of the installed version; others are run by a test or named as not tried."""
    not_tried = page.read_text().partition("**Not tried:**")[2]
    for words in commands(block):
        program = words[0]
        if program == "ssh":
            check_ssh(words)
        elif program.startswith("condor_") or program in EVERYWHERE:
            check_options(words, programs)
        elif program == "python":
            assert words[1:3] == ["-m", "ipykernel"]
        else:
            assert f"`{program}" in not_tried, f"say in {page.name} that {program} was not tried"


def check_options(words, programs):
    """Compare the options of a command with those that its help names."""
    program, *rest = words
    if program == "umask":
        return
    assert program in EVERYWHERE or programs("sh", "-c", f"command -v {program}").stdout, program
    said = programs(program, "--help" if program in EVERYWHERE else "-help")
    text = said.stdout + said.stderr
    for option in (word.partition(":")[0] for word in rest if re.match(r"-+[a-z]", word)):
        assert re.search(rf"(?<![\w-]){re.escape(option)}", shortened(text)), f"{program} {option}"


def shortened(text):
    """Return a help text in which the part of an option that may be left out is there: -na[me]."""
    return re.sub(r"(-\w+)\[(\w+)\]", r"\1\2 \1", text)


def check_ssh(words):
    """Let ssh read its command line, without a connection."""
    if not shutil.which("ssh"):
        pytest.skip("NO SSH, so its command lines are not read")
    done = subprocess.run(["ssh", "-G", *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    host = words[-1].rpartition("@")[2]
    assert f"hostname {host}\n" in done.stdout


@pytest.mark.parametrize(("name", "block"), CONDOR, ids=numbered(name for name, _ in CONDOR))
def test_settings_of_a_guide_are_known(name, block, programs, known, tmp_path):
    """HTCondor reads the lines; every name is a setting of the installed version, every template one of its own."""
    config = tmp_path / "condor_config"
    config.write_text(f"CONDOR_HOST = cm.example.org\nPOOL_NETWORK = 192.0.2.0/24\n{block}")
    read = programs("condor_config_val", "-dump", config=config)
    assert read.returncode == 0, read.stdout + read.stderr
    assert "error" not in read.stderr.lower()
    for line in filter(str.strip, block.splitlines()):
        if used := USED.fullmatch(line):
            assert programs("condor_config_val", "use", f"{used[1]}:{used[2]}").returncode == 0, (
                line
            )
        elif assigned := ASSIGNED.fullmatch(line):
            assert known(assigned[1]), f"{name}: HTCondor does not know {assigned[1]}"
        else:
            assert line.startswith("#"), line


@pytest.mark.parametrize("page", GUIDES)
def test_settings_in_the_text_of_a_guide_are_known(page, known):
    """A name in capitals is a setting of HTCondor, or one of the few others."""
    names = set(NAMED.findall((ROOT / "docs" / f"{page}.md").read_text())) - OTHER_NAMES
    assert [name for name in sorted(names) if not known(name)] == []


@pytest.mark.parametrize("role", ["central-manager", "access-point", "execution-point"])
def test_no_role_of_the_pool_is_open_to_the_world(role, programs, tmp_path):
    """Each list of who may do what names users or the pool's network, in the configuration that HTCondor has read."""
    config = tmp_path / "condor_config"
    parts = [(ROOT / "examples/pool" / f"{name}.conf").read_text() for name in ("pool", role)]
    site = "CONDOR_HOST = cm.example.org\nPOOL_NETWORK = 192.0.2.0/24\nDAEMON_LIST = MASTER\n"
    config.write_text(site + "\n".join(parts))
    read = programs(
        "condor_config_val",
        "-dump",
        "-expanded",
        "^ALLOW_|^SEC_DEFAULT|^DAEMON_LIST",
        config=config,
    )
    values = dict(re.findall(r"^(\w+) = (.*)$", read.stdout, re.MULTILINE))
    values.pop("ALLOW_CLIENT")  # what this machine may connect to
    lists = {name: value for name, value in values.items() if name.startswith("ALLOW_")}
    assert len(lists) >= 5
    for name, value in lists.items():
        for who in re.split(r"[,\s]+", value):
            assert who not in {"*", "*/*", "*@*"}, f"{name} = {value}"
    assert values["SEC_DEFAULT_AUTHENTICATION"].lower() == "required"
    assert values["SEC_DEFAULT_ENCRYPTION"].lower() == "required"
    daemons = {
        "central-manager": "COLLECTOR",
        "access-point": "SCHEDD",
        "execution-point": "STARTD",
    }
    assert daemons[role] in values["DAEMON_LIST"]


def test_no_machine_has_its_name_in_the_configuration():
    """Names and networks are in a file of the site's own."""
    for config in CONFIGS:
        settings = re.sub(r"^#.*$", "", config.read_text(), flags=re.MULTILINE)
        assert not re.search(r"example|\d+\.\d+\.\d+\.\d+(?<!127\.0\.0\.1)", settings), config.name


def test_the_simulated_gpus_of_the_guide_are_found(programs):
    """Two V100s, with the properties that requests name."""
    page = (ROOT / "docs/gpus.md").read_text()
    extra = re.search(r"^GPU_DISCOVERY_EXTRA = (.*)$", page, re.MULTILINE)[1].split()
    found = programs("condor_gpu_discovery", "-properties", *extra).stdout
    assert re.search(r'DetectedGPUs="GPU-\w+, GPU-\w+"', found), found
    assert "Capability=7.0;" in found
    assert 'DeviceName="Tesla V100' in found
    assert "GlobalMemoryMb=" in found


EXPORT_OPTIONS = {
    "rw", "ro", "sync", "async", "root_squash", "no_root_squash", "all_squash", "subtree_check", "no_subtree_check",
    "secure", "insecure",
}  # fmt: skip
MOUNT_OPTIONS = {"hard", "noatime", "_netdev", "ro", "rw"}


def test_the_lines_of_nfs_have_the_form_of_their_files():
    """As exports(5), fstab(5) and nfs(5) describe it; the server and the mount name the same folder."""
    page = ROOT / "docs/nfs.md"
    (export,), (mount,) = blocks(page, "exports"), blocks(page, "fstab")
    folder, client = export.split()
    options = re.fullmatch(r"192\.0\.2\.0/24\((.*)\)", client)[1].split(",")
    assert set(options) <= EXPORT_OPTIONS
    source, target, kind, mounted, dump, check = mount.split()
    assert source == f"nfs.example.org:{folder}"
    assert target == folder
    assert (kind, dump, check) == ("nfs", "0", "0")
    assert {word for word in mounted.split(",") if "=" not in word} <= MOUNT_OPTIONS
    assert "vers=4.2" in mounted


def test_the_definition_of_an_image_has_its_sections():
    """A header, and parts that Apptainer's definition files may have."""
    for block in blocks(ROOT / "docs/containers.md", "definition"):
        header, *parts = re.split(r"^%", block, flags=re.MULTILINE)
        assert dict(line.split(": ", 1) for line in header.split("\n") if line).keys() == {
            "Bootstrap",
            "From",
        }
        assert {part.split()[0] for part in parts} <= {
            "post",
            "environment",
            "labels",
            "files",
            "runscript",
        }
