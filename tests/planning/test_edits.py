"""Which edits of a project run a step again: every one that can change its result, and few others.

Each case is run as well: an edit that must run the step again does change what the step returns, and
an edit that must not leaves it as it was.
"""

import pytest

PLAIN = {"loans.py": "from helpers import clean\ndef fit(x):\n    return clean(x)\n"}
HELPERS = (
    "RATE = 2\ndef clean(x):\n    return x * RATE\ndef unused(x):\n    return x - 1\nOTHER = 3\n"
)
UNUSED = ("helpers.py", "x - 1", "x - 2")
RATE = ("helpers.py", "RATE = 2", "RATE = 5")


def files(loans, **others):
    return {
        "loans.py": loans,
        **{f"{n.replace('__', '/') if '__' in n else n}.py": t for n, t in others.items()},
    }


RUN = {
    "a constant that a reached function uses": ({**PLAIN, "helpers.py": HELPERS}, RATE),
    "through the module": (
        files("import helpers\ndef fit(x):\n    return helpers.clean(x)\n", helpers=HELPERS),
        RATE,
    ),
    "through an alias": (
        files("import helpers as h\ndef fit(x):\n    return h.clean(x)\n", helpers=HELPERS),
        RATE,
    ),
    "imported inside the function": (
        files("def fit(x):\n    import helpers as h\n    return h.clean(x)\n", helpers=HELPERS),
        RATE,
    ),
    "imported from inside the function": (
        files(
            "def fit(x):\n    from helpers import clean as c\n    return c(x)\n", helpers=HELPERS
        ),
        RATE,
    ),
    "handed on by a package": (
        {
            "loans.py": "from kit import clean\ndef fit(x):\n    return clean(x)\n",
            "kit/__init__.py": "from .deep import scrub as clean\n",
            "kit/deep.py": "from .base import RATE\ndef scrub(x):\n    return x * RATE\n",
            "kit/base.py": "RATE = 2\n",
        },
        ("kit/base.py", "RATE = 2", "RATE = 5"),
    ),
    "a package's attribute": (
        {
            "loans.py": "import kit\ndef fit(x):\n    return kit.sub.part.clean(x)\n",
            "kit/__init__.py": "from kit import sub\n",
            "kit/sub/__init__.py": "import kit.sub.part\n",
            "kit/sub/part.py": "def clean(x):\n    return x + 1\n",
        },
        ("kit/sub/part.py", "x + 1", "x + 2"),
    ),
    "a base class's method in another module": (
        files(
            "from models import Child\ndef fit(x):\n    return Child().run(x)\n",
            models="import base\nclass Child(base.Base):\n    pass\n",
            base="class Base:\n    def run(self, x):\n        return x + 1\n",
        ),
        ("base.py", "x + 1", "x + 2"),
    ),
    "a decorator in another module": (
        files(
            "from deco import twice\n@twice\ndef fit(x):\n    return x + 1\n",
            deco="import functools\ndef twice(f):\n    @functools.wraps(f)\n    def w(x):\n        return 2 * f(x)\n    return w\n",
        ),
        ("deco.py", "2 * f(x)", "3 * f(x)"),
    ),
    "a default from another module": (
        files("import conf\ndef fit(x, rate=conf.RATE):\n    return x * rate\n", conf="RATE = 2\n"),
        ("conf.py", "RATE = 2", "RATE = 3"),
    ),
    "a dataclass's field": (
        files(
            "from conf import Conf\ndef fit(x):\n    return x * Conf().rate\n",
            conf="from dataclasses import dataclass\n@dataclass\nclass Conf:\n    rate: int = 2\n",
        ),
        ("conf.py", "rate: int = 2", "rate: int = 3"),
    ),
    "a change of another module's dict at the top of a third": (
        files(
            "import setup_all\nfrom helpers import clean\ndef fit(x):\n    return clean(x)\n",
            setup_all="import helpers\nhelpers.CONFIG['x'] = 1\n",
            helpers="CONFIG = {'x': 0}\ndef clean(x):\n    return x + CONFIG['x']\n",
        ),
        ("setup_all.py", "= 1", "= 2"),
    ),
    "such a change through a name that is imported": (
        files(
            "from helpers import CONFIG, clean\nCONFIG['x'] = 1\ndef fit(x):\n    return clean(x)\n",
            helpers="CONFIG = {'x': 0}\ndef clean(x):\n    return x + CONFIG['x']\n",
        ),
        ("loans.py", "['x'] = 1", "['x'] = 2"),
    ),
    "such a change under another name": (
        files(
            "import setup_all\nfrom helpers import clean\ndef fit(x):\n    return clean(x)\n",
            setup_all="from helpers import CONFIG\nalias = CONFIG\nalias.update(x=1)\n",
            helpers="CONFIG = {'x': 0}\ndef clean(x):\n    return x + CONFIG['x']\n",
        ),
        ("setup_all.py", "x=1", "x=2"),
    ),
    "a change in place by an operator": (
        files(
            "from helpers import LIST, clean\nLIST += [1]\ndef fit(x):\n    return clean(x)\n",
            helpers="LIST = []\ndef clean(x):\n    return x + sum(LIST)\n",
        ),
        ("loans.py", "[1]", "[2]"),
    ),
    "a module patched by a third": (
        files(
            "import patches\nimport helpers\ndef fit(x):\n    return helpers.clean(x)\n",
            patches="import helpers\ndef new(x):\n    return x + 5\nhelpers.clean = new\n",
            helpers="def clean(x):\n    return x\n",
        ),
        ("patches.py", "x + 5", "x + 6"),
    ),
    "a module patched by setattr": (
        files(
            "import patches\nimport helpers\ndef fit(x):\n    return helpers.clean(x)\n",
            patches="import helpers\ndef new(x):\n    return x + 5\nsetattr(helpers, 'clean', new)\n",
            helpers="def clean(x):\n    return x\n",
        ),
        ("patches.py", "x + 5", "x + 6"),
    ),
    "a module patched by a function that another one calls": (
        files(
            "import helpers\nimport start\nstart.up()\ndef fit(x):\n    return helpers.clean(x)\n",
            start="import inner\ndef up():\n    inner.really()\n",
            inner="import helpers\nVALUE = 5\ndef really():\n    helpers.RATE = VALUE\n",
            helpers="RATE = 1\ndef clean(x):\n    return x * RATE\n",
        ),
        ("inner.py", "VALUE = 5", "VALUE = 6"),
    ),
    "a module patched by a function whose result is kept": (
        files(
            "import helpers\nfrom start import up\ndone = up(4)\ndef fit(x):\n    return helpers.clean(x)\n",
            start="import helpers\ndef up(n):\n    helpers.RATE = n\n    return True\n",
            helpers="RATE = 1\ndef clean(x):\n    return x * RATE\n",
        ),
        ("loans.py", "up(4)", "up(5)"),
    ),
    "a registry filled by an import": (
        files(
            "import plugins\nfrom registry import MODELS\ndef fit(x):\n    return MODELS['a'](x)\n",
            plugins="from registry import register\n@register('a')\ndef a(x):\n    return x + 1\n",
            registry="MODELS = {}\ndef register(name):\n    def keep(f):\n        MODELS[name] = f\n        return f\n    return keep\n",
        ),
        ("plugins.py", "x + 1", "x + 2"),
    ),
    "a registry object filled by its method": (
        files(
            "import plugins\nfrom registry import REGISTRY\ndef fit(x):\n    return REGISTRY.all['a'](x)\n",
            plugins="from registry import REGISTRY\n@REGISTRY.model('a')\ndef a(x):\n    return x + 1\n",
            registry=(
                "class Registry:\n    def __init__(self):\n        self.all = {}\n"
                "    def model(self, name):\n        def keep(f):\n            self.all[name] = f\n"
                "            return f\n        return keep\nREGISTRY = Registry()\n"
            ),
        ),
        ("plugins.py", "x + 1", "x + 2"),
    ),
    "a registry filled by a package's modules": (
        {
            "loans.py": "import kit\ndef fit(x):\n    return kit.MODELS['a'](x)\n",
            "kit/__init__.py": "MODELS = {}\nfrom kit import one\n",
            "kit/one.py": "import kit\ndef a(x):\n    return x + 1\nkit.MODELS['a'] = a\n",
        },
        ("kit/one.py", "x + 1", "x + 2"),
    ),
    "a class that registers its subclasses": (
        files(
            "import plugins\nfrom base import Base\ndef fit(x):\n    return Base.kinds['A']().run(x)\n",
            plugins="from base import Base\nclass A(Base):\n    def run(self, x):\n        return x + 1\n",
            base=(
                "class Base:\n    kinds = {}\n    def __init_subclass__(cls):\n"
                "        Base.kinds[cls.__name__] = cls\n"
            ),
        ),
        ("plugins.py", "x + 1", "x + 2"),
    ),
    "a metaclass that registers its classes": (
        files(
            "import plugins\nfrom base import Meta\ndef fit(x):\n    return Meta.kinds['A']().run(x)\n",
            plugins="from base import Base\nclass A(Base):\n    def run(self, x):\n        return x + 1\n",
            base=(
                "class Meta(type):\n    kinds = {}\n    def __init__(cls, name, bases, space):\n"
                "        Meta.kinds[name] = cls\nclass Base(metaclass=Meta):\n    pass\n"
            ),
        ),
        ("plugins.py", "x + 1", "x + 2"),
    ),
    "the subclasses of a class": (
        files(
            "import plugins\nfrom base import Base\ndef fit(x):\n    return Base.__subclasses__()[-1]().run(x)\n",
            plugins="from base import Base\nclass A(Base):\n    def run(self, x):\n        return x + 1\n",
            base="class Base:\n    pass\n",
        ),
        ("plugins.py", "x + 1", "x + 2"),
    ),
    "a class's attribute set from elsewhere": (
        files(
            "import start\nfrom base import Base\ndef fit(x):\n    return x * Base.rate\n",
            start="import base\nbase.Base.rate = 3\n",
            base="class Base:\n    rate = 1\n",
        ),
        ("start.py", "rate = 3", "rate = 4"),
    ),
    "a name that getattr looks up": (
        files(
            "import helpers\ndef fit(x):\n    return getattr(helpers, 'cle' + 'an')(x)\n",
            helpers=HELPERS,
        ),
        RATE,
    ),
    "a name that globals looks up": (
        files(
            "from helpers import call\ndef fit(x):\n    return call('clean', x)\n",
            helpers=HELPERS + "def call(n, x):\n    return globals()[n](x)\n",
        ),
        RATE,
    ),
    "a name that eval looks up": (
        files(
            "import helpers\ndef fit(x):\n    return eval('helpers.' + 'clean(x)')\n",
            helpers=HELPERS,
        ),
        RATE,
    ),
    "a name that a module's own getattr gives": (
        files(
            "import helpers\ndef fit(x):\n    return helpers.clean(x)\n",
            helpers="def __getattr__(name):\n    if name != 'clean':\n        raise AttributeError(name)\n    return lambda x: x + 1\n",
        ),
        ("helpers.py", "x + 1", "x + 2"),
    ),
    "names made by a loop": (
        files(
            "from helpers import clean_3\ndef fit(x):\n    return clean_3(x)\n",
            helpers="def make(n):\n    return lambda x: x * n + 1\nfor n in range(5):\n    globals()[f'clean_{n}'] = make(n)\n",
        ),
        ("helpers.py", "n + 1", "n + 2"),
    ),
    "a module given to a function": (
        files(
            "import helpers\ndef call(module, x):\n    return module.clean(x)\ndef fit(x):\n    return call(helpers, x)\n",
            helpers=HELPERS,
        ),
        RATE,
    ),
    "a module in a dict": (
        files(
            "import helpers\nMODULES = {'h': helpers}\ndef fit(x):\n    return MODULES['h'].clean(x)\n",
            helpers=HELPERS,
        ),
        RATE,
    ),
    "a star import": (
        files("from helpers import *\ndef fit(x):\n    return clean(x)\n", helpers=HELPERS),
        RATE,
    ),
    "a star import of a star import": (
        files(
            "from middle import *\ndef fit(x):\n    return clean(x)\n",
            middle="from helpers import *\n",
            helpers=HELPERS,
        ),
        RATE,
    ),
    "a star import that begins to hide a builtin": (
        files("from helpers import *\ndef fit(x):\n    return abs(x)\n", helpers=HELPERS),
        ("helpers.py", "OTHER = 3", "def abs(x):\n    return 99"),
    ),
    "a conditional definition": (
        files(
            "from helpers import clean\ndef fit(x):\n    return clean(x)\n",
            helpers="import sys\nif sys.version_info > (3,):\n    def clean(x):\n        return x + 1\nelse:\n    clean = None\n",
        ),
        ("helpers.py", "x + 1", "x + 2"),
    ),
    "a definition that replaces an earlier one": (
        {**PLAIN, "helpers.py": HELPERS},
        ("helpers.py", "OTHER = 3", "def clean(x):\n    return -x"),
    ),
    "a change of a function's attribute": (
        files(
            "from helpers import clean\nclean.rate = 2\ndef fit(x):\n    return clean(x)\n",
            helpers="def clean(x):\n    return x * clean.rate\n",
        ),
        ("loans.py", "rate = 2", "rate = 3"),
    ),
    "a generic function extended elsewhere": (
        files(
            "import extra\nfrom helpers import clean\ndef fit(x):\n    return clean(x)\n",
            extra="from helpers import clean\n@clean.register\ndef _(x: int):\n    return x + 1\n",
            helpers="import functools\n@functools.singledispatch\ndef clean(x):\n    return x\n",
        ),
        ("extra.py", "x + 1", "x + 2"),
    ),
    "a library that is set up by an import": (
        files(
            "import start\nimport decimal\ndef fit(x):\n    return str(decimal.Decimal(1) / 3)\n",
            start="import decimal\ndecimal.getcontext().prec = 5\n",
        ),
        ("start.py", "prec = 5", "prec = 6"),
    ),
    "a library that is set up by a function whose result is kept": (
        files(
            "import start\nimport numpy as np\ndef fit(x):\n    return str(np.array([1 / 3]))\n",
            start="import numpy as np\nold = np.set_printoptions(precision=3)\n",
        ),
        ("start.py", "precision=3", "precision=4"),
    ),
    "code that exec runs": (
        files(
            "from helpers import clean\ndef fit(x):\n    return clean(x)\n",
            helpers="TEXT = 'def clean(x): return x + 1'\nexec(TEXT)\n",
        ),
        ("helpers.py", "x + 1", "x + 2"),
    ),
    "a text that a library looks names up in": (
        files(
            "from helpers import clean\ndef fit(x):\n    return clean(x)\n",
            helpers=(
                "import pandas as pd\nLIMIT = 2\ndef clean(x):\n"
                "    return len(pd.DataFrame({'a': [1, 2, 3, 4]}).query('a > @LIMIT'))\n"
            ),
        ),
        ("helpers.py", "LIMIT = 2", "LIMIT = 3"),
    ),
    "an import inside a class": (
        files(
            "class Model:\n    from helpers import clean\ndef fit(x):\n    return Model.clean(x)\n",
            helpers=HELPERS,
        ),
        RATE,
    ),
    "a module imported by its name": (
        files(
            "import importlib\nhelpers = importlib.import_module('helpers')\ndef fit(x):\n    return helpers.clean(x)\n",
            helpers=HELPERS,
        ),
        RATE,
    ),
    "a module that sys.modules gives": (
        files(
            "import sys, helpers\ndef fit(x):\n    return sys.modules['helpers'].clean(x)\n",
            helpers=HELPERS,
        ),
        RATE,
    ),
    "a list that is filled by a class body": (
        files(
            "from helpers import STEPS, Model\ndef fit(x):\n    return x + sum(STEPS)\n",
            helpers="STEPS = []\nclass Model:\n    STEPS.append(1)\n",
        ),
        ("helpers.py", "append(1)", "append(2)"),
    ),
    "a global that a reached function sets elsewhere": (
        files(
            "import helpers\ndef prepare():\n    helpers.RATE = 7\ndef fit(x):\n    prepare()\n    return helpers.clean(x)\n",
            helpers=HELPERS,
        ),
        ("loans.py", "RATE = 7", "RATE = 8"),
    ),
    "a method of a class reached by an instance": (
        files(
            "from helpers import TOOL\ndef fit(x):\n    return TOOL.run(x)\n",
            helpers="class Tool:\n    def run(self, x):\n        return x + 1\nTOOL = Tool()\n",
        ),
        ("helpers.py", "x + 1", "x + 2"),
    ),
    "an instance that is changed where it is imported": (
        files(
            "import start\nfrom helpers import TOOL\ndef fit(x):\n    return TOOL.run(x)\n",
            start="from helpers import TOOL\nTOOL.configure(3)\n",
            helpers=(
                "class Tool:\n    rate = 1\n    def configure(self, n):\n        self.rate = n\n"
                "    def run(self, x):\n        return x * self.rate\nTOOL = Tool()\n"
            ),
        ),
        ("start.py", "(3)", "(4)"),
    ),
    "a loop over what is imported": (
        files(
            "import start\nfrom helpers import A\ndef fit(x):\n    return x + A['n']\n",
            start="from helpers import A, B\nfor each in (A, B):\n    each['n'] = 3\n",
            helpers="A = {}\nB = {}\n",
        ),
        ("start.py", "= 3", "= 4"),
    ),
    "what a helper of the step's own module imports": (
        files(
            "import helpers\nRATE = 2\ndef fit(x):\n    return helpers.clean(x)\n",
            helpers="def clean(x):\n    import loans\n    return x * loans.RATE\n",
        ),
        ("loans.py", "RATE = 2", "RATE = 3"),
    ),
    "the order of two imports that set the same": (
        files(
            "import one\nimport two\nimport helpers\ndef fit(x):\n    return helpers.clean(x)\n",
            one="import helpers\nhelpers.RATE = 3\n",
            two="import helpers\nhelpers.RATE = 4\n",
            helpers=HELPERS,
        ),
        ("loans.py", "import one\nimport two", "import two\nimport one"),
    ),
    "a class that a function of the same module changes": (
        files(
            "from helpers import Base\ndef fit(x):\n    return x * Base.rate\n",
            helpers="class Base:\n    rate = 1\ndef patch(cls, n):\n    cls.rate = n\npatch(Base, 3)\n",
        ),
        ("helpers.py", "(Base, 3)", "(Base, 4)"),
    ),
    "a class that setattr changes": (
        files(
            "from helpers import Base\ndef fit(x):\n    return x * Base.rate\n",
            helpers="class Base:\n    rate = 1\nsetattr(Base, 'rate', 3)\n",
        ),
        ("helpers.py", "'rate', 3", "'rate', 4"),
    ),
    "a registry filled by a lambda": (
        files(
            "from helpers import MODELS\ndef fit(x):\n    return MODELS['a'](x)\n",
            helpers=(
                "MODELS = {}\nregister = lambda n, f: MODELS.update({n: f})\n"
                "def a(x):\n    return x + 1\nregister('a', a)\n"
            ),
        ),
        ("helpers.py", "x + 1", "x + 2"),
    ),
    "a registry filled by a partial": (
        files(
            "from helpers import MODELS\ndef fit(x):\n    return MODELS['a'](x)\n",
            helpers=(
                "import functools\nMODELS = {}\ndef add(models, n, f):\n    models[n] = f\n"
                "register = functools.partial(add, MODELS)\n"
                "def a(x):\n    return x + 1\nregister('a', a)\n"
            ),
        ),
        ("helpers.py", "x + 1", "x + 2"),
    ),
    "a registry filled by map": (
        files(
            "import plugins\nfrom registry import MODELS\ndef fit(x):\n    return MODELS['a'](x)\n",
            plugins="from registry import register\ndef a(x):\n    return x + 1\ndone = list(map(register, [a]))\n",
            registry="MODELS = {}\ndef register(f):\n    MODELS[f.__name__] = f\n",
        ),
        ("plugins.py", "x + 1", "x + 2"),
    ),
    "a module imported by its name for what it does": (
        files(
            "import importlib\nimportlib.import_module('start')\nimport helpers\ndef fit(x):\n    return helpers.clean(x)\n",
            start="import helpers\nhelpers.RATE = 3\n",
            helpers=HELPERS,
        ),
        ("start.py", "= 3", "= 4"),
    ),
    "a variable of the environment that a module sets": (
        files(
            "import start\nfrom helpers import clean\ndef fit(x):\n    return clean(x)\n",
            start="import os\nos.environ['A_RATE_OF_A_TEST'] = '3'\n",
            helpers="import os\ndef clean(x):\n    return x * int(os.environ['A_RATE_OF_A_TEST'])\n",
        ),
        ("start.py", "'3'", "'4'"),
    ),
    "a subclass of a base that a call made": (
        files(
            "import plugins\nfrom base import Base, KINDS\ndef fit(x):\n    return KINDS[-1]().run(x)\n",
            plugins="from base import Base\nclass A(Base):\n    def run(self, x):\n        return x + 1\n",
            base=(
                "KINDS = []\ndef make():\n    class Made:\n        def __init_subclass__(cls):\n"
                "            KINDS.append(cls)\n    return Made\nBase = make()\n"
            ),
        ),
        ("plugins.py", "x + 1", "x + 2"),
    ),
    "a module that comes to be": (
        files(
            "try:\n    from fast import clean\nexcept ImportError:\n    from helpers import clean\n"
            "def fit(x):\n    return clean(x)\n",
            helpers=HELPERS,
            other="",
        ),
        ("fast.py", "", "def clean(x):\n    return -x\n"),
    ),
    "an import that begins to patch": (
        {
            "loans.py": "from kit.one import clean\ndef fit(x):\n    return clean(x)\n",
            "kit/__init__.py": "",
            "kit/one.py": HELPERS,
            "kit/two.py": "import kit.one\nkit.one.RATE = 9\n",
        },
        ("kit/__init__.py", "", "import kit.two\n"),
    ),
    "a default that a call of another module makes": (
        files(
            "from helpers import rate\ndef fit(x, y=rate()):\n    return x * y\n",
            helpers="def rate():\n    return 2\n",
        ),
        ("helpers.py", "return 2", "return 3"),
    ),
    "a class's attribute of another module's constant": (
        files(
            "from conf import RATE\nclass Model:\n    rate = RATE\ndef fit(x):\n    return x * Model.rate\n",
            conf="RATE = 2\n",
        ),
        ("conf.py", "RATE = 2", "RATE = 3"),
    ),
    "a registry of a class that its constructor fills": (
        files(
            "import kinds, more\ndef fit(x):\n    return kinds.Kind.all[-1]\n",
            kinds="class Kind:\n    all = []\n    def __init__(self, v):\n        self.all.append(v)\n",
            more="import kinds\nkind = kinds.Kind(2)\n",
        ),
        ("more.py", "Kind(2)", "Kind(3)"),
    ),
    "a registry of a class that its class method fills": (
        files(
            "import kinds, more\ndef fit(x):\n    return kinds.Kind.all['v']\n",
            kinds="class Kind:\n    all = {}\n    @classmethod\n    def put(cls, v):\n        cls.all['v'] = v\n        return v\n",
            more="import kinds\nkind = kinds.Kind.put(2)\n",
        ),
        ("more.py", "put(2)", "put(3)"),
    ),
    "an object that a getter of another module returns": (
        files(
            "import conf, more\ndef fit(x):\n    return conf.CONFIG['rate']\n",
            conf="CONFIG = {'rate': 1}\ndef get_config():\n    return CONFIG\n",
            more="from conf import get_config\nconfig = get_config()\nconfig['rate'] = 2\n",
        ),
        ("more.py", "= 2", "= 3"),
    ),
    "a context that a getter of a library returns": (
        files(
            "import decimal, more\ndef fit(x):\n    return str(decimal.Decimal(1) / 3)\n",
            more="import decimal\ncontext = decimal.getcontext()\ncontext.prec = 5\n",
        ),
        ("more.py", "= 5", "= 6"),
    ),
    "a name of a package that hides its module": (
        {
            "loans.py": "import kit.part as part\ndef fit(x):\n    return part.rate()\n",
            "kit/__init__.py": "from . import part as _part\nfrom . import other\npart = other\n",
            "kit/part.py": "def rate():\n    return 1\n",
            "kit/other.py": "def rate():\n    return 2\n",
        },
        ("kit/other.py", "return 2", "return 3"),
    ),
    "an enum of another module": (
        files(
            "from conf import Kind\ndef fit(x):\n    return x * Kind.A.value\n",
            conf="import enum\nclass Kind(enum.Enum):\n    A = 2\n",
        ),
        ("conf.py", "A = 2", "A = 3"),
    ),
}

