"""The worker, and every command, with the sources as they are: what runs where there is no C compiler."""

import tests.support.uncompiled  # noqa: F401 - before anything of Etapa
from etapa.cli import main

if __name__ == "__main__":
    main()
