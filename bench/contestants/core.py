"""Which core a contestant judges with, told by BENCH_CORE; to be imported before anything of Etapa.

Those who write an application of their own write it in Python. So the peers run our sources as they are, `python`; `compiled` is
what a worker runs.
"""

import os

if os.environ.get("BENCH_CORE") == "python":
    import tests.support.uncompiled  # noqa: F401 - importing it is what does it
