variable "name" {
  description = "Name of the lease, <lab>-<owner>."
  type        = string
}

variable "nodes" {
  description = "The nodes by their keys in the lab's file; see modules/nodes."
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
}

variable "stamp" {
  description = "Whose the lab is, and until when; see modules/nodes."
  type = object({
    owner     = string
    lab       = string
    delete_at = string
  })
}

variable "key_name" {
  description = "Name of the key pair at the site."
  type        = string
}

variable "public_key" {
  description = "The public key, where the key pair is to be made; null where the site has it already."
  type        = string
  default     = null
}

variable "shared_network" {
  description = "The site's network that the nodes are on, where the lab has none of its own."
  type        = string
  default     = "sharednet1"
}

variable "private_network" {
  description = "Addresses of the lab's own network, for example 192.168.1.0/24; null: the shared network."
  type        = string
  default     = null
}

variable "external_network" {
  description = "Name of the site's network of floating IPs."
  type        = string
  default     = "public"
}
