"""OpenMP's threads wait for each other at the cost of all: beside anything else one is faster than two."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
