# Without a site: the stamp on everything, and which networks are refused.

mock_provider "openstack" {}

variables {
  name        = "lab-ann"
  description = "chi-lab chi_lab_owner=ann chi_lab=lab delete_at=2026-11-27T22:00:00+00:00"
  cidr        = "192.168.7.0/24"
}

run "stamped" {
  command = plan
  assert {
    condition = alltrue([for text in [
      openstack_networking_network_v2.lab.description,
      openstack_networking_subnet_v2.lab.description,
      openstack_networking_router_v2.lab.description,
    ] : text == var.description])
    error_message = "Network, subnet and router carry the stamp."
  }
}

run "public_addresses" {
  command = plan
  variables {
    cidr = "8.8.8.0/24"
  }
  expect_failures = [var.cidr]
}

run "no_network_at_all" {
  command = plan
  variables {
    cidr = "192.168.7"
  }
  expect_failures = [var.cidr]
}

run "without_a_stamp" {
  command = plan
  variables {
    description = "mine"
  }
  expect_failures = [var.description]
}
