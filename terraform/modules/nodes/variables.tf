variable "nodes" {
  description = <<-EOT
    The nodes by their keys in the lab's file. Exactly one of flavor_id (a flavor reservation's flavor) and
    reservation_id (a host reservation, for bare metal) is set. boot_volume: size in GiB of a volume to boot from,
    where the flavor's disk is too small; for virtual machines only, and not to be changed while the node is there.
  EOT
  type = map(object({
    name           = string
    image          = string
    flavor_id      = optional(string)
    reservation_id = optional(string)
    floating_ip    = optional(bool, false)
    ports          = optional(list(number), [22])
    boot_volume    = optional(number)
    user_data      = optional(string)
  }))

  validation {
    condition     = length(var.nodes) > 0
    error_message = "nodes is empty: name at least one node."
  }

  validation {
    condition = alltrue([
      for node in var.nodes : (node.flavor_id == null) != (node.reservation_id == null)
    ])
    error_message = "Each node needs exactly one of flavor_id (virtual machine) and reservation_id (bare metal)."
  }

  validation {
    condition = alltrue(flatten([
      for node in var.nodes : [for port in node.ports : port >= 1 && port <= 65535 && floor(port) == port]
    ]))
    error_message = "ports must be whole TCP ports, 1 to 65535."
  }

  validation {
    condition     = alltrue([for node in var.nodes : length(distinct(node.ports)) == length(node.ports)])
    error_message = "A port stands twice in a node's ports: keep one."
  }

  validation {
    condition     = length(distinct([for node in var.nodes : node.name])) == length(var.nodes)
    error_message = "Two nodes have the same name: each instance needs its own."
  }

  validation {
    condition = alltrue([
      for node in var.nodes : coalesce(node.boot_volume, 1) >= 1 && floor(coalesce(node.boot_volume, 1)) == coalesce(node.boot_volume, 1)
    ])
    error_message = "boot_volume must be a whole number of GiB, 1 or more."
  }

  validation {
    condition     = alltrue([for node in var.nodes : node.boot_volume == null || node.reservation_id == null])
    error_message = "boot_volume is for virtual machines: a node with reservation_id is bare metal, and boots from its own disk."
  }
}

variable "stamp" {
  description = "Whose the nodes are, of which lab, and until when: an RFC 3339 time in UTC, such as 2026-11-27T22:00:00+00:00."
  type = object({
    owner     = string
    lab       = string
    delete_at = string
  })

  validation {
    condition     = can(regex("^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\+00:00$", var.stamp.delete_at))
    error_message = "stamp.delete_at must be a time in UTC, written as 2026-11-27T22:00:00+00:00: a reaper goes by it."
  }

  validation {
    condition     = can(regex("^\\S+$", var.stamp.owner)) && can(regex("^[a-z0-9][a-z0-9_-]{0,62}$", var.stamp.lab))
    error_message = "stamp.owner must have no blanks, and stamp.lab is lower-case letters, digits, - and _."
  }
}

variable "key_name" {
  description = "Name of the key pair at the site."
  type        = string
}

variable "peers_name" {
  description = "Name of the security group that lets the lab's nodes reach each other; made where there are several nodes."
  type        = string
}

variable "network_id" {
  description = "The network that the nodes are on."
  type        = string
}

variable "external_network" {
  description = "Name of the site's network of floating IPs."
  type        = string
  default     = "public"
}
