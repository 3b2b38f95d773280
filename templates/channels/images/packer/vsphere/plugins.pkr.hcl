# For a source of vSphere: put this file beside agent.pkr.hcl, and run packer init. Packer before 1.7 refuses it.
packer {
  required_plugins {
    vsphere = {
      version = ">= 1.2.0"
      source  = "github.com/hashicorp/vsphere"
    }
  }
}
