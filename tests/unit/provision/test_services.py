"""What a lab's nodes serve, by their roles."""

from __future__ import annotations

import pytest

from chi_helpers.model.errors import UsageError
from chi_helpers.provision.services import Service, chosen, services

STACKS = {
    "node1": ("base", "ray", "serving", "monitoring"),
    "node2": ("base", "ray", "mlflow"),
    "node3": ("base", "postgres", "ray", "monitoring"),
}


def test_every_role_that_serves_has_its_service_on_its_node():
    found = services(STACKS)
    assert Service("serving", "node1", 8000, "/docs") in found
    assert Service("mlflow", "node2", 5000) in found
    assert "postgres" not in {s.name for s in found}


@pytest.mark.parametrize("name", ["ray", "prometheus"])
def test_a_page_for_the_whole_lab_is_on_its_first_node_alone(name):
    assert [s.node for s in services(STACKS) if s.name == name] == ["node1"]


def test_the_files_options_may_name_other_ports():
    found = services(STACKS, {"serving_port": 8001, "monitoring_port": 9191})
    assert {(s.name, s.port) for s in found} >= {("serving", 8001), ("prometheus", 9191), ("mlflow", 5000)}


@pytest.mark.parametrize("port", ["eight", [8000], 0, 65536, True, None, 80.5])
def test_a_port_that_is_none_is_refused_with_its_name(port):
    with pytest.raises(UsageError, match=r"options\.serving_port is .*1 to 65535"):
        services(STACKS, {"serving_port": port})


def test_those_that_are_named_are_chosen_and_all_where_none_is():
    found = services(STACKS)
    assert chosen(found, []) == found
    assert [s.name for s in chosen(found, ["mlflow"])] == ["mlflow"]


@pytest.mark.parametrize(
    ("stacks", "names", "said"),
    [
        ({"node1": ("base",)}, [], "serves anything"),
        (STACKS, ["jupyter"], "serves jupyter"),
    ],
)
def test_what_nobody_serves_is_said_with_what_there_is(stacks, names, said):
    with pytest.raises(UsageError, match=said) as error:
        chosen(services(stacks), names)
    assert error.value.do
