"""Carry the reaper's plan out, and nothing but that plan.

`run` is the whole of it; `course` knows what became of each step, `guard` what may still go, `sight` looks,
`pace` and `send` make the calls, `proof` says what is left. `fleet` runs several projects, one of them first.
"""
