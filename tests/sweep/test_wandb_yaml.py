"""Sweep files of W&B are read as they are, or refused with a sentence.

The files are of the kinds that public projects keep, each written for these tests. `READ` has what is read from each:
search, metric, goal, names with sizes (None: no end), trials, bands. `REFUSED` has a part of the sentence.
"""

import json
import subprocess
import textwrap

import pytest

from wingspan.errors import WingspanError
from wingspan.sweep.prune import bands
from wingspan.sweep.spec import make_spec
from wingspan.sweep.wandb_yaml import read

READ = {
    "smallest": (
        """
        method: random
        parameters:
          lr: {min: 0.0001, max: 0.1}
        """,
        ("random", None, "minimize", {"lr": None}, None, None),
    ),
    "quick start": (
        """
        program: fit.py
        method: bayes
        metric: {name: val_loss, goal: minimize}
        parameters:
          batch_size: {values: [16, 32, 64]}
          epochs: {value: 5}
          lr: {max: 0.1, min: 0.0001}
        """,
        ("tpe", "val_loss", "minimize", {"batch_size": 3, "epochs": 1, "lr": None}, None, None),
    ),
    "grid of choices": (
        """
        program: classify.py
        method: grid
        metric:
          name: f1
          goal: maximize
        parameters:
          C: {values: [0.01, 0.1, 1, 10, 100]}
          penalty: {values: [l1, l2, none]}
          solver: {values: [liblinear, saga]}
        """,
        ("grid", "f1", "maximize", {"C": 5, "penalty": 3, "solver": 2}, None, None),
    ),
    "numbers without a point": (
        """
        method: bayes
        metric: {name: loss}
        parameters:
          lr:
            distribution: log_uniform_values
            min: 1e-6
            max: 3e-2
          decay:
            values: [1e-4, 5E-5, .5e-3, 0]
        """,
        ("tpe", "loss", "minimize", {"decay": 4, "lr": None}, None, None),
    ),
    "tagged numbers": (
        """
        method: random
        parameters:
          lr: {distribution: log_uniform_values, min: !!float 1e-5, max: 6.e-3}
        """,
        ("random", None, "minimize", {"lr": None}, None, None),
    ),
    "old exponents": (
        """
        method: random
        metric: {goal: maximize, name: val/auc}
        parameters:
          lr: {distribution: log_uniform, min: -9.2, max: -2.3}
          batch: {distribution: q_log_uniform, q: 8, min: 3.5, max: 5.6}
          keep: {distribution: inv_log_uniform, min: 0.1, max: 2}
        """,
        ("random", "val/auc", "maximize", {"batch": None, "keep": None, "lr": None}, None, None),
    ),
    "every distribution": (
        """
        method: random
        parameters:
          a: {distribution: constant, value: x}
          b: {distribution: categorical, values: [1, 2]}
          c: {values: [1, 2, 3], probabilities: [0.5, 0.25, 0.25]}
          d: {distribution: int_uniform, min: -2, max: 7}
          e: {distribution: uniform, min: 0, max: 1}
          f: {distribution: q_uniform, min: 0, max: 20, q: 5}
          g: {distribution: log_uniform_values, min: 0.1, max: 10}
          h: {distribution: q_log_uniform_values, min: 1, max: 100, q: 5}
          i: {distribution: inv_log_uniform_values, min: 0.9, max: 1}
          j: {distribution: normal, mu: 3, sigma: 0.5}
          k: {distribution: log_normal}
          l: {distribution: q_normal, mu: 64, sigma: 16, q: 8}
          m: {distribution: q_log_normal, sigma: 2}
          n: {distribution: beta, a: 2, b: 5}
          o: {distribution: q_beta, a: 2, b: 5, q: 0.1}
        """,
        (
            "random",
            None,
            "minimize",
            dict.fromkeys("abcdefghijklmno") | {"a": 1, "b": 2, "c": 3, "d": 10, "f": 5},
            None,
            None,
        ),
    ),
    "integers by default": (
        """
        method: random
        parameters:
          layers: {min: 0, max: 1}
          width: {min: 16, max: 512}
          drop: {min: 0, max: 0.5}
        """,
        ("random", None, "minimize", {"drop": None, "layers": 2, "width": 497}, None, None),
    ),
    "nested": (
        """
        method: bayes
        metric: {name: loss, goal: minimize}
        run_cap: 40
        parameters:
          optimizer:
            parameters:
              name: {values: [adam, sgd]}
              lr: {distribution: log_uniform_values, min: 0.0001, max: 0.1}
          model:
            parameters:
              depth: {min: 4, max: 12}
        """,
        (
            "tpe",
            "loss",
            "minimize",
            {"model.depth": 9, "optimizer.lr": None, "optimizer.name": 2},
            40,
            None,
        ),
    ),
    "nested twice": (
        """
        method: grid
        parameters:
          data:
            parameters:
              augment:
                parameters:
                  flip: {values: [true, false]}
                  crop: {value: 32}
        """,
        ("grid", None, "minimize", {"data.augment.crop": 1, "data.augment.flip": 2}, None, None),
    ),
    "hydra names": (
        """
        program: src/run.py
        project: mnist
        method: bayes
        metric: {name: val/acc, goal: maximize}
        parameters:
          model.lr: {distribution: uniform, min: 0.0001, max: 0.1}
          datamodule.batch_size: {values: [32, 64, 128]}
        early_terminate: {type: hyperband, s: 2, eta: 3, max_iter: 27}
        command: ["${interpreter}", "${program}", "${args_no_hyphens}", logger=wandb]
        """,
        (
            "tpe",
            "val/acc",
            "maximize",
            {"datamodule.batch_size": 3, "model.lr": None},
            None,
            [3, 9],
        ),
    ),
    "hydra's own interpolation": (
        """
        program: scripts/fit.py
        method: random
        parameters: {trainer.lr: {values: [1.0e-5, 1.0e-3]}}
        command:
          - ${env}
          - python
          - -m
          - scripts.fit
          - +experiment=blue
          - ${args_no_hyphens}
          - hydra.run.dir=runs/${name}/${now:%Y%m%d}
        """,
        ("random", None, "minimize", {"trainer.lr": 2}, None, None),
    ),
    "names with slashes": (
        """
        method: random
        program: cli
        parameters:
          optimizer/init_args/lr: {min: 0.00005, max: 0.0002}
        command: ["${env}", cli, fit, --json-file, "${args_json_file}"]
        """,
        ("random", None, "minimize", {"optimizer/init_args/lr": None}, None, None),
    ),
    "boolean flags": (
        """
        program: fit.py
        method: grid
        metric: {name: err}
        parameters:
          amp: {values: [true, false]}
          seed: {values: [0, 1, 2]}
        command: ["${interpreter}", "${program}", --steps, 3000, "${args_no_boolean_flags}"]
        """,
        ("grid", "err", "minimize", {"amp": 2, "seed": 3}, None, None),
    ),
    "poetry": (
        """
        command: [poetry, run, python, -m, "${program}", "${args}"]
        program: scripts.sae
        method: bayes
        metric: {goal: maximize, name: r2}
        parameters:
          beta1: {distribution: inv_log_uniform_values, max: 1, min: 0.9}
          size: {distribution: int_uniform, max: 126, min: 8}
        """,
        ("tpe", "r2", "maximize", {"beta1": None, "size": 119}, None, None),
    ),
    "environment variables": (
        """
        program: fit.py
        method: random
        parameters: {lr: {min: 0.1, max: 0.2}}
        command: [singularity, exec, "${envvar:IMAGE}", python, "${program}", "--data=${envvar:DATA}/a", "${args}"]
        """,
        ("random", None, "minimize", {"lr": None}, None, None),
    ),
    "min_iter": (
        """
        method: bayes
        metric: {name: val_loss, goal: minimize}
        early_terminate: {type: hyperband, min_iter: 5}
        parameters: {lr: {min: 0.001, max: 0.1}}
        """,
        ("tpe", "val_loss", "minimize", {"lr": None}, None, [5, 15, 45, 135, 405]),
    ),
    "min_iter and s": (
        """
        method: random
        run_cap: 20
        metric: {name: J, goal: minimize}
        early_terminate:
          type: hyperband
          min_iter: 15
          eta: 2
          s: 2
          strict: false
        parameters:
          alpha: {values: [0.5, 1.0, 2.0, 5.0]}
        """,
        ("random", "J", "minimize", {"alpha": 4}, 20, [15, 30, 60, 120, 240]),
    ),
    "target": (
        """
        method: random
        metric: {name: accuracy, goal: maximize, target: 0.99}
        parameters: {k: {min: 1, max: 30}}
        """,
        ("random", "accuracy", "maximize", {"k": 30}, None, None),
    ),
    "no value and empty text": (
        """
        method: grid
        parameters:
          max_depth: {values: [null, 2, 4]}
          prefix: {values: ["", a]}
          betas: {values: [[0.9, 0.99], [0.8, 0.9]]}
          head: {values: [{kind: mlp, width: 8}, {kind: linear}]}
        """,
        (
            "grid",
            None,
            "minimize",
            {"betas": 2, "head": 2, "max_depth": 3, "prefix": 2},
            None,
            None,
        ),
    ),
    "a value twice": (
        """
        method: random
        parameters:
          max_features: {values: [sqrt, sqrt, log2, null, 0.5]}
        """,
        ("random", None, "minimize", {"max_features": 4}, None, None),
    ),
    "anchors and merges": (
        """
        method: grid
        parameters:
          width: &width
            values: [32, 64]
          depth: *width
          heads:
            <<: *width
        """,
        ("grid", None, "minimize", {"depth": 2, "heads": 2, "width": 2}, None, None),
    ),
    "one long line": (
        '{"method": "grid", "parameters": {"x": {"values": [1, 2]}}, "name": "from JSON", "controller": {"type": "local"}}',
        ("grid", None, "minimize", {"x": 2}, None, None),
    ),
    "grid over integers": (
        """
        method: grid
        parameters:
          seed: {min: 0, max: 4}
          width: {distribution: q_uniform, min: 10, max: 50, q: 10}
        """,
        ("grid", None, "minimize", {"seed": 5, "width": 4}, None, None),
    ),
    "all of W&B's own keys": (
        """
        apiVersion: v1
        kind: sweep
        name: nightly
        description: two lines
        project: p
        entity: team
        controller: {type: cloud}
        scheduler: {engine: wandb}
        method: bayes
        metric: {name: loss, goal: minimize, impute: worst, impute_while_running: latest}
        parameters: {x: {min: 0.0, max: 1.0}}
        """,
        ("tpe", "loss", "minimize", {"x": None}, None, None),
    ),
    "probabilities of a categorical": (
        """
        method: random
        parameters:
          act: {distribution: categorical, values: [relu, gelu], probabilities: [0.25, 0.75]}
          norm: {distribution: categorical_w_probabilities, values: [1, 2], probabilities: [0, 1]}
        """,
        ("random", None, "minimize", {"act": 2, "norm": 2}, None, None),
    ),
    "a merge that replaces an end": (
        """
        method: bayes
        metric: {name: "val/loss"}
        parameters:
          lr: &rate {distribution: log_uniform_values, min: 0.0001, max: 0.1}
          decay:
            <<: *rate
            max: 0.01
        """,
        ("tpe", "val/loss", "minimize", {"decay": None, "lr": None}, None, None),
    ),
    "numbers of both kinds": (
        """
        method: random
        parameters:
          width: {min: 1, max: 10.0}
          depth: {min: 1.0, max: 10.0}
          step: {distribution: q_uniform, min: 0, max: 1, q: 0.25}
          batch: {distribution: q_uniform, min: 8, max: 64, q: 8.0}
        """,
        (
            "random",
            None,
            "minimize",
            {"batch": 8, "depth": None, "step": 5, "width": None},
            None,
            None,
        ),
    ),
    "switches as YAML has them": (
        """
        method: grid
        parameters:
          amp: {values: [yes, no]}
          cache: {value: on}
          resume: {value: null}
          layers: {value: [64, 64]}
          optimizer: {value: {name: adam, betas: [0.9, 0.999]}}
        """,
        (
            "grid",
            None,
            "minimize",
            {"amp": 2, "cache": 1, "layers": 1, "optimizer": 1, "resume": 1},
            None,
            None,
        ),
    ),
    "text that looks like numbers": (
        """
        method: grid
        parameters: {lr: {values: ["1e-3", '0.01', "3"]}, host: {value: 08}}
        """,
        ("grid", None, "minimize", {"host": 1, "lr": 3}, None, None),
    ),
    "every part of hyperband": (
        """
        method: random
        metric: {name: nested.loss}
        run_cap: 1e2
        early_terminate: {type: hyperband, max_iter: 81.0, s: 3, eta: 3.0, strict: false}
        parameters: {x: {min: 0.0, max: 1.0}}
        """,
        ("random", "nested.loss", "minimize", {"x": None}, 100, [3, 9, 27]),
    ),
    "keys without a value": (
        """
        ---
        program: fit.py
        method: random
        name:
        description:
        run_cap:
        early_terminate:
        parameters: {x: {min: 0.0, max: 1.0}}
        """,
        ("random", None, "minimize", {"x": None}, None, None),
    ),
    "flags of many kinds": (
        """
        program: src/fit.py
        method: grid
        parameters: {seed: {values: [1, 2]}}
        command: ["${env}", WANDB_NOTES=a b, "${interpreter}", -u, "${program}", --fast, true, "${args_no_equals}"]
        """,
        ("grid", None, "minimize", {"seed": 2}, None, None),
    ),
    "a date is text": (
        """
        method: grid
        parameters: {day: {values: [2026-01-01, 2026-02-01]}}
        """,
        ("grid", None, "minimize", {"day": 2}, None, None),
    ),
}

