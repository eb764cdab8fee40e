output "labs" {
  description = "By owner the contract with Ansible; see modules/nodes."
  value       = { for owner, lab in module.nodes : owner => lab.nodes }
}
