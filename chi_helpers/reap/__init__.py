"""`Reap`: end what has outlived its deadline in a lab's projects, for notebooks and the command line.

    from chi_helpers.reap import Reap

    reap = Reap.open("reservation.yaml", projects=["CHI-1", "CHI-2"])
    looks = reap.look()                     # plans; nothing is changed
    run = reap.run()                        # looks, warns, deletes, proves
    run.exit, run.ended                     # Exit.OK, one `Ended` for each project

The first project is the canary: the others are begun when it showed nothing that they would meet, too.
"""

from chi_helpers.reap.facade import Reap
from chi_helpers.reap.values import Look, ReapRun, Target

__all__ = ["Look", "Reap", "ReapRun", "Target"]
