"""Running student code: zygote, lockdown, kernel, snapshots and the wire.

Nothing here knows an assignment, an oracle or a verdict. Modules are imported by their full
name: the student's process loads only `agent`, `wire` and what those need.
"""
