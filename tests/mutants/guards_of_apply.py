"""The guards of what carries plans out, `chi_helpers/apply/reaper`; all of its tests may notice each."""

from __future__ import annotations

from tests.mutants.guard import guards_of

APPLY_TESTS = (
    "tests/unit/apply/test_reaper.py",
    "tests/unit/apply/test_reaper_sight.py",
    "tests/unit/apply/test_reaper_pace.py",
    "tests/unit/apply/test_reaper_files.py",
    "tests/unit/apply/test_reaper_fleet.py",
)

APPLY = (
    *guards_of(
        "chi_helpers/apply/reaper/guard.py",
        APPLY_TESTS,
        (
            "(_same, _still_to_go, _same_owner, _t",
            "(_still_to_go, _same_owner, _t",
            "another thing of the same id is left alone",
        ),
        ("DELETE: (_same, _still_to_go, ", "DELETE: (_same, ", "what is not to go any more stays"),
        ("_still_to_go, _same_owner, _takes", "_still_to_go, _takes", "what is another owner's by now stays"),
        (
            "_same_owner, _takes_nothing_new, ",
            "_same_owner, ",
            "what would go along and is not in the plan keeps its root",
        ),
        (
            "        todo.extend(taken.takes if taken is not None else ())\n",
            "",
            "... and so does what would go along with that",
        ),
        ("_takes_nothing_new, _nothing_before_it)", "_takes_nothing_new)", "what must go first goes first"),
        ("_same_owner, _root_still_goes)", "_same_owner)", "nothing is marked for a root that stays"),
        (
            "TRIM: (_same, _so_already, _still_to_trim, ",
            "TRIM: (_same, _so_already, ",
            "a lease that is to end otherwise is left alone",
        ),
        (
            "and case.verdict.until == case.step.until",
            "",
            "a lease is shortened to the end that the plan says, if that is still right",
        ),
        (
            "TRIM: (_same, _so_already, ",
            "TRIM: (_same, ",
            "a lease that is short enough is not asked for again",
        ),
        (
            "RESTAMP: (_same, _so_already, _still_without_stamp, ",
            "RESTAMP: (_same, ",
            "a stamp that is there is left as it is",
        ),
        (
            "if case.verdict.restamp and case.verdict.deadline == case.step.deadline",
            "if True",
            "a stamp of another deadline is not written",
        ),
        (
            "    if not sight.inventory.complete(step.ref.kind):\n        return Ruling(May.WAIT, _unlisted(step, sight))\n",
            "",
            "half a listing neither proves nor lets go",
        ),
        (
            '    if verdict is None:\n        return Ruling(May.WAIT, "it was not judged")\n',
            '    if verdict is None:\n        return Ruling(May.GO, "", resource)\n',
            "what was not judged does not go",
        ),
        (
            "May.WAIT if case.verdict.doubtful else May.CHANGED",
            "May.CHANGED",
            "what is not known waits, and is not settled",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/sight.py",
        APPLY_TESTS,
        (
            "return self.inventory.complete(ref.kind) and ref not in",
            "return ref not in",
            "what was not listed is not gone",
        ),
        (
            "if 0 <= began - p.taken <= good[k] / 2",
            "if True",
            "an old listing does not serve again",
        ),
        ("fresh = min(ends.values())", "fresh = max(ends.values())", "a look is as old as its oldest part"),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/rounds.py",
        APPLY_TESTS,
        ("            self.eyes.forget(slow)\n", "", "while things vanish each look is a new one"),
        (
            "return self.see(proving_kinds(self.plan), {step.ref.kind for step in self.plan.deletions})",
            "return self.see(proving_kinds(self.plan))",
            "of a look from before only what is too old is looked at again",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/sight.py",
        APPLY_TESTS,
        (
            "            self.parts.pop(kind, None)\n",
            "            pass\n",
            "after a call what was seen of its kind counts no more",
        ),
        (
            "self.forget(touched(kinds))",
            "self.forget(kinds)",
            "after a call what it changes on other kinds counts no more",
        ),
        (
            "self.kind in GUARDED and all(r.revision is not None for r in self.resources)",
            "self.kind in GUARDED",
            "without revisions a look counts no longer than any other",
        ),
        (
            "whole = self.inventory.complete(self.kind)",
            "whole = True",
            "a listing that failed does not serve for as long as a whole one",
        ),
        (
            "resource.kind in GUARDED and resource.revision is not None",
            "resource.revision is not None",
            "only where the site refuses what has changed an older look counts",
        ),
        (
            "return min((self.guarded if safe else self.fresh, *along))",
            "return self.guarded if safe else self.fresh",
            "what goes along without a revision of its own was seen a moment ago",
        ),
        (
            "lately={part.kind: part.until(self.bounds.fresh) for part in parts}",
            "lately=ends",
            "and a moment is a moment, whatever revisions it has for its own deletion",
        ),
        (
            "self.bounds.fresh if k in lately else ",
            "",
            "what goes along is looked at again before it counts no more",
        ),
        ("action is not Action.MARK and ", "", "a mark is not written by an older look"),
        (
            "latest=max(part.inventory.at for part in parts)",
            "latest=inventory.at",
            "a plan's age is told by the newest part of a look",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/rounds.py",
        APPLY_TESTS,
        ("        if abs(inventory.skew) > most:", "        if False:", "a clock that is off ends the run"),
        (
            "        if sight.latest >= self.plan.expires:",
            "        if False:",
            "an expired plan is not carried out",
        ),
        (
            "        if (inventory.site, inventory.project_id) != (self.plan.site, self.plan.project_id):",
            "        if False:",
            "a session that shows another project ends the run",
        ),
        (
            "            self.manifest.add(going, sight.inventory, {step.ref: step.owner for step in steps})\n",
            "",
            "the manifest is written before anything goes",
        ),
        (
            '            self.journal.write_all("asking", (told_asked(step) for step in steps))\n',
            "",
            "a call is in the journal before it is sent",
        ),
        (
            "now - self._moved > self.bounds.patience:\n                return sight",
            "False:\n                return sight",
            "without progress a run ends",
        ),
        (
            "        if now - began > self.bounds.longest:\n                raise",
            "        if False:\n                raise",
            "a run ends after its longest time",
        ),
        (
            "            if not moved and self.course.next_kinds(now):",
            "            if False:",
            "what is stuck does not hold back what is free",
        ),
        ("            if refused is not None:", "            if False:", "bad credentials end the run"),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/course.py",
        APPLY_TESTS,
        (
            "        unmarked = [m for m in self._marks.get(ref, ()) if m.fate not in _MARKED]",
            "        unmarked: list[Track] = []",
            "what is left behind is marked before the root goes",
        ),
        (
            "        if any(taker.open and not taker.spent for taker in self._takers.get(ref, ())):\n            return True\n",
            "",
            "what goes along is not asked for",
        ),
        ("or track.unseen or now", "or now", "after a lost answer it looks before it asks again"),
        (
            "            track.spent = track.tries >= self.bounds.tries\n",
            "",
            "one thing is not asked for without end",
        ),
        (
            "            if there and unchanged:",
            "            if False:",
            "what the last look shows again was not done",
        ),
        (
            '                track.asked, track.detail = Asked.LOST, "the site said that it is gone, and it is there"',
            "                track.fate = Fate.DONE",
            "a 204 alone is not believed",
        ),
        (
            "        elif isinstance(error, (ConflictError, ChangedError)) or not",
            "        elif not",
            "409 and 412 are no refusals for good",
        ),
        ("or not isinstance(error, RefusedError):", "or True:", "403 is final"),
        (
            "        if track.step.action is not Action.DELETE or track.asked is Asked.NOT:\n",
            "        if track.step.action is not Action.DELETE:\n",
            "what went along or before was not deleted by the run",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/run.py",
        APPLY_TESTS,
        ("        self._ours(plan)\n", "", "a plan of another project is wrong use"),
        ("        if plan.tripped and not override:", "        if False:", "the breaker stops the run"),
        (
            "proved=sight is not None and all(map(sight.inventory.complete, proof.changed_kinds(plan)))",
            "proved=sight is not None",
            "half a listing proves nothing",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/proof.py",
        APPLY_TESTS,
        (
            "if ref in wanted and verdict.decision is Decision.DELETE and sight.shows(ref) is not None",
            "if False",
            "what is left is said",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/pace.py",
        APPLY_TESTS,
        (
            "            if now >= self.resume:\n",
            "            if True:\n",
            "one overload halves the pace once",
        ),
        ("self.resume = max(self.resume, now + ", "self.resume = max(0, now + ", "a pause is not shortened"),
        (
            "        if self.waiting > MANY:",
            "        if False:",
            "a site that becomes slower is asked less at once",
        ),
        ("ceil(self.slots / max(1, self._senders))", "self.slots", "projects at a site share what it bears"),
        (
            "                self.width, self.waiting, self._starting = 1.0, 0.0, True\n",
            "",
            "the first call of a kind waits for none of ours",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/send.py",
        APPLY_TESTS,
        (
            "                if not answer.error:\n                    # A",
            "                if True:\n                    # A",
            "a refusal is no measure of the work",
        ),
        (" and self.pace.resume <= self.timer.now():", ":", "nothing is sent during a pause"),
        (
            "deque(sorted(calls, key=lambda call: call.until))",
            "deque(calls)",
            "what may wait the least is not made to wait for the rest",
        ),
        (
            "                if self.timer.now() <= call.until:",
            "                if True:",
            "nothing is sent after the look is too old",
        ),
        (
            "                    queue.clear()\n",
            "                    pass\n",
            "nothing more is sent with bad credentials",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/memory.py",
        APPLY_TESTS,
        (
            "        if instant.tzinfo is None or not isinstance(name, str):",
            "        if False:",
            "a broken memory is no memory",
        ),
        (
            '        if document["format"] != FORMAT:',
            "        if False:",
            "a memory of another format is no memory",
        ),
    ),
    *guards_of(
        "chi_helpers/apply/reaper/fleet.py",
        APPLY_TESTS,
        (
            "    if fault := alarming(first):\n",
            "    if (fault := alarming(first)) is None:\n",
            "the others wait for the first",
        ),
        (
            "    if report.stopped:\n",
            "    if False:\n",
            "a first one that was stopped keeps the others from beginning",
        ),
        ("    if report.unproved:\n", "    if False:\n", "a first one whose end was not seen does so, too"),
        ("    if failed:\n", "    if False:\n", "and one at which the site failed"),
    ),
)
