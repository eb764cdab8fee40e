"""The parts of scripts/mutation_sample.py: the changes, the tests of a line, and the runs."""
