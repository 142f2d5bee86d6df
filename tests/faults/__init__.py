# SPDX-License-Identifier: MIT
"""What must hold when processes are killed, held still or cut off; ``sigcore.testing.History`` is the judge.

Each test sets a stage of processes (``stage.py``): servers and members (``actor.py``), crowds of clients that are
written byte by byte (``crowd.py``), or the command ``sig``. Every publisher and every listener writes a history; the
test reads all of them when the run is over, and whatever was lost without a word, repeated, reordered or garbled
fails it.

What is random follows from a seed that is printed with a failure. Two environment variables:

- ``SIGCORE_SEED=17`` repeats a run with that seed.
- ``SIGCORE_LONG_TESTS=1`` runs the long form: hundreds of kills and cuts, 5 000 idle clients, half an hour of clients
  that come and go. Without it every test runs in its short form; none is left out.

``python benchmarks/faults.py`` prints what the same situations measure.
"""
