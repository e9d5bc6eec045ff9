"""Readers see a whole model or the one before, whatever happens to who deploys."""

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from wingspan.errors import (
    CorruptError,
    FormatError,
    NotFoundError,
    SettingError,
    UntrustedModelError,
)
from wingspan.files import digest_file
from wingspan.tabular.apply import scores_of
from wingspan.tabular.bundle import Bundle, read_card
from wingspan.tabular.deploy import (
    deploy,
    deployed_models,
    find_deployed,
    load_deployed,
    rollback,
)
from wingspan.tabular.transform import transform

LOOP = """
import sys
from dataclasses import replace
from pathlib import Path
from wingspan.tabular.bundle import Bundle
from wingspan.tabular.deploy import deploy
bundle = Bundle.load(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(int(sys.argv[3])):
    card = replace(bundle.card, notes=[f"{sys.argv[4]} {number}"])
    deploy(replace(bundle, card=card), Path(sys.argv[2]), "loan")
"""


@pytest.fixture
def bundle(bundle_of, people):
    return bundle_of(people(300))


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


def noted(bundle, note):
    """Return the same model with another card, which makes it another version."""
    return replace(bundle, card=replace(bundle.card, notes=[str(note)]))


def deploying(saved, models, times, name):
    """Start a process that deploys a saved bundle several times, each with its own note, and wait until it begins."""
    command = [sys.executable, "-c", LOOP, str(saved), str(models), str(times), str(name)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def resign(folder):
    """Make the manifest of a changed bundle fit its files again."""
    path = folder / "bundle.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = {name: digest_file(folder / name) for name in manifest["files"]}
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "estimator",
    ["logistic_regression", "decision_tree", "random_forest", "hist_gradient_boosting"],
)
def test_deployed_model_is_the_model(bundle_of, people, models, estimator):
    """predict(load(deploy(model))) == predict(model), bit for bit, with preparation, schema and card."""
    bundle = bundle_of(people(200), estimator)
    deploy(bundle, models, "loan")
    again = load_deployed(models, "loan")
    x = transform(bundle.preparation, people(50, seed=1))
    np.testing.assert_array_equal(scores_of(again.model, x), scores_of(bundle.model, x))
    for part in ("preparation", "card"):
        assert getattr(again, part) == getattr(bundle, part)


def test_versions_count_up_and_the_last_is_current(bundle, models):
    """Each deployment is a new version; a reader without a version gets the last one."""
    for version in (1, 2, 3):
        assert deploy(noted(bundle, version), models, "loan").reference == f"loan@{version}"
    deploy(bundle, models, "other")
    listed = [(one.reference, one.current) for one in deployed_models(models)]
    assert listed == [
        ("loan@1", False),
        ("loan@2", False),
        ("loan@3", True),
        ("other@1", True),
    ]
    assert find_deployed(models, "loan").version == 3
    assert find_deployed(models, "loan@2").version == 2


def test_deploying_twice_is_deploying_once(bundle, models, tmp_path):
    """Two saves of one bundle are byte-equal, so the second deployment finds it there."""
    for name in ("a", "b"):
        bundle.save(tmp_path / name)
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert {n: (tmp_path / "a" / n).read_bytes() for n in names} == {
        n: (tmp_path / "b" / n).read_bytes() for n in names
    }
    assert deploy(bundle, models, "loan").version == 1
    assert deploy(bundle, models, "loan").version == 1


def test_rollback_and_deploy_again(bundle, models):
    """Rollback goes to the version before, or to one that is named; the next deployment gets a new number."""
    for note in range(3):
        deploy(noted(bundle, note), models, "loan")
    assert rollback(models, "loan").version == 2
    assert rollback(models, "loan").version == 1
    assert find_deployed(models, "loan").version == 1
    with pytest.raises(NotFoundError, match="no version before it"):
        rollback(models, "loan")
    assert rollback(models, "loan", to=3).version == 3
    rollback(models, "loan", to=1)
    assert deploy(bundle, models, "loan").version == 4
    assert find_deployed(models, "loan").version == 4


def test_rollback_refuses_what_is_not_there_or_damaged(bundle, models):
    """A version that does not exist, or whose files changed, does not become current."""
    for note in range(2):
        deploy(noted(bundle, note), models, "loan")
    with pytest.raises(NotFoundError, match=r"no version 9\n.*1, 2"):
        rollback(models, "loan", to=9)
    (models / "loan/1/card.md").write_text("changed")
    with pytest.raises(CorruptError):
        rollback(models, "loan")
    assert find_deployed(models, "loan").version == 2


