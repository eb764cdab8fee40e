# Without a site: each owner's nodes carry that owner's stamp.

mock_provider "openstack" {
  mock_resource "openstack_networking_port_v2" {
    defaults = { all_fixed_ips = ["10.0.0.2"] }
  }
}

variables {
  lab       = "lab"
  delete_at = "2026-11-27T22:00:00+00:00"
  owners = {
    ann = { key_name = "ann", nodes = { node1 = { name = "lab-ann", image = "I", flavor_id = "F" } } }
    bob = { key_name = "bob", private_network = "192.168.7.0/24", nodes = { node1 = { name = "lab-bob", image = "I", flavor_id = "G" } } }
  }
}

run "a_lab_for_each_owner" {
  command = apply
  assert {
    condition     = output.labs["ann"]["node1"].name == "lab-ann" && output.labs["bob"]["node1"].name == "lab-bob"
    error_message = "Each owner has the nodes that the roster gives them."
  }
}

run "one_name_for_two_owners" {
  command = plan
  variables {
    owners = {
      ann = { key_name = "ann", nodes = { node1 = { name = "lab", image = "I", flavor_id = "F" } } }
      bob = { key_name = "bob", nodes = { node1 = { name = "lab", image = "I", flavor_id = "F" } } }
    }
  }
  expect_failures = [var.owners]
}
