"""Changes of another module's objects that a module makes by a detour when it is imported: an edit of them counts.

Each case is run as well: the edit does change what the step returns.
"""

import pytest

K = (
    "class P:\n    b = 1\n    @classmethod\n    def me(cls):\n        return cls\n"
    "L = [1]\nD = {'b': 1, 'in': {'b': 1}}\nN = 2\nclass Tool:\n    pass\nTOOL = Tool()\nTOOL.b = 1\n"
    "def settings():\n    return D\n"
    "def clean(x):\n    return x, P.b, sum(L), D['b'], D['in']['b'], TOOL.b\n"
)
LOANS = "import start\nfrom k import clean\ndef fit(x):\n    return clean(x)\n"
HELPER = (  # of another module than the statement that calls it
    "def change(c, n=5):\n    c.b = n\n    return c\n"
    "def put(d, n=5):\n    d['b'] = n\n    return d\n"
    "def inner(c):\n    for each in (c, ):\n        each.b = 5\n    return c\n"
    "def outer(c):\n    return inner(c)\n"
    "def by_alias(c):\n    d = c\n    d.b = 5\n    return d\n"
    "def patches(c):\n    def deco(f):\n        c.b = f(5)\n        return f\n    return deco\n"
    "class Sets:\n    def __init__(self, c, n=5):\n        self.c = c\n        self.c.b = n\n"
    "class Child(Sets):\n    pass\n"
    "class Worker:\n    def work(self, c, n=5):\n        c.b = n\n        return self\n"
    "    @staticmethod\n    def help(c, n=5):\n        c.b = n\n        return c\n"
    "from contextlib import contextmanager\n@contextmanager\ndef patched(c, n=5):\n    c.b = n\n    yield c\n"
    "alter = lambda c, n=5: setattr(c, 'b', n)\n"
    "def call(f, *given):\n    return f(*given)\n"
    "def gen(c, n=5):\n    c.b = n\n    yield c\n"
    "def both(first, *, second):\n    second.b = 5\n    return first\n"
)
CASES = {  # what start.py does; 5 becomes 6
    "an alias inside a function": "import k\ndef up():\n    c = k.P\n    c.b = 5\nup()\n",
    "an alias inside a function whose result is kept": "import k\ndef up():\n    c = k.P\n    c.b = 5\n    return 1\nr = up()\n",
    "an alias of an alias": "from k import P\ndef up():\n    c = [P]\n    d = c[0]\n    d.b = 5\n    return 1\nr = up()\n",
    "a loop inside a function": "import k\ndef up():\n    for c in (k.P, k.TOOL):\n        c.b = 5\n    return 1\nr = up()\n",
    "an item of a dict inside a function": "import k\ndef up():\n    d = k.D.get('in')\n    d['b'] = 5\n    return 1\nr = up()\n",
    "a getter of the object inside a function": "import k\ndef up():\n    d = k.P.me()\n    d.b = 5\n    return 1\nr = up()\n",
    "an inner function": "import k\ndef up():\n    c = k.P\n    def really():\n        c.b = 5\n    really()\n    return 1\nr = up()\n",
    "a method": "import k\nclass Up:\n    def up(self):\n        c = k.P\n        c.b = 5\n        return self\nr = Up().up()\n",
    "a constructor": "import k\nclass Up:\n    def __init__(self):\n        c = k.P\n        c.b = 5\nr = Up()\n",
    "a lambda that is called": "import k\nr = (lambda: setattr(k.P, 'b', 5))()\n",
    "a lambda that is given the object": "import k\nr = (lambda c: setattr(c, 'b', 5))(k.P)\n",
    "a lambda with a name": "import k\nup = lambda: setattr(k.P, 'b', 5)\nr = up()\n",
    "a lambda with a name that is given the object": "import k\nup = lambda c: setattr(c, 'b', 5)\nr = up(k.P)\n",
    "a lambda that map calls": "import k\nr = list(map(lambda c: setattr(c, 'b', 5), [k.P]))\n",
    "a lambda of another module": "import k, w\nr = w.alter(k.P, 5)\n",
    "an own function that changes its argument": "import k\ndef up(c):\n    c.b = 5\n    return c\nr = up(k.P)\n",
    "a function of another module that changes its argument": "import k, w\nr = w.change(k.P, 5)\n",
    "such a function by its name": "from k import P\nfrom w import change\nr = change(P, 5)\n",
    "such a function for a dict": "from k import D\nfrom w import put\nr = put(D, 5)\n",
    "such a function for a part of a dict": "from k import D\nfrom w import put\nr = put(D['in'], 5)\n",
    "such a function by a word": "import k, w\nr = w.both(1, second=k.P)\n",
    "such a function for an alias": "import k, w\nc = k.P\nr = w.change(c, 5)\n",
    "such a function in an expression": "import k, w\nr = [w.change(c, 5) for c in (k.P,)]\n",
    "such a function in a condition": "import k, w\nif w.change(k.P, 5):\n    pass\n",
    "such a function through map": "import k, w\nr = list(map(w.change, [k.P], [5]))\n",
    "such a function through another function": "import k, w\nr = w.call(w.change, k.P, 5)\n",
    "such a function by partial": "import functools, k, w\nr = functools.partial(w.change, k.P)(5)\n",
    "such a function under another name": "import k, w\nup = w.change\nr = up(k.P, 5)\n",
    "a function that calls such a function": "import k, w\nr = w.outer(k.P)\n",
    "an own function that calls such a function": "import k, w\ndef up(c):\n    return w.change(c, 5)\nr = up(k.P)\n",
    "a function with an alias of its argument": "import k, w\nr = w.by_alias(k.P)\n",
    "a class that changes what it is given": "import k, w\nr = w.Sets(k.P, 5)\n",
    "a class whose base changes what it is given": "import k, w\nr = w.Child(k.P, 5)\n",
    "a method that changes what it is given": "import k, w\nr = w.Worker().work(k.P, 5)\n",
    "a method of an instance": "import k, w\nworker = w.Worker()\nr = worker.work(k.P, 5)\n",
    "a static method": "import k, w\nr = w.Worker.help(k.P, 5)\n",
    "a context": "import k, w\nwith w.patched(k.P, 5):\n    pass\n",
    "a generator": "import k, w\nr = next(w.gen(k.P, 5))\n",
    "a decorator of another module": "import k, w\n@w.patches(k.P)\ndef f(n):\n    return 5\n",
    "a decorator of another module, of a class": "import k, w\n@w.patches(k.P)\nclass f(int):\n    pass\n",
    "an own decorator": "import k\ndef patches(c):\n    def deco(f):\n        c.b = f(5)\n        return f\n    return deco\n@patches(k.P)\ndef f(n):\n    return 5\n",
    "heapq into a name that is not used": "import heapq\nfrom k import L\n_ = heapq.heappush(L, 5)\n",
    "heapq into a name that is used": "import heapq, k\nr = heapq.heappushpop(k.L, 5)\nprint(r)\n",
    "bisect": "from bisect import insort\nfrom k import L\nr = insort(L, 5)\n",
    "operator": "import operator, k\nr = operator.setitem(k.D, 'b', 5)\n",
    "object's own method": "import k\nr = type.__setattr__(k.P, 'b', 5)\n",
    "setattr in an expression": "import k\nr = [setattr(c, 'b', 5) for c in [k.P]]\n",
    "setattr through map": "import k\nr = list(map(setattr, [k.P], ['b'], [5]))\n",
    "getattr": "import k\ngetattr(k, 'P').b = 5\n",
    "vars": "import k\nvars(k)['N'] = 1\nvars(k.TOOL)['b'] = 5\n",
    "vars and update": "import k\nvars(k.TOOL).update(b=5)\n",
    "a list's item": "import k\n[k.P][0].b = 5\n",
    "a choice": "import k\n(k.P if k.N else k.TOOL).b = 5\n",
    "a walrus": "import k\n(c := k.P).b = 5\n",
    "exec": "import k\nexec('k.P.b = 5')\n",
    "exec in a function": "import k\ndef up():\n    exec('k.P.b = 5')\n    return 1\nr = up()\n",
    "the class of an instance": "import k\ntype(k.TOOL).b = 5\ndel k.TOOL.b\n",
    "a class body's alias": "import k\nclass Up:\n    c = k.P\n    c.b = 5\n",
    "a starred target": "import k\nfirst, *rest = [k.P, k.TOOL]\nfirst.b = 5\n",
    "a target that is an attribute": "import k\nfor k.P.b in (5,):\n    pass\n",
    "a loop over items": "import k\nfor name, held in sorted(k.D.items(), key=str):\n    if name == 'in':\n        held['b'] = 5\n",
    "a loop over functions": "import k\ndef up():\n    c = k.P\n    c.b = 5\nfor f in [up]:\n    f()\n",
    "what a function returns": "import k\nd = k.settings()\nd['b'] = 5\n",
    "what a function returns, at once": "import k\nk.settings()['b'] = 5\n",
    "what a function returns, inside a function": "import k\ndef up():\n    d = k.settings()\n    d['b'] = 5\n    return 1\nr = up()\n",
    "a try": "import k\ntry:\n    c = k.P\n    c.b = 5\nfinally:\n    pass\n",
    "an operator": "import k\nL = k.L\nL += [5]\n",
    "an operator in a function": "import k\ndef up():\n    got = k.L\n    got += [5]\n    return 1\nr = up()\n",
    "a deletion": "import k\ndef up():\n    d = k.L\n    del d[:5 - 4]\n    d.append(5)\n    return 1\nr = up()\n",
    "a list that takes it in": "import k\ndef up():\n    all = []\n    all.append(k.P)\n    all[0].b = 5\n    return 1\nr = up()\n",
    "an attribute that holds it": "import k\nclass Up:\n    def __init__(self, c):\n        self.c = c\n        self.go()\n    def go(self):\n        self.c.b = 5\nr = Up(k.P)\n",
    "an argument of a class that derives": "import k\nclass B:\n    def __init_subclass__(cls, of=None, n=0):\n        of.b = n\nclass Up(B, of=k.P, n=5):\n    pass\n",
    "a field of a dataclass": "import k\nfrom dataclasses import dataclass\n@dataclass\nclass Up:\n    d: dict\n    def __post_init__(self):\n        self.d['b'] = 5\nr = Up(k.D)\n",
    "an operator of a class": "import k\nclass Up:\n    def __rshift__(self, c):\n        c.b = 5\n        return self\nr = Up() >> k.P\n",
    "an operator of an instance, reflected": "import k\nclass Up:\n    def __radd__(self, c):\n        c['b'] = 5\n        return self\nup = Up()\nr = k.D + up\n",
    "a subscript of a class": "import k\nclass Up:\n    def __getitem__(self, c):\n        c.append(5)\n        return self\nr = Up()[k.L]\n",
    "a function of operator that reduce is given": "import functools, k, operator\nr = functools.reduce(operator.iadd, [[5]], k.L)\n",
    "a method that is given away": "import k\nr = list(map(k.L.append, [5]))\n",
    "a method with a name of its own": "import k\nadd = k.L.append\nr = add(5)\n",
    "a method of list itself": "import k\nr = list.append(k.L, 5)\n",
    "a thread": "import k, threading\nup = threading.Thread(target=k.L.append, args=(5,))\nup.start()\nup.join()\n",
    "a view of an array": "import k\nv = k.L\nv[0:1] = [5]\n",
    "a target of several": "import k\nk.L[:], other = [5], 1\n",
    "a target of with": "import contextlib, k\nwith contextlib.nullcontext(5) as k.P.b:\n    pass\n",
    "a chain of modules": "import k, w\nr = w.call(w.outer, k.P)\n",
    "a match": "import k\nmatch [k.P]:\n    case [c]:\n        c.b = 5\n",
    "a function with words": "import k\ndef up(**words):\n    for c in words.values():\n        c.b = 5\n    return 1\nr = up(c=k.P)\n",
    "a function with a star": "import k\ndef up(*all):\n    all[0].b = 5\n    return 1\nr = up(*[k.P])\n",
    "reduce": "import functools, k\nr = functools.reduce(lambda c, n: setattr(c, 'b', n) or c, [5], k.P)\n",
    "a property": "import k\nclass Up:\n    @property\n    def go(self):\n        k.P.b = 5\nr = Up().go\n",
    "a context of a class": "import k\nclass Up:\n    def __enter__(self):\n        k.P.b = 5\n    def __exit__(self, *_):\n        pass\nwith Up():\n    pass\n",
    "a class that is called": "import k\nclass Up:\n    def __call__(self, c):\n        c.b = 5\nr = Up()(k.P)\n",
    "a function of a dict": "import k\ndef up(c):\n    c.b = 5\nALL = {'up': up}\nr = ALL['up'](k.P)\n",
    "a function that a function makes": "import k\ndef make():\n    def up(c):\n        c.b = 5\n    return up\nr = make()(k.P)\n",
    "an import inside a function": "def up():\n    from k import P\n    P.b = 5\n    return 1\nr = up()\n",
    "a global": "import k\nheld = None\ndef take():\n    global held\n    held = k.P\n    return 1\nr = take()\nheld.b = 5\n",
    "a default": "import k\ndef up(c=k.P):\n    c.b = 5\n    return 1\nr = up()\n",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_an_edit_of_a_detour_runs_the_step_again(tried, case):
    start = CASES[case]
    before, result = tried({"loans.py": LOANS, "k.py": K, "w.py": HELPER, "start.py": start})
    edited, text = ("start.py", start) if "5" in start else ("w.py", HELPER)
    after, other = tried({edited: text.replace("5", "6")})
    assert result != other, "the case is wrong"
    assert before != after


CONF = (
    "N = 5\nROWS = [1, 2]\nTABLE = {'a': 1}\ndef rows():\n    return ROWS\n"
    "def clean(x):\n    return x + sum(ROWS) + TABLE['a']\n"
)
USES = "import start\nfrom conf import clean\ndef fit(x):\n    return clean(x)\n"
KEPT = {  # what start.py does besides, that changes nothing: 7 becomes 8
    "a copy that is changed": "from conf import TABLE\ndef merged():\n    out = dict(TABLE)\n    out['a'] = 7\n    return out\nMERGED = merged()\n",
    "a copy of a copy": "from conf import TABLE\nOUT = {**TABLE, 'a': 7}\nOUT['b'] = 7\n",
    "a list that is filled": "from conf import ROWS\ndef filled():\n    out = []\n    for row in ROWS:\n        out.append(row * 7)\n    return out\nALL = filled()\n",
    "an array of a list": "import numpy as np\nfrom conf import ROWS\nGRID = np.array(ROWS) * 7\n",
    "a sum": "import math\nfrom conf import ROWS\nTOTAL = math.fsum(ROWS) + 7\n",
    "a function that reads what it is given": "from conf import ROWS\ndef total(rows, by=7):\n    found = 0\n    for row in rows:\n        found += row * by\n    return found\nTOTAL = total(ROWS)\n",
    "a class that keeps what it is given": "from conf import ROWS\nclass Keeps:\n    def __init__(self, rows):\n        self.rows = rows\n        self.by = 7\nKEEPS = Keeps(ROWS)\n",
    "a dataclass that keeps what it is given": "from dataclasses import dataclass\nfrom conf import ROWS\n@dataclass\nclass Keeps:\n    rows: list\n    by: int = 7\nKEEPS = Keeps(ROWS)\n",
    "an estimator": "from sklearn.tree import DecisionTreeClassifier\nfrom conf import N\nTREE = DecisionTreeClassifier(max_depth=N + 7)\n",
    "a parser": "import argparse\nfrom conf import N\nPARSER = argparse.ArgumentParser()\nPARSER.add_argument('--n', default=N + 7)\n",
    "a decorator with arguments": "import functools\nfrom conf import N\ndef times(n):\n    def deco(f):\n        @functools.wraps(f)\n        def w(*a):\n            return [f(*a) for _ in range(n)]\n        return w\n    return deco\n@times(N)\ndef unused(x):\n    return x * 7\n",
    "a partial": "from functools import partial\nfrom conf import N, clean\nshort = partial(clean, N + 7)\n",
    "a sorted list": "from conf import TABLE\nNAMES = sorted(TABLE, key=lambda name: name * 7)\n",
    "a class of numbers": "from enum import Enum\nfrom conf import N\nclass Kind(Enum):\n    A = N\n    B = 7\n",
    "a file's text": "from pathlib import Path\nfrom conf import N\nHERE = Path(__file__).parent / f'{N}-7.txt'\n",
    "operators of numbers and texts": "from conf import N, ROWS\nTEXT = '%s' % N + str(7)\nFIRST = ROWS[0] + 7 * N\nNAMES = [f'{n}' for n in ROWS][:7]\n",
    "an instance with operators": "from conf import N, ROWS\nclass Sum:\n    def __init__(self, rows):\n        self.rows = rows\n    def __add__(self, other):\n        return Sum([*self.rows, *other])\n    def __getitem__(self, n):\n        return self.rows[n]\nALL = Sum([7]) + ROWS\nONE = ALL[0]\n",
    "a table": "import polars as pl\nfrom conf import ROWS\nFRAME = pl.DataFrame({'a': ROWS}).with_columns(b=pl.lit(7))\n",
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_an_edit_of_what_only_reads_another_modules_object_does_not(tried, case):
    start = KEPT[case]
    before, result = tried({"loans.py": USES, "conf.py": CONF, "start.py": start})
    after, other = tried({"start.py": start.replace("7", "8")})
    assert result == other, "the case is wrong"
    assert before == after
