variable "name" {
  description = "Name of network, subnet and router."
  type        = string
}

variable "description" {
  description = "The stamp that all of them carry, as chi_helpers/model/stamp.py writes it."
  type        = string

  validation {
    condition     = startswith(var.description, "chi-lab ") && strcontains(var.description, " delete_at=")
    error_message = "Without a stamp nothing may be made: write \"chi-lab chi_lab_owner=… chi_lab=… delete_at=…\"."
  }
}

variable "cidr" {
  description = "Addresses of the network, for example 192.168.1.0/24."
  type        = string

  validation {
    condition = can(cidrhost(var.cidr, 1)) && can(regex(
      "^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.cidr
    ))
    error_message = "cidr must be a private IPv4 network: take one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16."
  }
}

variable "external_network" {
  description = "Name of the site's network of floating IPs."
  type        = string
  default     = "public"
}

variable "dns_nameservers" {
  description = "Name servers for the nodes; empty: the site's own."
  type        = list(string)
  default     = []
}
