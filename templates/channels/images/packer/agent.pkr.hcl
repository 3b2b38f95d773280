# Packer: makes a golden image with {{ name }}: installed without being started, checked, sealed. From the kit's folder:
#   packer build -var host=192.0.2.10 -var private_key_file=~/.ssh/id_ed25519 channels/images/packer
# The source below is a machine that runs already. Put your builder's source in its place (vsphere/plugins.pkr.hcl has its plugin), and its
# name into the build. What went wrong stands in install.json, which is shown.
variable "agent_run" {
  type        = string
  default     = "{{ place }}"
  description = "the .run of the kit"
}

variable "host" {
  type    = string
  default = "127.0.0.1"
}

variable "port" {
  type    = number
  default = 22
}

variable "user" {
  type    = string
  default = "root"
}

variable "private_key_file" {
  type    = string
  default = ""
}

{% for setting in settings %}
variable "{{ setting.lower }}" {
  type        = string
  default     = ""
  description = {{ setting.summary|hcl }}
}

{% endfor %}
locals {
  given = [
{% for setting in settings %}
    var.{{ setting.lower }} == "" ? "" : "{{ setting.name }}=${var.{{ setting.lower }}}",
{% endfor %}
  ]
  # One word of the shell for each.
  words = join(" ", [for word in local.given : "'${replace(word, "'", "'\\''")}'" if word != ""])
}

source "null" "machine" {
  communicator         = "ssh"
  ssh_host             = var.host
  ssh_port             = var.port
  ssh_username         = var.user
  ssh_private_key_file = var.private_key_file
}

build {
  sources = ["source.null.machine"]

  provisioner "file" {
    source      = var.agent_run
    destination = "/var/tmp/agent.run"
  }

  provisioner "shell" {
    # For another user than root: "sudo env {{ '{{ .Vars }}' }} sh '{{ '{{ .Path }}' }}'".
    execute_command = "env {{ '{{ .Vars }}' }} sh '{{ '{{ .Path }}' }}'"
    timeout         = "10m"
    inline = [
      "set -eu",
      "echo '{{ sha256 }}  /var/tmp/agent.run' | sha256sum -c -",
      "sh /var/tmp/agent.run --image ${local.words} || { code=$?; cat @LOG@/install.json; exit $code; }",
      "linkctl=$(cat @ETC@/location.conf)/bin/linkctl",
      "\"$linkctl\" check",
      "\"$linkctl\" seal",
      "rm -f /var/tmp/agent.run",
    ]
  }
}
