output "network_id" {
  description = "The network, once a router joins it to the world."
  value       = openstack_networking_network_v2.lab.id
  depends_on  = [openstack_networking_router_interface_v2.lab]
}

output "subnet_id" {
  description = "The network's subnet."
  value       = openstack_networking_subnet_v2.lab.id
}
