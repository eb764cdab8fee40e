"""The reaper side by side with its peers, on one sandbox, over the same scene.

    .venv/bin/python -m benchmarks.reaper [--instances 300] [--contestants kit,loop] [--delay 0,0.15]

A sandbox of its own (`reap`, without machines) gets three projects full of things that are past their
deadline, and a few that must stay. Before every contestant the site is put back to that very state, so that
all of them find the same. Every call goes through a proxy that counts it, and can make it slow. What is left
and what was wrongly taken is read from the site as its administrator.
"""
