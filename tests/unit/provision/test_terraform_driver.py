"""How Terraform is started, what it is given, and what is said of its end; with a program in its place."""

from __future__ import annotations

import json
import stat
import sys

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.provision import terraform
from chi_helpers.provision.terraform import Terraform, TerraformError, program, state_file

PROGRAM = """#!{python}
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
cwd = pathlib.Path.cwd()
told = {{
    "argv": sys.argv[1:], "env": dict(os.environ), "cwd": str(cwd), "stdin": sys.stdin.read(),
    "files": sorted(str(path.relative_to(cwd.parent)) for path in cwd.parent.rglob("*") if path.is_file()),
    "imports": (cwd / "imports.tf").read_text() if (cwd / "imports.tf").exists() else None,
}}
with (here / "calls").open("a") as log:
    print(json.dumps(told), file=log)
(here / "made").touch()
code, out, err = json.loads((here / "answers").read_text()).get(sys.argv[1], [0, "", ""])
print(out)
print(err, file=sys.stderr)
sys.exit(code)
"""
NODES = {"node1": {"instance_id": "i-1", "floating_ip": None}}
OUTPUT = json.dumps({"nodes": {"value": NODES}})


def summary(operation, **counts):
    return json.dumps({"type": "change_summary", "changes": {"operation": operation, **counts}})