REFUSED = {
    "nothing": ("", "found nothing"),
    "a list": ("- method: grid", "expected a sweep file with method and parameters"),
    "not YAML": ("method: [grid", "this is not YAML"),
    "a tab": ("method: grid\nparameters:\n\tx: 1", "this is not YAML"),
    "a key twice": (
        "method: grid\nparameters:\n  x: {values: [1]}\n  x: {values: [2]}",
        "the key 'x' occurs twice",
    ),
    "no method": (
        "parameters: {x: {value: 1}}",
        "expected one of grid, random, bayes, found nothing",
    ),
    "a misspelt method": ("method: baies\nparameters: {x: {value: 1}}", "did you mean bayes?"),
    "no parameters": ("method: grid", "expected at least one parameter"),
    "a misspelt key": ("method: grid\nparameter: {x: {value: 1}}", "did you mean parameters"),
    "a key of no one": (
        "method: grid\nrun_name: a\nparameters: {x: {value: 1}}",
        "unknown key 'run_name'",
    ),
    "custom": ("method: custom\nparameters: {x: {value: 1}}", "custom searches are not read"),
    "several metrics": (
        "method: random\nmetrics: [{name: a}, {name: b}]\nparameters: {x: {value: 1}}",
        "several metrics are not searched",
    ),
    "a launch job": ("method: random\njob: a/b:v1\nparameters: {x: {value: 1}}", "launch jobs"),
    "a launch image": (
        "method: random\nimage_uri: a/b\nparameters: {x: {value: 1}}",
        "launch images are not read",
    ),
    "a scheduler's source": (
        "method: random\nscheduler: {engine: optuna, source: s.py}\nparameters: {x: {value: 1}}",
        "searches that W&B's server runs (scheduler) are not read",
    ),
    "a conditional parameter": (
        "method: random\nparameters: {m: {value: a, parameters: {x: {value: 1}}}}",
        "a parameter with nested parameters has no other keys, found value",
    ),
    "a conditional choice": (
        "method: random\nparameters: {m: {values: [{name: a, parameters: {x: {value: 1}}}]}}",
        "parameters that depend on another one's value are not searched",
    ),
    "an unknown distribution": (
        "method: random\nparameters: {x: {distribution: loguniform, min: 1, max: 2}}",
        "did you mean log_uniform",
    ),
    "an unknown key of a distribution": (
        "method: random\nparameters: {x: {distribution: normal, mean: 1}}",
        "normal has no key 'mean'",
    ),
    "an unknown key alone": (
        "method: random\nparameters: {x: {vaules: [1]}}",
        "did you mean value",
    ),
    "mu without a distribution": (
        "method: random\nparameters: {x: {mu: 0, sigma: 1}}",
        "expected value",
    ),
    "min above max": (
        "method: random\nparameters: {x: {min: 2, max: 1}}",
        "expected min < max, found 2 and 1",
    ),
    "min equal to max": (
        "method: random\nparameters: {x: {min: 2.0, max: 2.0}}",
        "write value: 2.0",
    ),
    "max missing": ("method: random\nparameters: {x: {min: 2}}", "uniform needs max"),
    "text as a number": ("method: random\nparameters: {x: {min: low, max: 1}}", "found 'low'"),
    "infinity": (
        "method: random\nparameters: {x: {min: 0, max: .inf}}",
        "expected a finite number",
    ),
    "not a number": (
        "method: random\nparameters: {x: {values: [1, .nan]}}",
        "expected a finite number",
    ),
    "fractions as integers": (
        "method: random\nparameters: {x: {distribution: int_uniform, min: 4.0, max: 10.0}}",
        "expected an integer as min, found 4.0",
    ),
    "a logarithm of 0": (
        "method: random\nparameters: {x: {distribution: log_uniform_values, min: 0, max: 1}}",
        "expected min > 0, found 0",
    ),
    "huge exponents": (
        "method: random\nparameters: {x: {distribution: log_uniform, min: 1, max: 1000}}",
        "too large as exponents of e",
    ),
    "sigma of 0": (
        "method: random\nparameters: {x: {distribution: normal, sigma: 0}}",
        "sigma > 0",
    ),
    "q of 0": (
        "method: random\nparameters: {x: {distribution: q_uniform, min: 0, max: 1, q: 0}}",
        "q > 0",
    ),
    "a number in quotes": (
        'method: random\nparameters: {x: {min: "1e-3", max: 1}}',
        "expected a finite number as min, found '1e-3'\n  -> remove the quotes: min: 1e-3",
    ),
    "an end that is missing": (
        "method: random\nparameters: {x: {min: , max: 1}}",
        "expected a finite number as min, found nothing",
    ),
    "true as a number": (
        "method: random\nparameters: {x: {distribution: normal, mu: true}}",
        "expected a finite number as mu, found True",
    ),
    "a key that is a list": (
        "method: random\nparameters: {? [a, b] : {value: 1}}",
        "a key must be text",
    ),
    "a key that is a switch": (
        "method: random\nparameters: {on: {value: 1}}",
        "expected a name, found True",
    ),
    "two documents": (
        "method: random\n---\nparameters: {x: {value: 1}}",
        "this is not YAML: expected a single document",
    ),
    "an object of Python's": (
        "method: random\nparameters: {x: {value: !!python/tuple [1, 2]}}",
        "this is not YAML",
    ),
    "half a report": (
        "method: random\nmetric: {name: a}\nearly_terminate: {type: hyperband, min_iter: 1.5}\nparameters: {x: {value: 1}}",
        "expected an integer as min_iter, found 1.5",
    ),
    "a switch in quotes": (
        """
        method: random
        metric: {name: a}
        early_terminate: {type: hyperband, min_iter: 1, strict: "true"}
        parameters: {x: {value: 1}}
        """,
        "expected true or false as strict, found 'true'",
    ),
    "an eta of 1": (
        "method: random\nmetric: {name: a}\nearly_terminate: {type: hyperband, min_iter: 1, eta: 1}\nparameters: {x: {value: 1}}",
        "expected eta of more than 1",
    ),
    "an empty list": ("method: grid\nparameters: {x: {values: []}}", "the list of values is empty"),
    "no list": ("method: grid\nparameters: {x: {values: 3}}", "expected a list as values, found 3"),
    "a list that is missing": (
        "method: grid\nparameters: {x: {values: }}",
        "expected a list as values",
    ),
    "a bare value": ("method: grid\nparameters: {x: 3}", "write x: {value: 3}"),
    "probabilities below 1": (
        "method: random\nparameters: {x: {values: [1, 2], probabilities: [0.5, 0.4]}}",
        "the probabilities sum to 0.9, not to 1",
    ),
    "a probability too few": (
        "method: random\nparameters: {x: {values: [1, 2], probabilities: [1.0]}}",
        "expected as many probabilities as values, found 1 and 2",
    ),
    "a negative probability": (
        "method: random\nparameters: {x: {values: [1, 2], probabilities: [1.5, -0.5]}}",
        "at least 0",
    ),
    "bayes without a metric": (
        "method: bayes\nparameters: {x: {min: 0, max: 9}}",
        "bayes needs a metric",
    ),
    "a metric without a name": (
        "method: random\nmetric: {goal: minimize}\nparameters: {x: {value: 1}}",
        "metric",
    ),
    "a metric as text": (
        "method: random\nmetric: loss\nparameters: {x: {value: 1}}",
        "found 'loss'",
    ),
    "a misspelt goal": (
        "method: random\nmetric: {name: a, goal: minimise}\nparameters: {x: {value: 1}}",
        "did you mean minimize",
    ),
    "a target as text": (
        "method: random\nmetric: {name: a, target: low}\nparameters: {x: {value: 1}}",
        "expected a number as target",
    ),
    "a run_cap of 0": (
        "method: random\nrun_cap: 0\nparameters: {x: {value: 1}}",
        "positive integer",
    ),
    "envelope": (
        "method: random\nmetric: {name: a}\nearly_terminate: {type: envelope}\nparameters: {x: {value: 1}}",
        "expected type: hyperband, found 'envelope'",
    ),
    "hyperband without bands": (
        "method: random\nmetric: {name: a}\nearly_terminate: {type: hyperband}\nparameters: {x: {value: 1}}",
        "needs min_iter, or max_iter and s",
    ),
    "hyperband with no band left": (
        """
        method: random
        metric: {name: a}
        early_terminate: {type: hyperband, s: 2, max_iter: 2}
        parameters: {x: {value: 1}}
        """,
        "no band is left",
    ),
    "hyperband with a misspelt key": (
        """
        method: random
        metric: {name: a}
        early_terminate: {type: hyperband, min_itr: 2}
        parameters: {x: {value: 1}}
        """,
        "did you mean min_iter",
    ),
    "hyperband without a metric": (
        "method: random\nearly_terminate: {type: hyperband, min_iter: 2}\nparameters: {x: {value: 1}}",
        "hyperband needs a metric",
    ),
    "an unknown macro": (
        'method: grid\nprogram: a.py\ncommand: ["${programm}"]\nparameters: {x: {value: 1}}',
        "did you mean program?",
    ),
    "a macro within a word": (
        'method: grid\nprogram: a.py\ncommand: [python, "--config=${args_json_file}"]\nparameters: {x: {value: 1}}',
        "make it a separate item of the list",
    ),
    "a command as text": (
        "method: grid\ncommand: python a.py\nparameters: {x: {value: 1}}",
        "list of words",
    ),
    "a command without its program": (
        'method: grid\ncommand: [python, "${program}"]\nparameters: {x: {value: 1}}',
        "the file has no program",
    ),
    "a dotted name twice": (
        "method: grid\nparameters: {a.b: {value: 1}, a: {parameters: {b: {value: 2}}}}",
        "two parameters are called a.b",
    ),
    "a grid without an end": (
        "method: grid\nmetric: {name: a}\nparameters: {x: {min: 0.0, max: 1.0}}",
        "finitely many values; x is uniform",
    ),
    "a grid of probabilities": (
        "method: grid\nmetric: {name: a}\nparameters: {x: {values: [1, 2], probabilities: [0.5, 0.5]}}",
        "probabilities",
    ),
}


