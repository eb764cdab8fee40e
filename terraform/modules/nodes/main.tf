locals {
  joined = length(var.nodes) > 1

  # As chi_helpers/model/stamp.py writes them: what looks for a lab goes by these.
  lab_metadata = {
    chi_lab_owner = var.stamp.owner
    chi_lab       = var.stamp.lab
    delete_at     = var.stamp.delete_at
  }
  lab_description = "chi-lab chi_lab_owner=${var.stamp.owner} chi_lab=${var.stamp.lab} delete_at=${var.stamp.delete_at}"
  metadata        = { for key, node in var.nodes : key => merge(local.lab_metadata, { chi_lab_node = key }) }
  description     = { for key, node in var.nodes : key => "${local.lab_description} chi_lab_node=${key}" }

  rules = merge([
    for key, node in var.nodes : { for port in node.ports : "${key}/${port}" => { node = key, port = port } }
  ]...)
  volumes = { for key, node in var.nodes : key => node if node.boot_volume != null }
}

data "openstack_images_image_v2" "node" {
  for_each = toset([for node in var.nodes : node.image])
  name     = each.value
}

resource "openstack_networking_secgroup_v2" "node" {
  for_each    = var.nodes
  name        = each.value.name
  description = local.description[each.key]
}

resource "openstack_networking_secgroup_rule_v2" "port" {
  for_each          = local.rules
  security_group_id = openstack_networking_secgroup_v2.node[each.value.node].id
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = each.value.port
  port_range_max    = each.value.port
  remote_ip_prefix  = "0.0.0.0/0"
}

resource "openstack_networking_secgroup_v2" "peers" {
  count       = local.joined ? 1 : 0
  name        = var.peers_name
  description = local.lab_description

  lifecycle {
    # When a lab shrinks to one node: its port leaves the group first, else Neutron refuses to delete the group.
    create_before_destroy = true
  }
}

resource "openstack_networking_secgroup_rule_v2" "peers" {
  count             = local.joined ? 1 : 0
  security_group_id = openstack_networking_secgroup_v2.peers[0].id
  remote_group_id   = openstack_networking_secgroup_v2.peers[0].id
  direction         = "ingress"
  ethertype         = "IPv4"
}

resource "openstack_networking_port_v2" "node" {
  for_each       = var.nodes
  name           = each.value.name
  description    = local.description[each.key]
  network_id     = var.network_id
  admin_state_up = true
  security_group_ids = concat(
    [openstack_networking_secgroup_v2.node[each.key].id],
    openstack_networking_secgroup_v2.peers[*].id,
  )
}

# A volume of its own, and not one that Nova makes: that would carry no stamp.
resource "openstack_blockstorage_volume_v3" "boot" {
  for_each = local.volumes
  name     = each.value.name
  size     = each.value.boot_volume
  image_id = data.openstack_images_image_v2.node[each.value.image].id
  metadata = local.metadata[each.key]

  timeouts {
    create = "30m" # a large image takes its time to become a volume
  }

  lifecycle {
    ignore_changes = [image_id]
  }
}

resource "openstack_compute_instance_v2" "node" {
  for_each    = var.nodes
  name        = each.value.name
  image_id    = each.value.boot_volume == null ? data.openstack_images_image_v2.node[each.value.image].id : null
  flavor_id   = each.value.flavor_id
  flavor_name = each.value.flavor_id == null ? "baremetal" : null
  key_pair    = var.key_name
  metadata    = local.metadata[each.key]
  user_data   = each.value.user_data

  network {
    port = openstack_networking_port_v2.node[each.key].id
  }

  dynamic "block_device" {
    for_each = each.value.boot_volume == null ? [] : [openstack_blockstorage_volume_v3.boot[each.key].id]
    content {
      uuid                  = block_device.value
      source_type           = "volume"
      destination_type      = "volume"
      boot_index            = 0
      delete_on_termination = false
    }
  }

  dynamic "scheduler_hints" {
    for_each = each.value.reservation_id == null ? [] : [each.value.reservation_id]
    content {
      additional_properties = { reservation = scheduler_hints.value }
    }
  }

  lifecycle {
    # What a running node was made from: a change of it must not take the node, and somebody's work, away.
    ignore_changes = [image_id, user_data, key_pair, block_device, scheduler_hints, network]
  }
}

resource "openstack_networking_floatingip_v2" "node" {
  for_each    = { for key, node in var.nodes : key => node if node.floating_ip }
  pool        = var.external_network
  description = local.description[each.key]
}

resource "openstack_networking_floatingip_associate_v2" "node" {
  for_each    = openstack_networking_floatingip_v2.node
  floating_ip = each.value.address
  port_id     = openstack_networking_port_v2.node[each.key].id

  # The instance first: an address on a port that no instance has shows up nowhere.
  depends_on = [openstack_compute_instance_v2.node]
}
