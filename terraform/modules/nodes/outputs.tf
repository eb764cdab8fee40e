output "nodes" {
  description = "The contract with Ansible: of each node its instance, where it is reached, and where its neighbours reach it."
  value = {
    for key, node in openstack_compute_instance_v2.node : key => {
      instance_id     = node.id
      name            = node.name
      private_address = openstack_networking_port_v2.node[key].all_fixed_ips[0]
      floating_ip     = try(openstack_networking_floatingip_associate_v2.node[key].floating_ip, null)
    }
  }
}