def file_of(folder, text):
    path = folder / "sweep.yaml"
    path.write_text(textwrap.dedent(text))
    return path


def spec_of(found):
    return make_spec(
        found.space,
        metric=found.metric or "loss",
        goal=found.goal,
        search=found.search,
        prune=found.prune or "none",
    )


@pytest.mark.parametrize("name", READ)
def test_a_sweep_file_is_read_as_it_is(tmp_path, name):
    text, expected = READ[name]
    found = read(file_of(tmp_path, text))
    spec_of(found)
    sizes = {each.name: each.distribution.values() for each in found.space.dimensions}
    assert (
        found.search,
        found.metric,
        found.goal,
        {each: None if values is None else len(values) for each, values in sizes.items()},
        found.run_cap,
        None if found.prune is None else bands(found.prune.options, 5),
    ) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_with_a_sentence(tmp_path, name):
    text, part = REFUSED[name]
    with pytest.raises(WingspanError) as caught:
        spec_of(read(file_of(tmp_path, text)))
    assert part in str(caught.value)
    assert caught.value.fix


def test_a_message_names_the_file_and_the_parameter(tmp_path):
    path = file_of(tmp_path, "method: grid\nparameters: {a: {parameters: {b: {values: 3}}}}")
    with pytest.raises(WingspanError) as caught:
        read(path)
    assert caught.value.where == f"{path}: parameters.a.b"
    broken = file_of(tmp_path, "method: grid\nparameters:\n  x: [1")
    with pytest.raises(WingspanError, match=r"sweep\.yaml:3"):
        read(broken)


