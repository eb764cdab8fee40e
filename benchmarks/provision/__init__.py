"""How long it takes to give a lab's nodes their software: `chi-lab provision` against shell, node by node.

    .venv/bin/python -m benchmarks.provision [--nodes 1] [--contestants shell,kit] [--runs 1] [--json]

`shell` is what labs do that paste commands into a notebook: over SSH, one node after the other, one command
after the other, `apt-get install`, `python3 -m venv` and `pip install` of the same Debian packages and the
same pinned versions as the roles. It stops there; `kit` also makes users, databases and units, starts the
services, asks each for an answer, and trains the first model. Everybody gets fresh nodes, and does it twice:
the second time there is nothing to do. Then the nodes say what they have, and the two are compared.

One node is that of labs/ml-pipeline.yaml, three are those of labs/ml-cluster.yaml. Uses a sandbox of its own
(`bench`, with machines) and removes it; or the one whose `site.json` is given with `--site`, and then gives
back its own nodes alone. Times are of this computer, at this load.
"""
