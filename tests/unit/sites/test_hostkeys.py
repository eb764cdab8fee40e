"""Host keys are read from what cloud-init writes on the console, and from nothing else."""

from __future__ import annotations

from chi_helpers.sites.hostkeys import parse

# As cloud-init writes them (cloudinit/config/cc_keys_to_console.py).
BEGIN, END = "-----BEGIN SSH HOST KEY KEYS-----", "-----END SSH HOST KEY KEYS-----"
ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEd"
EC = "ecdsa-sha2-nistp256 AAAAE2VjZHNh"


def console(*lines):
    return "\r\n".join(["[  1.0] boot", *lines, "login: "])


def test_the_keys_between_the_marks_are_read_without_comments():
    assert parse(console(BEGIN, f"{EC} root@n", f"{ED} root@n", END)) == (EC, ED)


def test_lines_with_a_prefix_of_kernel_time_or_cloud_init_are_read():
    assert parse(
        console(f"[   9.1] cloud-init[7]: {BEGIN}", f"[ 9.2] cloud-init[7]: {ED} root@n", f"ci: {END}")
    ) == (ED,)


def test_a_block_that_has_not_ended_yet_gives_no_keys():
    assert parse(console(BEGIN, ED)) == ()


def test_a_key_outside_the_marks_is_not_believed():
    assert parse(console(f"{ED} evil", BEGIN, END)) == ()


def test_after_a_rebuild_the_last_block_counts():
    assert parse(console(BEGIN, ED, END, BEGIN, EC, END)) == (EC,)