def test_exponents_are_read_as_exponents_and_said(tmp_path):
    """Old files give powers of e; a file that meant values is told what it draws."""
    found = read(file_of(tmp_path, READ["old exponents"][0]))
    rate = {each.name: each.distribution for each in found.space.dimensions}["lr"]
    assert rate.low == pytest.approx(0.00010104, rel=1e-4)
    assert "lr: log_uniform takes exponents of e, so it draws from 0.000101039 to 0.100259" in str(
        found.notes
    )


def test_numbers_without_a_point_are_numbers(tmp_path):
    found = read(file_of(tmp_path, READ["numbers without a point"][0]))
    decay = {each.name: each.distribution for each in found.space.dimensions}["decay"]
    assert decay.choices == (1e-4, 5e-5, 0.5e-3, 0)


VALUES = {"amp": True, "fast": False, "lr": 1e-05, "net": {"w": [1, 2]}, "note": None}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            None,
            "/usr/bin/env|python|fit.py|--amp=True|--fast=False|--lr=1e-05|--net={'w': [1, 2]}|--note=None",
        ),
        (
            "['${program}', '${args_no_hyphens}']",
            "fit.py|amp=True|fast=False|lr=1e-05|net={'w': [1, 2]}|note=None",
        ),
        ("['${args_no_boolean_flags}']", "--amp|--lr=1e-05|--net={'w': [1, 2]}|--note=None"),
        (
            "['${args_no_equals}']",
            "--amp|True|--fast|False|--lr|1e-05|--net|{'w': [1, 2]}|--note|None",
        ),
        (
            "['${args_append_hydra}']",
            "+amp=True|+fast=False|+lr=1e-05|+net={'w': [1, 2]}|+note=None",
        ),
        (
            "['${args_override_hydra}']",
            "++amp=True|++fast=False|++lr=1e-05|++net={'w': [1, 2]}|++note=None",
        ),
        (
            "[a, '${args_json}']",
            'a|{"amp": true, "fast": false, "lr": 1e-05, "net": {"w": [1, 2]}, "note": null}',
        ),
        (
            "[a, 3, '${args_json_file}', 'x=${envvar:HERE}/y', 'd=${now:%Y}']",
            "a|3|p.json|x=/home/y|d=${now:%Y}",
        ),
    ],
)
def test_macros_are_filled_in_as_wandb_does(tmp_path, command, words):
    text = "method: grid\nprogram: fit.py\nparameters: {x: {value: 1}}\n"
    found = read(file_of(tmp_path, text + (f"command: {command}\n" if command else "")))
    filled = found.command.argv(VALUES, {"HERE": "/home"}, "p.json")
    assert filled == words.split("|")
    assert found.command.json_file == ("p.json" in filled)


