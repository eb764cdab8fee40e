# A network of the lab's own, with a way out through a router.

data "openstack_networking_network_v2" "external" {
  name     = var.external_network
  external = true
}

resource "openstack_networking_network_v2" "lab" {
  name        = var.name
  description = var.description
}

resource "openstack_networking_subnet_v2" "lab" {
  name            = var.name
  description     = var.description
  network_id      = openstack_networking_network_v2.lab.id
  cidr            = var.cidr
  ip_version      = 4
  dns_nameservers = var.dns_nameservers
}

resource "openstack_networking_router_v2" "lab" {
  name                = var.name
  description         = var.description
  external_network_id = data.openstack_networking_network_v2.external.id
}

resource "openstack_networking_router_interface_v2" "lab" {
  router_id = openstack_networking_router_v2.lab.id
  subnet_id = openstack_networking_subnet_v2.lab.id
}
