# One lab of one owner. `chi-lab up` with `launch: terraform` fills the variables in, the reservation among them.

provider "openstack" {}

data "openstack_networking_network_v2" "shared" {
  count = var.private_network == null ? 1 : 0
  name  = var.shared_network
}

resource "openstack_compute_keypair_v2" "lab" {
  count      = var.public_key == null ? 0 : 1
  name       = var.key_name
  public_key = var.public_key
}

module "network" {
  source           = "../modules/network"
  count            = var.private_network == null ? 0 : 1
  name             = var.name
  description      = "chi-lab chi_lab_owner=${var.stamp.owner} chi_lab=${var.stamp.lab} delete_at=${var.stamp.delete_at}"
  cidr             = var.private_network
  external_network = var.external_network
}

module "nodes" {
  source           = "../modules/nodes"
  nodes            = var.nodes
  stamp            = var.stamp
  key_name         = var.public_key == null ? var.key_name : openstack_compute_keypair_v2.lab[0].name
  peers_name       = "${var.name}-nodes"
  network_id       = try(module.network[0].network_id, data.openstack_networking_network_v2.shared[0].id)
  external_network = var.external_network
}
