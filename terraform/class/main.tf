# A lab for each owner of a roster: the lab's module, by owner, in one state.

provider "openstack" {}

data "openstack_networking_network_v2" "shared" {
  name = var.shared_network
}

locals {
  private = { for owner, lab in var.owners : owner => lab if lab.private_network != null }
  stamps = {
    for owner, _ in var.owners : owner => { owner = owner, lab = var.lab, delete_at = var.delete_at }
  }
}

module "network" {
  source           = "../modules/network"
  for_each         = local.private
  name             = "${var.lab}-${each.key}"
  description      = "chi-lab chi_lab_owner=${each.key} chi_lab=${var.lab} delete_at=${var.delete_at}"
  cidr             = each.value.private_network
  external_network = var.external_network
}

module "nodes" {
  source           = "../modules/nodes"
  for_each         = var.owners
  nodes            = each.value.nodes
  stamp            = local.stamps[each.key]
  key_name         = each.value.key_name
  peers_name       = "${var.lab}-${each.key}-nodes"
  network_id       = try(module.network[each.key].network_id, data.openstack_networking_network_v2.shared.id)
  external_network = var.external_network
}
