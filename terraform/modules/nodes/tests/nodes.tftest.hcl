# Without a site: what is planned for good nodes, and which are refused.

mock_provider "openstack" {
  mock_data "openstack_images_image_v2" {
    defaults = { id = "11111111-1111-4111-8111-111111111111" }
  }
}

variables {
  key_name   = "me"
  peers_name = "lab-ann-nodes"
  network_id = "22222222-2222-4222-8222-222222222222"
  stamp      = { owner = "ann", lab = "lab", delete_at = "2026-11-27T22:00:00+00:00" }
  nodes = {
    one = { name = "one-lab-ann", image = "I", flavor_id = "F", floating_ip = true, ports = [22, 8888] }
    two = { name = "two-lab-ann", image = "I", reservation_id = "R" }
    vol = { name = "vol-lab-ann", image = "I", flavor_id = "F", boot_volume = 40 }
  }
}

run "good_nodes" {
  command = plan

  assert {
    condition     = join(" ", keys(openstack_networking_secgroup_rule_v2.port)) == "one/22 one/8888 two/22 vol/22"
    error_message = "Exactly the ports of the nodes are open."
  }
  assert {
    condition     = openstack_compute_instance_v2.node["one"].metadata == tomap({ chi_lab_owner = "ann", chi_lab = "lab", delete_at = "2026-11-27T22:00:00+00:00", chi_lab_node = "one" })
    error_message = "An instance carries the stamp in its metadata."
  }
  assert {
    condition     = openstack_networking_floatingip_v2.node["one"].description == "chi-lab chi_lab_owner=ann chi_lab=lab delete_at=2026-11-27T22:00:00+00:00 chi_lab_node=one"
    error_message = "An address carries the stamp in its description."
  }
  assert {
    condition     = join(" ", keys(openstack_networking_floatingip_v2.node)) == "one"
    error_message = "Only the node that asks for an address gets one."
  }
  assert {
    condition     = openstack_networking_secgroup_v2.peers[0].name == "lab-ann-nodes"
    error_message = "Several nodes have a group that joins them."
  }
  assert {
    condition     = one(openstack_compute_instance_v2.node["two"].scheduler_hints).additional_properties["reservation"] == "R"
    error_message = "A bare-metal node takes its reservation as a scheduler hint."
  }
  assert {
    condition     = openstack_blockstorage_volume_v3.boot["vol"].size == 40 && openstack_compute_instance_v2.node["vol"].block_device[0].boot_index == 0
    error_message = "A node with boot_volume boots from a volume of that size."
  }
  assert {
    condition     = openstack_blockstorage_volume_v3.boot["vol"].metadata == openstack_compute_instance_v2.node["vol"].metadata
    error_message = "A boot volume carries its node's stamp."
  }
  assert {
    condition     = !openstack_compute_instance_v2.node["vol"].block_device[0].delete_on_termination
    error_message = "Terraform deletes the volume: Nova must not do it before."
  }
  assert {
    condition     = join(" ", keys(openstack_blockstorage_volume_v3.boot)) == "vol" && length(openstack_compute_instance_v2.node["one"].block_device) == 0
    error_message = "A node without boot_volume boots from its flavor's disk."
  }
}

run "one_node_has_no_neighbours" {
  command = plan
  variables {
    nodes = { one = { name = "lab-ann", image = "I", flavor_id = "F" } }
  }
  assert {
    condition     = length(openstack_networking_secgroup_v2.peers) == 0
    error_message = "There is nobody to join."
  }
}

run "no_reservation" {
  command = plan
  variables {
    nodes = { one = { name = "lab-ann", image = "I" } }
  }
  expect_failures = [var.nodes]
}

run "both_reservations" {
  command = plan
  variables {
    nodes = { one = { name = "lab-ann", image = "I", flavor_id = "F", reservation_id = "R" } }
  }
  expect_failures = [var.nodes]
}

run "bare_metal_from_a_volume" {
  command = plan
  variables {
    nodes = { one = { name = "lab-ann", image = "I", reservation_id = "R", boot_volume = 40 } }
  }
  expect_failures = [var.nodes]
}

run "no_such_size" {
  command = plan
  variables {
    nodes = { one = { name = "lab-ann", image = "I", flavor_id = "F", boot_volume = 0.5 } }
  }
  expect_failures = [var.nodes]
}

run "no_such_port" {
  command = plan
  variables {
    nodes = { one = { name = "lab-ann", image = "I", flavor_id = "F", ports = [70000] } }
  }
  expect_failures = [var.nodes]
}

run "a_port_twice" {
  command = plan
  variables {
    nodes = { one = { name = "lab-ann", image = "I", flavor_id = "F", ports = [22, 22] } }
  }
  expect_failures = [var.nodes]
}

run "one_name_for_two" {
  command = plan
  variables {
    nodes = {
      one = { name = "same", image = "I", flavor_id = "F" }
      two = { name = "same", image = "I", flavor_id = "F" }
    }
  }
  expect_failures = [var.nodes]
}

run "a_deadline_without_zone" {
  command = plan
  variables {
    stamp = { owner = "ann", lab = "lab", delete_at = "2026-11-27 22:00" }
  }
  expect_failures = [var.stamp]
}

run "no_nodes" {
  command = plan
  variables {
    nodes = {}
  }
  expect_failures = [var.nodes]
}
