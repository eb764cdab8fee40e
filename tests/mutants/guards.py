"""The guards of what decides and looks, and what the code is without each; of what acts: `guards_of_apply`.

A guard is a text that its file has exactly once. Add one for every new check that keeps something alive that
should live; name the tests that must notice it, the quickest first.
"""

from __future__ import annotations

from tests.mutants.guard import guards_of
from tests.mutants.guards_of_apply import APPLY

EXPIRY = ("tests/unit/policy/test_expiry.py", "tests/unit/policy/test_judge.py")
OWNERS = ("tests/unit/policy/test_owners.py", "tests/unit/policy/test_judge.py")
JUDGE = (
    "tests/unit/policy/test_judge.py",
    "tests/unit/policy/test_expiry.py",
    "tests/unit/policy/test_owners.py",
)
PROTECTION = ("tests/unit/policy/test_protection.py",)
MEMORY = ("tests/unit/policy/test_memory.py", "tests/unit/policy/test_owners.py")
CONTAINERS = ("tests/unit/sites/test_inventory.py::TestStorage",)
BREAKER = ("tests/unit/policy/test_breaker.py",)
PLAN = ("tests/unit/plan/test_reap.py",)
DOCUMENT = ("tests/unit/plan/test_reapdocument.py",)


POLICY = (
    *guards_of(
        "chi_helpers/policy/listing.py",
        JUDGE,
        ("if not inventory.complete(other):", "if False:", "what may be tied to a kind that was not listed"),
        ("if resource.unclear:", "if False:", "a thing whose own ties are not told"),
        ("if _is_a_stub(resource):", "if False:", "an instance of a cell that does not answer"),
        ("if blind is not None and not", "if False and not", "what an unclear thing may need"),
        ("(kind, *sorted(", "(*(), *sorted(", "a kind that was not wholly listed itself"),
    ),
    *guards_of(
        "chi_helpers/policy/closure.py",
        JUDGE,
        (
            "(takers.get(stays, ()), needs.get(stays, ()))",
            "(takers.get(stays, ()),)",
            "what a thing that stays needs",
        ),
        (
            "(takers.get(stays, ()), needs.get(stays, ()))",
            "(needs.get(stays, ()),)",
            "what would go along, and stays",
        ),
        ("todo.append(other)", "pass", "the same through chains"),
        (
            "b == YES and n not in lost for n, b in enumerate(base)",
            "b == YES for b in base",
            "what was not listed and would go along",
        ),
        (
            "b == YES and n not in lost for n, b in enumerate(base)",
            "b != NO and n not in lost for n, b in enumerate(base)",
            "everything that is not known",
        ),
    ),
    *guards_of(
        "chi_helpers/policy/judge.py",
        JUDGE,
        (
            "(case.listed, claim.ours, claim.owned, case.unprotected))",
            "(claim.ours, claim.owned, case.unprotected))",
            "LISTED is one of the rules",
        ),
        (
            "(case.listed, claim.ours, claim.owned, case.unprotected))",
            "(case.listed, claim.owned, case.unprotected))",
            "OURS is one of the rules",
        ),
        (
            "(case.listed, claim.ours, claim.owned, case.unprotected))",
            "(case.listed, claim.ours, case.unprotected))",
            "OWNED is one of the rules",
        ),
        (
            "(case.listed, claim.ours, claim.owned, case.unprotected))",
            "(case.listed, claim.ours, claim.owned))",
            "UNPROTECTED is one of the rules",
        ),
        (
            "return (case.term.expired, case.term.warned)",
            "return (case.term.warned,)",
            "EXPIRED is one of the rules",
        ),
        (
            "return (case.term.expired, case.term.warned)",
            "return (case.term.expired,)",
            "WARNED is one of the rules",
        ),
        ("value = min(value, UNKNOWN)", "pass", "unknown is not true"),
        ("if truth is _NO:", "if False:", "no is not true"),
        (
            "if resource.kind is Kind.LEASE and resource.status == HISTORY:",
            "if False:",
            "ended leases are history",
        ),
        (
            "if not self.expiry.trusted or not self._endable[number]:",
            "if not self.expiry.trusted:",
            "what may not end, in a lease to be shortened",
        ),
        (
            "if not self.expiry.trusted or not self._endable[number]:",
            "if not self._endable[number]:",
            "leases, from a clock that is off",
        ),
        (
            "self.now + TRIM_AHEAD <= end < lease.end",
            "self.now + TRIM_AHEAD <= end",
            "a lease is never made longer",
        ),
        (
            "(v == YES and n not in lost for n, v in enumerate(self._lasting))",
            "(v == YES for v in lasting)",
            "a lease in which something was not listed",
        ),
        ("if now.tzinfo is None:", "if False:", "no guess at a time zone"),
        (
            "for finding in (case.claim.ours, case.claim.owned, case.unprotected):",
            "for finding in (case.claim.ours, case.claim.owned):",
            "no warning of what is spared",
        ),
        ("claim.lent and decision", "decision", "a stamp only for an instance in its owner's lease"),
    ),
    *guards_of(
        "chi_helpers/policy/expiry.py",
        EXPIRY,
        (
            "self.trusted = abs(skew) <= spec.reap.skew",
            "self.trusted = True",
            "everything, from a clock that is off",
        ),
        (
            "self._both = min(now, now + skew)",
            "self._both = now",
            "what only one of the two clocks calls old",
        ),
        ("self._late = self._both - spec.reap.grace", "self._late = self._both", "the grace"),
        ("deadline <= said <= self._both", "said <= self._both", "another deadline needs another warning"),
        ("deadline <= said <= self._both", "deadline <= said", "nothing goes sooner than was said"),
        ("if deadline <= self._too_late:", "if True:", "deletion needs a warning or the hard cap"),
        ("elif resource.stamp_fault:", "elif False:", "a stamp that cannot be read may have said more"),
        (
            "if resource.mark is not None and resource.mark.lab == self._spec.lab:",
            "if resource.mark is not None:",
            "marks of other labs' reapers do not count",
        ),
        ("if resource.kind is Kind.LEASE:", "if False:", "leases made in advance"),
        (
            "None if found.tzinfo is None else found.astimezone(UTC)",
            "found.replace(tzinfo=UTC)",
            "no guess at a time zone that somebody left out",
        ),
        (
            '(_later(start, cap), "lifetime.max after it was made")',
            '(start, "lifetime.max after it was made")',
            "the young",
        ),
        (
            "return self.trusted and bool(marks) and",
            "return bool(marks) and",
            "no warning by a clock that is off",
        ),
    ),
    *guards_of(
        "chi_helpers/policy/owners.py",
        OWNERS,
        ("elif self._reapers_own(resource):", "elif False:", "the reaper's own key pairs"),
        ("elif resource.stamp_fault:", "elif False:", "what carries a stamp that cannot be read"),
        ("elif stamp is not None and stamp.lab == lab:", "elif stamp is not None:", "other labs' things"),
        (
            "elif mark is not None and mark.lab == lab:",
            "elif mark is not None:",
            "what other labs' reapers marked",
        ),
        ("mark.owner != stamp.owner", "False", "stamp and mark that disagree"),
        (
            "elif stamp is not None and not self._spec.reap.exclusive:",
            "elif False:",
            "another lab's stamp, in a shared project",
        ),
        (
            "(self._by_hand(number, resource) if self._spec.reap.exclusive else self._foreign)",
            "self._by_hand(number, resource)",
            "what was made by hand in a shared project",
        ),
        (
            "if resource.kind is Kind.KEY_PAIR and resource.name not in self.people.of_lease:",
            "if False:",
            "key pairs that people have for themselves",
        ),
        ("if len(inside) > 1:", "if False:", "a lease in which two owners' instances run"),
        (
            "is not None and stamp.lab == self._spec.lab\n        }",
            "is not None\n        }",
            "a lease in which another lab's instances run",
        ),
        (
            'if not clue.known or clue.owner not in ("", owner):',
            "if False:",
            "a part that is somebody else's",
        ),
        (
            'if len(owners) > 1:\n            return _doubt(f"it goes',
            'if False:\n            return _doubt(f"it goes',
            "what two peoples' things take along",
        ),
        (
            "if not home or not sure or resource.stamp is not None:",
            "if not home or not sure:",
            "an instance of another lab in the kit's lease",
        ),
        (
            "if not home or not sure or resource.stamp is not None:",
            "if not home or resource.stamp is not None:",
            "an instance in a lease that is nobody's",
        ),
        (
            "        if others:\n",
            "        if False:\n",
            "an instance in the lease that something says is another's",
        ),
        ("if resource.user_id != maker and not clues:", "if False:", "another user's instance in the lease"),
        (
            "return self._second_look(resource, claim)._replace(lent=True)",
            "return claim._replace(lent=True)",
            "an unstamped instance, before it is seen twice",
        ),
        (
            "if not self._inventory.complete(kind):",
            "if False:",
            "where evidence for another owner may be missing",
        ),
        (
            'if len(owners) > 1:\n            return _doubt(f"the evidence',
            'if False:\n            return _doubt(f"the evidence',
            "evidence for two owners",
        ),
        (
            "if strangers and (owners or not all",
            "if False and (owners or not all",
            "evidence for a stranger beside an owner",
        ),
        (
            "if not owners or (resource.kind is Kind.INSTANCE and not named):",
            "if not owners:",
            "an instance of which only its lease tells",
        ),
        (
            "claim = self._second_look(resource, claim)",
            "pass",
            "what was made by hand, before it is seen twice",
        ),
        ("self._now - since >= self._spec.reap.second_look", "True", "the time between two looks"),
    ),
    *guards_of(
        "chi_helpers/policy/people.py",
        OWNERS,
        ('if letter in "-_":', "if True:", "only a whole suffix names an owner"),
        (
            'return [Clue("", "the site does not tell who made it", known=False)] if lacks else []',
            "return []",
            "a maker that is not told",
        ),
        ("if self._administrator:", "if False:", "a maker whom the site does not name"),
        ("if self._all_ids else []", "if True else []", "not being on half a roster is no evidence"),
    ),
    *guards_of(
        "chi_helpers/policy/protection.py",
        PROTECTION,
        ("if resource.fixed and not part:", "if False:", "what is the site's"),
        (
            "if resource.locked is not False:",
            "if resource.locked is None:",
            "Nova's lock and Glance's protection",
        ),
        ("if resource.locked is not False:", "if resource.locked:", "a lock that is not told"),
        ("if owner in self._owners:", "if False:", "spared owners"),
        ("if name in self._until:", "if False:", "names that are spared until a day"),
        ("if compiled.search(name):", "if compiled.match(name):", "spared names, anywhere in the name"),
        ("self._owners.add(person.owner)", "pass", "spared owners by their other names"),
    ),
    *guards_of(
        "chi_helpers/policy/ties.py",
        JUDGE,
        (
            "if self.is_part(number, other) and other not in held:",
            "if False:",
            "a part, while its whole stays",
        ),
        ("if len(taken) < len(set(resource.takes)):", "if False:", "what was not listed and would go along"),
        ('unclear=("it was listed twice, and differently",),', "", "what was listed twice, and differently"),
    ),
    *guards_of(
        "chi_helpers/policy/memory.py",
        MEMORY,
        ("if resource.created is None:", "if False:", "what cannot be told from another of its name"),
        (
            "resource.created is not None and resource.created > since",
            "False",
            "another thing of the same name",
        ),
        (
            "for ref, at in memory.first_seen.items() if not inventory.complete(ref.kind)",
            "for ref, at in memory.first_seen.items() if False",
            "memory, where a kind was not listed",
        ),
        (
            "if ref in present or not inventory.complete(ref.kind)",
            "if ref in present",
            "warnings, where a kind was not listed",
        ),
    ),
    *guards_of(
        "chi_helpers/policy/breaker.py",
        BREAKER,
        ("if allowed is None or planned <= allowed:", "if not allowed or planned <= allowed:", "0 means 0"),
        (
            "found = {ref: step.owner for step in deletions for ref in step.takes}",
            "found: dict[Ref, str] = {}",
            "what goes along counts",
        ),
        ("before + len(owners), limits.run", "len(owners), limits.run", "the run, over several projects"),
        ("if limits.share > 0 else 0", "", "a share of 0"),
        ("if r.status != HISTORY", "", "a share of what is there, not of history"),
    ),
)
PLANNING = (
    *guards_of(
        "chi_helpers/plan/reap.py",
        PLAN,
        ("if root != number:", "if False:", "each waits for what needs it"),
        (
            "if flag and not any(goes[taker] for taker in edges(self.ties.takers, number))",
            "if flag",
            "what goes along is not asked for",
        ),
        (
            "for part in (number, *self.along[number]):",
            "for part in (number,):",
            "what needs a part is waited for",
        ),
        ("found += self._marks()", "pass", "what a dying root leaves behind"),
        ("if not self.judged.cases[number].claim.tied:", "if True:", "the same"),
        ("if self.judged.closure.sure[other]}", "}", "a mark names what goes"),
        ("tripped=tripped(steps, inventory, policy.spec.reap.limits),", "", "the limits"),
        ("expires=now + LIFE,", "expires=now + 100 * LIFE,", "a plan's short life"),
        ("            resource.created,\n", "            None,\n", "another thing of the same id or name"),
    ),
    *guards_of(
        "chi_helpers/plan/reapdocument.py",
        DOCUMENT,
        ('if document.get("digest") != digest(document):', "if False:", "a plan that was changed"),
        ('if document.get("version") != VERSION:', "if False:", "a plan of another program"),
        ("if name not in codecs:", "if False:", "a field that nobody reads"),
        ("if type(value) is not kind:", "if False:", "values of another type"),
        ("if found.tzinfo is None:", "if False:", "no guess at a time zone"),
    ),
)
LOOKING = guards_of(
    "chi_helpers/sites/inventory/objects.py",
    CONTAINERS,
    ("max(made, written.astimezone(UTC))", "made", "a container that was deleted and made again"),
    (
        "except (ValueError, TypeError, IndexError, OverflowError):\n        return None",
        "except (ValueError, TypeError, IndexError, OverflowError):\n        return made",
        "a container whose Last-Modified cannot be read",
    ),
    (
        "None if written.tzinfo is None else max(",
        "max(made, written.replace(tzinfo=UTC)) if written.tzinfo is None else max(",
        "no guess at a time zone",
    ),
)
GUARDS = (*POLICY, *PLANNING, *LOOKING, *APPLY)