KEEP = {
    "an unused helper": ({**PLAIN, "helpers.py": HELPERS}, UNUSED),
    "an unused constant": (
        {**PLAIN, "helpers.py": HELPERS},
        ("helpers.py", "OTHER = 3", "OTHER = 4"),
    ),
    "a new helper": (
        {**PLAIN, "helpers.py": HELPERS},
        ("helpers.py", "OTHER = 3", "OTHER = 3\ndef new(x):\n    return OTHER"),
    ),
    "a comment and a docstring": (
        {**PLAIN, "helpers.py": HELPERS},
        (
            "helpers.py",
            "    return x * RATE",
            '    """Clean."""\n    # gently\n    return x * RATE',
        ),
    ),
    "an import that only an unused helper needs": (
        {**PLAIN, "helpers.py": HELPERS},
        ("helpers.py", "OTHER = 3", "import json\ndef dump(x):\n    return json.dumps(x)"),
    ),
    "an unused helper, through the module": (
        files("import helpers\ndef fit(x):\n    return helpers.clean(x)\n", helpers=HELPERS),
        UNUSED,
    ),
    "an unused helper, imported inside the function": (
        files("def fit(x):\n    from helpers import clean\n    return clean(x)\n", helpers=HELPERS),
        UNUSED,
    ),
    "an unused helper, by a star import": (
        files("from helpers import *\ndef fit(x):\n    return clean(x)\n", helpers=HELPERS),
        UNUSED,
    ),
    "an unused helper of a package that hands on": (
        {
            "loans.py": "import kit\ndef fit(x):\n    return kit.clean(x)\n",
            "kit/__init__.py": "from kit.one import clean\nfrom kit.two import tidy\n",
            "kit/one.py": HELPERS,
            "kit/two.py": "def tidy(x):\n    return x - 1\n",
        },
        ("kit/two.py", "x - 1", "x - 2"),
    ),
    "an unused import of another module": (
        files(
            "import other\nfrom helpers import clean\ndef fit(x):\n    return clean(x)\n",
            helpers=HELPERS,
            other="VALUE = 1\ndef tidy(x):\n    return VALUE\n",
        ),
        ("other.py", "VALUE = 1", "VALUE = 2"),
    ),
    "an unused helper next to a logger, a type variable, a pattern and a cache": (
        {
            **PLAIN,
            "helpers.py": (
                "import functools, logging, re\nfrom typing import TypeVar\nT = TypeVar('T')\n"
                "LOG = logging.getLogger(__name__)\nDIGITS = re.compile('[0-9]+')\n"
                "@functools.lru_cache\ndef unused(x):\n    return x - 1\n"
                "def clean(x):\n    LOG.info('clean %s', x)\n    return x\n"
            ),
        },
        UNUSED,
    ),
    "an unused dataclass": (
        {
            **PLAIN,
            "helpers.py": HELPERS
            + "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Conf:\n    rate: int = 2\n",
        },
        ("helpers.py", "rate: int = 2", "rate: int = 3"),
    ),
    "a subclass that nothing asks for": (
        files(
            "from models import One\ndef fit(x):\n    return One().run(x)\n",
            models=(
                "class Base:\n    def run(self, x):\n        return x\nclass One(Base):\n    pass\n"
                "class Two(Base):\n    def run(self, x):\n        return x - 1\n"
            ),
        ),
        ("models.py", "x - 1", "x - 2"),
    ),
    "a step of the same module": (
        files(
            "from helpers import clean\ndef fit(x):\n    return clean(x)\ndef score(x):\n    return x - 1\n",
            helpers=HELPERS,
        ),
        ("loans.py", "x - 1", "x - 2"),
    ),
    "another model of a registry in the step's own module": (
        files(
            "import functools\ndef timed(f):\n    @functools.wraps(f)\n    def w(*a):\n        return f(*a)\n    return w\n"
            "@timed\ndef fit(x):\n    return x\n@timed\ndef score(x):\n    return x - 1\n"
        ),
        ("loans.py", "x - 1", "x - 2"),
    ),
    "a function decorated by another module's decorator that keeps nothing": (
        files(
            "from deco import timed\n@timed\ndef fit(x):\n    return x\n@timed\ndef score(x):\n    return x - 1\n",
            deco="import functools\ndef timed(f):\n    @functools.wraps(f)\n    def w(*a):\n        return f(*a)\n    return w\n",
        ),
        ("loans.py", "x - 1", "x - 2"),
    ),
    "what is for type checking only": (
        {
            "loans.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kinds import Row\ndef fit(x: 'Row'):\n    return x\n",
            "kinds.py": "from typing import TypedDict\nclass Row(TypedDict):\n    a: int\n",
        },
        ("kinds.py", "a: int", "b: int"),
    ),
    "what only the script does": (
        {**PLAIN, "helpers.py": HELPERS},
        ("helpers.py", "OTHER = 3", "if __name__ == '__main__':\n    print(clean(3))"),
    ),
    "a local name like a helper": (
        files(
            "import helpers\ndef fit(x):\n    unused = helpers.clean(x)\n    return unused\n",
            helpers=HELPERS,
        ),
        UNUSED,
    ),
    "a pipeline declared at the top of the step's module": (
        files(
            "import wingspan as ws\nfrom helpers import clean\ndef fit(x):\n    return clean(x)\n"
            "def score(x) -> int:\n    return x\ndef tidy(x) -> int:\n    return clean(x)\n"
            "p = ws.Pipeline('p')\np.step(score, 1)\nlast = p.step(tidy, 2)\n",
            helpers=HELPERS,
        ),
        ("loans.py", "(score, 1)", "(score, 2)"),
    ),
    "a command of another program in the step's module": (
        files(
            "class App:\n    def command(self, f):\n        return f\napp = App()\n"
            "def fit(x):\n    return x\n@app.command\ndef main(x):\n    return x - 1\n"
        ),
        ("loans.py", "x - 1", "x - 2"),
    ),
    "the order of two imports that set nothing": (
        files(
            "import one\nimport two\nfrom helpers import clean\ndef fit(x):\n    return clean(x)\n",
            one="VALUE = 1\n",
            two="VALUE = 1\n",
            helpers=HELPERS,
        ),
        ("loans.py", "import one\nimport two", "import two\nimport one"),
    ),
    "an unused model of another module, with a library's bases": (
        files(
            "from models import One\ndef fit(x):\n    return One(x).a\n",
            models=(
                "from typing import NamedTuple\nclass One(NamedTuple):\n    a: int\n"
                "class Two(NamedTuple):\n    b: int\n"
            ),
        ),
        ("models.py", "b: int", "c: int"),
    ),
    "a constant made by a library's function": (
        {
            **PLAIN,
            "helpers.py": HELPERS
            + "import numpy as np\nGRID = np.linspace(0, 1, 5)\nnames = sorted(['b', 'a'])\n",
        },
        ("helpers.py", "0, 1, 5", "0, 1, 6"),
    ),
}


@pytest.mark.parametrize("case", RUN)
def test_an_edit_that_changes_the_result_runs_the_step_again(tried, case):
    written, (path, old, new) = RUN[case]
    before, result = tried(written)
    assert old in written.get(path, "")
    after, other = tried({path: written.get(path, "").replace(old, new, 1)})
    assert result != other, "the case is wrong"
    assert before != after


@pytest.mark.parametrize("case", KEEP)
def test_an_edit_that_cannot_change_the_result_does_not(tried, case):
    written, (path, old, new) = KEEP[case]
    before, result = tried(written)
    assert old in written[path]
    after, other = tried({path: written[path].replace(old, new)})
    assert result == other, "the case is wrong"
    assert before == after