@pytest.mark.long
def test_two_deployments_at_once(bundle, models, tmp_path):
    """Two processes deploy 2 versions each while a third reads: 5 whole versions, no reader sees half a model."""
    saved = deploy(bundle, models, "loan").folder
    processes = [deploying(saved, models, 2, name) for name in range(2)]
    reads = 0
    while any(process.poll() is None for process in processes):
        load_deployed(models, "loan")
        reads += 1
    for process in processes:
        process.stdout.close()
        assert process.returncode == 0
    assert reads > 0
    assert [one.version for one in deployed_models(models)] == list(range(1, 6))
    assert find_deployed(models, "loan").version == 5
    for one in deployed_models(models):
        Bundle.verify(one.folder)


@pytest.mark.long
def test_killed_while_deploying(bundle, models):
    """After kill -9 at any moment every version is whole, the current one loads, and the next deployment cleans up."""
    saved = deploy(bundle, models, "loan").folder
    for seed in range(3):
        process = deploying(saved, models, 1000, seed)
        time.sleep(random.Random(seed).uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        load_deployed(models, "loan")
        versions = deployed_models(models)
        for one in versions:
            Bundle.verify(one.folder)
        again = noted(bundle, f"after {seed}")
        assert deploy(again, models, "loan").version == versions[-1].version + 1
        assert not list((models / "loan").glob(".*.part"))


def test_failed_deployment_changes_nothing(bundle, models, monkeypatch):
    """A full disk in the middle leaves the old version current and nothing behind."""
    deploy(bundle, models, "loan")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wingspan.tabular.bundle.card_markdown", full)
    with pytest.raises(OSError, match="no space left"):
        deploy(bundle, models, "loan")
    assert find_deployed(models, "loan").version == 1
    assert {path.name for path in (models / "loan").iterdir()} == {".lock", "1", "current"}


@pytest.mark.parametrize("name", ["model.skops", "preparation.json", "card.json", "card.md"])
def test_tampered_file(bundle, models, name):
    """One changed byte in any file is found before anything is built from it."""
    folder = deploy(bundle, models, "loan").folder
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(CorruptError, match=name):
        load_deployed(models, "loan")


@pytest.mark.parametrize("name", ["model.skops", "card.json", "bundle.json"])
def test_missing_file(bundle, models, name):
    """A file that is gone is told by name."""
    folder = deploy(bundle, models, "loan").folder
    (folder / name).unlink()
    with pytest.raises(CorruptError, match=name):
        load_deployed(models, "loan")


def test_manifest_cannot_leave_files_out(bundle, models):
    """A manifest that does not name the model does not let it through."""
    folder = deploy(bundle, models, "loan").folder
    (folder / "bundle.json").write_text('{"format": 1, "files": {}}')
    with pytest.raises(CorruptError):
        load_deployed(models, "loan")


def test_newer_format(bundle, models):
    """A bundle of a newer format is refused with both numbers."""
    folder = deploy(bundle, models, "loan").folder
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(FormatError, match="format 2, this version reads 1"):
        load_deployed(models, "loan")


def test_untrusted_types(bundle, models):
    """A model file that asks for a class of an unknown package is refused before it is built."""
    import skops.io

    folder = deploy(bundle, models, "loan").folder
    skops.io.dump({"run": subprocess.Popen}, folder / "model.skops")
    resign(folder)
    with pytest.raises(UntrustedModelError, match=r"subprocess\.Popen"):
        load_deployed(models, "loan")


def test_card_is_read_alone(bundle, models):
    """The card is read without the model, and is what was deployed."""
    folder = deploy(bundle, models, "loan").folder
    assert read_card(folder) == bundle.card
    assert "# logistic_regression for `late`" in (folder / "card.md").read_text()


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a@2", "a b"])
def test_names_that_are_no_folders(bundle, models, name):
    """A model's name is one plain folder name."""
    with pytest.raises(SettingError, match="cannot name a folder"):
        deploy(bundle, models, name)
    assert not models.exists()


def test_unknown_models(bundle, models):
    """A wrong name lists close ones, a wrong version those there are, an empty folder says so."""
    with pytest.raises(NotFoundError, match="no model is deployed yet"):
        find_deployed(models, "loan")
    deploy(bundle, models, "loan")
    with pytest.raises(NotFoundError, match="did you mean loan"):
        load_deployed(models, "laon")
    for wrong in ("loan@7", "loan@x", "loan@-1"):
        with pytest.raises(NotFoundError, match=r"no version .*\n.*choose one of 1"):
            load_deployed(models, wrong)


def test_damaged_current(bundle, models):
    """A `current` that holds no number is corrupt, and naming a version repairs it."""
    deploy(bundle, models, "loan")
    (models / "loan/current").write_text("newest")
    with pytest.raises(CorruptError, match="rollback loan --to"):
        find_deployed(models, "loan")
    rollback(models, "loan", to=1)
    assert find_deployed(models, "loan").version == 1
