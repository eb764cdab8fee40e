variable "lab" {
  description = "The lab's name, as in its file."
  type        = string
}

variable "delete_at" {
  description = "The deadline of all labs: a time in UTC, such as 2026-11-27T22:00:00+00:00."
  type        = string
}

variable "owners" {
  description = "The roster: by owner the key pair and the nodes, each with its reservation; see modules/nodes."
  type = map(object({
    key_name        = string
    private_network = optional(string)
    nodes = map(object({
      name           = string
      image          = string
      flavor_id      = optional(string)
      reservation_id = optional(string)
      floating_ip    = optional(bool, false)
      ports          = optional(list(number), [22])
      boot_volume    = optional(number)
      user_data      = optional(string)
    }))
  }))

  validation {
    condition     = length(var.owners) > 0
    error_message = "owners is empty: name at least one owner of the roster."
  }

  validation {
    condition = length(distinct(flatten([
      for lab in var.owners : [for node in lab.nodes : node.name]
      ]))) == length(flatten([
      for lab in var.owners : [for node in lab.nodes : node.name]
    ]))
    error_message = "Two owners have a node of the same name: put the owner into each name, as <node>-<lab>-<owner>."
  }
}

variable "shared_network" {
  description = "The site's network that labs without a network of their own are on."
  type        = string
  default     = "sharednet1"
}

variable "external_network" {
  description = "Name of the site's network of floating IPs."
  type        = string
  default     = "public"
}
