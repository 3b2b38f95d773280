//! `linkpack kit`: one folder for a closed site, judged by the clients that install from it: apt of two Debians, dnf, zypper.
#[path = "kit/accept.rs"]
mod accept;
#[path = "kit/channels.rs"]
mod channels;
#[path = "kit/clients.rs"]
mod clients;
mod common;
#[path = "kit/cve.rs"]
mod cve;
#[path = "kit/delta.rs"]
mod delta;
#[path = "kit/images.rs"]
mod images;
#[path = "kit/input.rs"]
mod input;
#[path = "kit/material.rs"]
mod material;
#[path = "kit/metadata.rs"]
mod metadata;
#[path = "kit/overlay.rs"]
mod overlay;
#[path = "kit/par2.rs"]
mod par2;
#[path = "kit/recipes.rs"]
mod recipes;
#[path = "kit/verify.rs"]
mod verify;
#[path = "kit/vmware.rs"]
mod vmware;
#[path = "kit/windows_tools.rs"]
mod windows_tools;
