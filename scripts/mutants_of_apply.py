"""The guards of `chi_helpers/apply/reaper`, each with what is left when it is taken out.

`MUTANTS` names the file, the text, what replaces it, and what the guard is for; `TESTS` are to notice each of
them. `scripts/mutants.py` tries them.
"""

from __future__ import annotations

from typing import NamedTuple

TESTS = (
    "tests/unit/apply/test_reaper.py",
    "tests/unit/apply/test_reaper_sight.py",
    "tests/unit/apply/test_reaper_pace.py",
    "tests/unit/apply/test_reaper_files.py",
    "tests/unit/apply/test_reaper_fleet.py",
)
HERE = "chi_helpers/apply/reaper"


class Mutant(NamedTuple):
    file: str
    old: str
    new: str
    guards: str


def _in(module: str, old: str, new: str, guards: str) -> Mutant:
    return Mutant(f"{HERE}/{module}.py", old, new, guards)


MUTANTS = (
    _in(
        "guard",
        "(_same, _still_to_go, _same_owner, _t",
        "(_still_to_go, _same_owner, _t",
        "another thing of the same id is left alone",
    ),
    _in("guard", "DELETE: (_same, _still_to_go, ", "DELETE: (_same, ", "what is not to go any more stays"),
    _in(
        "guard",
        "_still_to_go, _same_owner, _takes",
        "_still_to_go, _takes",
        "what is another owner's by now stays",
    ),
    _in(
        "guard",
        "_same_owner, _takes_nothing_new, ",
        "_same_owner, ",
        "what would go along and is not in the plan keeps its root",
    ),
    _in(
        "guard",
        "        todo.extend(taken.takes if taken is not None else ())\n",
        "",
        "... and so does what would go along with that",
    ),
    _in(
        "guard",
        "_takes_nothing_new, _nothing_before_it)",
        "_takes_nothing_new)",
        "what must go first goes first",
    ),
    _in("guard", "_same_owner, _root_still_goes)", "_same_owner)", "nothing is marked for a root that stays"),
    _in(
        "guard",
        "TRIM: (_same, _so_already, _still_to_trim, ",
        "TRIM: (_same, _so_already, ",
        "a lease that is to end otherwise is left alone",
    ),
    _in(
        "guard",
        "and case.verdict.until == case.step.until",
        "",
        "a lease is shortened to the end that the plan says, if that is still right",
    ),
    _in(
        "guard",
        "TRIM: (_same, _so_already, ",
        "TRIM: (_same, ",
        "a lease that is short enough is not asked for again",
    ),
    _in(
        "guard",
        "RESTAMP: (_same, _so_already, _still_without_stamp, ",
        "RESTAMP: (_same, ",
        "a stamp that is there is left as it is",
    ),
    _in(
        "guard",
        "if case.verdict.restamp and case.verdict.deadline == case.step.deadline",
        "if True",
        "a stamp of another deadline is not written",
    ),
    _in(
        "guard",
        "    if not sight.inventory.complete(step.ref.kind):\n"
        "        return Ruling(May.WAIT, _unlisted(step, sight))\n",
        "",
        "half a listing neither proves nor lets go",
    ),
    _in(
        "guard",
        '    if verdict is None:\n        return Ruling(May.WAIT, "it was not judged")\n',
        '    if verdict is None:\n        return Ruling(May.GO, "", resource)\n',
        "what was not judged does not go",
    ),
    _in(
        "guard",
        "May.WAIT if case.verdict.doubtful else May.CHANGED",
        "May.CHANGED",
        "what is not known waits, and is not settled",
    ),
    _in(
        "sight",
        "return self.inventory.complete(ref.kind) and ref not in",
        "return ref not in",
        "what was not listed is not gone",
    ),
    _in(
        "sight",
        "if 0 <= began - p.taken <= p.bound(self.bounds) / 2",
        "if True",
        "an old listing does not serve again",
    ),
    _in(
        "sight",
        "fresh = min(ends.values())",
        "fresh = max(ends.values())",
        "a look is as old as its oldest part",
    ),
    _in(
        "rounds",
        "            self.eyes.forget(slow)\n",
        "",
        "while things vanish each look is a new one",
    ),
    _in(
        "sight",
        "            self.parts.pop(kind, None)\n",
        "            pass\n",
        "after a call what was seen of its kind counts no more",
    ),
    _in(
        "sight",
        "self.forget(touched(kinds))",
        "self.forget(kinds)",
        "after a call what it changes on other kinds counts no more",
    ),
    _in(
        "sight",
        "self.kind in GUARDED and all(r.revision is not None for r in self.resources)",
        "self.kind in GUARDED",
        "without revisions a look counts no longer than any other",
    ),
    _in(
        "sight",
        "whole = self.inventory.complete(self.kind)",
        "whole = True",
        "a listing that failed does not serve for as long as a whole one",
    ),
    _in(
        "sight",
        "resource.kind in GUARDED and resource.revision is not None",
        "resource.revision is not None",
        "only where the site refuses what has changed an older look counts",
    ),
    _in(
        "sight",
        "action is not Action.MARK and ",
        "",
        "a mark is not written by an older look",
    ),
    _in(
        "sight",
        "latest=max(part.inventory.at for part in parts)",
        "latest=inventory.at",
        "a plan's age is told by the newest part of a look",
    ),
    _in(
        "rounds",
        "        if abs(inventory.skew) > most:",
        "        if False:",
        "a clock that is off ends the run",
    ),
    _in(
        "rounds",
        "        if sight.latest >= self.plan.expires:",
        "        if False:",
        "an expired plan is not carried out",
    ),
    _in(
        "rounds",
        "        if (inventory.site, inventory.project_id) != (self.plan.site, self.plan.project_id):",
        "        if False:",
        "a session that shows another project ends the run",
    ),
    _in(
        "rounds",
        "            self.manifest.add(going, sight.inventory, {step.ref: step.owner for step in steps})\n",
        "",
        "the manifest is written before anything goes",
    ),
    _in(
        "rounds",
        '            self.journal.write_all("asking", (told_asked(step) for step in steps))\n',
        "",
        "a call is in the journal before it is sent",
    ),
    _in(
        "rounds",
        "now - self._moved > self.bounds.patience:\n                return sight",
        "False:\n                return sight",
        "without progress a run ends",
    ),
    _in(
        "rounds",
        "        if now - began > self.bounds.longest:\n                raise",
        "        if False:\n                raise",
        "a run ends after its longest time",
    ),
    _in(
        "rounds",
        "            if not moved and self.course.next_kinds(now):",
        "            if False:",
        "what is stuck does not hold back what is free",
    ),
    _in(
        "rounds",
        "            if refused is not None:",
        "            if False:",
        "bad credentials end the run",
    ),
    _in(
        "course",
        "        unmarked = [m for m in self._marks.get(ref, ()) if m.fate not in _MARKED]",
        "        unmarked: list[Track] = []",
        "what is left behind is marked before the root goes",
    ),
    _in(
        "course",
        "        if any(taker.open and not taker.spent for taker in self._takers.get(ref, ())):\n"
        "            return True\n",
        "",
        "what goes along is not asked for",
    ),
    _in("course", "or track.unseen or now", "or now", "after a lost answer it looks before it asks again"),
    _in(
        "course",
        "            track.spent = track.tries >= self.bounds.tries\n",
        "",
        "one thing is not asked for without end",
    ),
    _in(
        "course",
        "            if there and unchanged:",
        "            if False:",
        "what the last look shows again was not done",
    ),
    _in(
        "course",
        "                track.asked, track.detail = Asked.LOST, "
        '"the site said that it is gone, and it is there"',
        "                track.fate = Fate.DONE",
        "a 204 alone is not believed",
    ),
    _in(
        "course",
        "        elif isinstance(error, (ConflictError, ChangedError)) or not",
        "        elif not",
        "409 and 412 are no refusals for good",
    ),
    _in("course", "or not isinstance(error, RefusedError):", "or True:", "403 is final"),
    _in(
        "course",
        "        if track.step.action is not Action.DELETE or track.asked is Asked.NOT:\n",
        "        if track.step.action is not Action.DELETE:\n",
        "what went along or before was not deleted by the run",
    ),
    _in("run", "        self._ours(plan)\n", "", "a plan of another project is wrong use"),
    _in("run", "        if plan.tripped and not override:", "        if False:", "the breaker stops the run"),
    _in(
        "run",
        "proved=sight is not None and all(map(sight.inventory.complete, proof.changed_kinds(plan)))",
        "proved=sight is not None",
        "half a listing proves nothing",
    ),
    _in(
        "proof",
        "if ref in wanted and verdict.decision is Decision.DELETE and sight.shows(ref) is not None",
        "if False",
        "what is left is said",
    ),
    _in(
        "pace", "        if now >= self.resume:\n", "        if True:\n", "one overload halves the pace once"
    ),
    _in(
        "pace",
        "self.resume = max(self.resume, now + ",
        "self.resume = max(0, now + ",
        "a pause is not shortened",
    ),
    _in(
        "pace",
        "        if self.waiting > MANY:",
        "        if False:",
        "a site that becomes slower is asked less at once",
    ),
    _in(
        "send",
        "                if not answer.error:\n                    # A",
        "                if True:\n                    # A",
        "a refusal is no measure of the work",
    ),
    _in(
        "send",
        " and self.pace.resume <= self.timer.now():",
        ":",
        "nothing is sent during a pause",
    ),
    _in(
        "send",
        "                if self.timer.now() <= call.until:",
        "                if True:",
        "nothing is sent after the look is too old",
    ),
    _in(
        "send",
        "                    queue.clear()\n",
        "                    pass\n",
        "nothing more is sent with bad credentials",
    ),
    _in(
        "memory",
        "        if instant.tzinfo is None or not isinstance(name, str):",
        "        if False:",
        "a broken memory is no memory",
    ),
    _in(
        "memory",
        '        if document["format"] != FORMAT:',
        "        if False:",
        "a memory of another format is no memory",
    ),
    _in(
        "fleet",
        "    if fault := alarming(first):\n",
        "    if (fault := alarming(first)) is None:\n",
        "the others wait for the first",
    ),
    _in(
        "fleet",
        "    if report.stopped:\n",
        "    if False:\n",
        "a first one that was stopped keeps the others from beginning",
    ),
    _in(
        "fleet",
        "    if report.unproved:\n",
        "    if False:\n",
        "a first one whose end was not seen does so, too",
    ),
    _in(
        "fleet",
        "    if failed:\n",
        "    if False:\n",
        "and one at which the site failed",
    ),
)