def error(summary_):
    return json.dumps({"type": "diagnostic", "diagnostic": {"severity": "error", "summary": summary_}})


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout whose terraform/ has only what a test puts there."""
    found = tmp_path / "checkout"
    for name in ("lab/main.tf", "modules/nodes/main.tf", "modules/nodes/tests/n.tftest.hcl",
                 "lab/.terraform.lock.hcl", "lab/terraform.tfstate.backup"):  # fmt: skip
        path = found / "terraform" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# as it is")
    monkeypatch.setattr(terraform, "_CHECKOUT", found)
    return found


@pytest.fixture
def fake(tmp_path, monkeypatch, checkout):
    """`fake(**answers)`: verb -> (exit code, stdout, stderr); gives what shows the calls so far."""
    folder = tmp_path / "bin"
    folder.mkdir()
    path = folder / "terraform"
    path.write_text(PROGRAM.format(python=sys.executable))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))

    def put(**answers):
        (folder / "answers").write_text(json.dumps(answers))
        return lambda: [json.loads(line) for line in (folder / "calls").read_text().splitlines()]

    put.made = folder / "made"  # type: ignore[attr-defined]
    return put


@pytest.fixture
def runner(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    return Terraform(folder, {"OS_AUTH_URL": "http://site", "LANG": "from the site"}, lambda _: None)


def stateful(runner):
    runner.work.mkdir(exist_ok=True)
    resource = {"mode": "managed", "type": "t", "name": "n", "instances": [{}]}
    runner.state.write_text(json.dumps({"resources": [resource]}))


def test_the_command_lines_are_these(fake, runner):
    calls = fake(apply=[0, summary("apply", add=1), ""], output=[0, OUTPUT, ""])
    assert runner.apply({"name": "hello"}, "import {}") == (1, NODES)
    state, common = f"-state={runner.state}", ["-input=false", f"-state={runner.state}", "-lock-timeout=120s"]
    assert [call["argv"] for call in calls()] == [
        ["init", "-input=false", "-no-color"],
        ["apply", "-json", *common, "-auto-approve=true"],
        ["output", "-json", state],
    ]
    assert {call["cwd"] for call in calls()} == {str(runner.work / "lab")}
    assert {call["stdin"] for call in calls()} == {""}, "it has nobody to ask"
    stateful(runner)
    runner.destroy()
    assert [call["argv"] for call in calls()][3:] == [
        ["init", "-input=false", "-no-color"],
        ["destroy", "-json", *common, "-auto-approve=true"],
    ]


def test_it_works_on_a_copy_of_the_configuration_without_its_tests_and_states(fake, runner):
    calls = fake(apply=[0, summary("apply"), ""], output=[0, OUTPUT, ""])
    for _ in range(2):
        runner.apply({"name": "hello"}, "import {}")
    assert calls()[1]["files"] == [
        "lab/imports.tf", "lab/main.tf", "lab/terraform.tfvars.json", "modules/nodes/main.tf",
    ]  # fmt: skip
    assert calls()[1]["imports"] == "import {}"
    given = runner.work / "lab" / "terraform.tfvars.json"
    assert json.loads(given.read_text()) == {"name": "hello"}
    given.chmod(0o644)
    runner.apply({"name": "other"}, "")
    assert (stat.S_IMODE(given.stat().st_mode), json.loads(given.read_text())) == (0o600, {"name": "other"})
    assert runner.state == state_file(runner.folder) == runner.folder / "terraform" / "terraform.tfstate"


def test_what_it_writes_itself_is_for_the_owner_alone(fake, runner):
    fake(apply=[0, summary("apply"), ""], output=[0, OUTPUT, ""])
    runner.apply({}, "")
    assert stat.S_IMODE(fake.made.stat().st_mode) == 0o600


def test_its_environment_is_the_site_s_login_and_what_it_needs_to_run(fake, runner, monkeypatch):
    for name in (*terraform.KEPT, "OS_PASSWORD", "TF_LOG", "TF_VAR_name", "AWS_SECRET"):
        if name != "PATH":
            monkeypatch.setenv(name, f"my {name}")
    calls = fake(apply=[0, summary("apply"), ""], output=[0, OUTPUT, ""])
    runner.apply({}, "")
    for call in calls():
        found = {name: value for name, value in call["env"].items() if name not in ("PATH", "LC_CTYPE")}
        assert found == {
            **{name: f"my {name}" for name in terraform.KEPT if name != "PATH"},
            "OS_AUTH_URL": "http://site",
            "LANG": "from the site",
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }


def test_the_provider_comes_from_the_checkout_s_mirror_where_there_is_one(
    fake, runner, checkout, monkeypatch
):
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "/mine")
    mirror = checkout / ".chi-lab" / "terraform" / "mirror"
    mirror.mkdir(parents=True)
    calls = fake(apply=[0, summary("apply"), ""], output=[0, OUTPUT, ""])
    runner.apply({}, "")
    [rc] = {call["env"]["TF_CLI_CONFIG_FILE"] for call in calls()}
    text = (runner.work / "cli.tfrc").read_text()
    assert rc == str(runner.work / "cli.tfrc")
    assert text.split() == [
        "provider_installation",
        "{",
        "filesystem_mirror",
        "{",
        "path",
        "=",
        f'"{mirror}"',
        "}",
        "}",
    ]


def test_without_the_configuration_nothing_is_started(fake, runner, checkout):
    (checkout / "terraform" / "lab" / "main.tf").unlink()
    calls = fake()
    with pytest.raises(UsageError, match=f"No terraform/lab in {checkout}") as refused:
        runner.apply({}, "")
    assert "from a checkout" in refused.value.do
    with pytest.raises(FileNotFoundError):
        calls()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("╷\n│ Error: No provider\n│ \n│   at all\n╵\n", "No provider at all"),
        ("", "it gave no reason"),
        ("x" * 700, "x" * 600),
    ],
)
def test_a_provider_that_cannot_be_installed_is_told_with_what_to_do(fake, runner, checkout, said, told):
    calls = fake(init=[1, "noise", said])
    with pytest.raises(UsageError) as refused:
        runner.apply({}, "")
    assert refused.value.what == f"Terraform's OpenStack provider cannot be installed: {told}"
    for what in ("make terraform-provider", str(checkout / ".chi-lab/terraform/mirror"), "launch: terraform"):
        assert what in refused.value.do
    assert [call["argv"][0] for call in calls()] == ["init"]


def test_a_failed_apply_is_told_by_its_diagnostics_else_by_its_exit_code(fake, runner):
    fake(apply=[1, error("No room"), ""])
    with pytest.raises(TerraformError, match=r"^terraform apply: No room") as failed:
        runner.apply({}, "")
    assert "run the same again" in failed.value.do
    fake(apply=[3, "", ""])
    with pytest.raises(TerraformError, match=r"^terraform apply: it ended with 3"):
        runner.apply({}, "")
    fake(apply=[1, "", error("No key")])
    with pytest.raises(TerraformError, match="No key"):
        runner.apply({}, "")


def test_progress_is_noted_as_it_comes(fake, tmp_path):
    start = {"type": "apply_start", "hook": {"resource": {"addr": "a.b"}, "action": "create"}}
    fake(apply=[0, json.dumps(start), ""], output=[0, OUTPUT, ""])
    noted: list[str] = []
    Terraform(tmp_path, {}, noted.append).apply({}, "")
    assert noted == ["makes a.b"]


def test_outputs_that_cannot_be_read_are_a_failure(fake, runner):
    fake(apply=[0, summary("apply"), ""], output=[1, "", "│ Error: state is locked"])
    with pytest.raises(TerraformError, match=r"^terraform output: state is locked"):
        runner.apply({}, "")


def test_what_is_destroyed_is_counted_and_the_folder_goes(fake, runner):
    stateful(runner)
    calls = fake(destroy=[0, summary("destroy", remove=7), ""])
    assert runner.destroy() == 7
    assert calls()[-1]["imports"] == "", "an import left over would bring back what goes"
    assert not runner.work.exists()
    assert runner.destroy() == 0
    assert len(calls()) == 2


def test_a_failed_destroy_keeps_the_state(fake, runner):
    stateful(runner)
    fake(destroy=[1, error("in use"), ""])
    with pytest.raises(TerraformError, match=r"^terraform destroy: in use"):
        runner.destroy()
    assert runner.state.exists()


def test_the_program_is_terraform_else_tofu(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError) as refused:
        program()
    assert "Install one of them" in refused.value.do
    for name in ("tofu", "terraform"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert program() == str(tmp_path / name)
