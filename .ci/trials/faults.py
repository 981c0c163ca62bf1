"""`faults.py PROGRAM [WORD]`: everything around a server fails, one thing after the other."""

import resource
import signal
import sys

# Each of them puts its rows into the table.
import calls  # noqa: F401
import changes  # noqa: F401
import surroundings  # noqa: F401
from rows import run

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sys.exit(1 if run(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "") else 0)
