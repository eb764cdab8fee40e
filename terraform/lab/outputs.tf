output "nodes" {
  description = "The contract with Ansible; see modules/nodes."
  value       = module.nodes.nodes
}