def test_a_variable_that_is_not_set_is_named(tmp_path):
    text = "method: grid\nparameters: {x: {value: 1}}\ncommand: [a, '${envvar:NOT_SET}']"
    command = read(file_of(tmp_path, text)).command
    with pytest.raises(WingspanError, match="environment variable NOT_SET, which is not set"):
        command.argv({}, {})


STRICTER = {  # what W&B's package refuses, and public files have
    "numbers without a point",
    "old exponents",
    "names with slashes",
    "every part of hyperband",  # run_cap: 1e2 is text there
    "keys without a value",
    "probabilities of a categorical",
}
LOOSER = {  # what W&B's package lets through: its server refuses it, or it goes wrong later
    *("a command without its program", "a conditional choice", "a dotted name twice"),
    *("a grid of probabilities", "a grid without an end", "a key twice", "a launch image"),
    *("a launch job", "a macro within a word", "an unknown macro", "bayes without a metric"),
    *("custom", "hyperband with no band left", "hyperband without a metric", "infinity"),
    *("not a number", "sigma of 0", "a key that is a switch"),
}


@pytest.mark.long
def test_wandbs_own_package_reads_the_same_files(wandb_python, tmp_path):
    """Where the two differ, this reader says more, and the differences are listed above."""
    code = (
        "import json, sys, yaml\n"
        "from sweeps.config import SweepConfig\n"
        "def read(text):\n"
        "    try: SweepConfig(yaml.safe_load(text)); return ''\n"
        "    except Exception as error: return f'{type(error).__name__}: {error}'\n"
        "print(json.dumps([read(text) for text in json.load(open(sys.argv[1]))]))"
    )
    names = [*READ, *REFUSED]
    texts = [textwrap.dedent((READ | REFUSED)[name][0]) for name in names]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    call = [wandb_python, "-W", "ignore", "-c", code, str(tmp_path / "texts.json")]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    problems = dict(zip(names, json.loads(done.stdout), strict=True))
    assert {name for name in READ if problems[name]} == STRICTER
    assert {name for name in REFUSED if not problems[name]} == LOOSER
