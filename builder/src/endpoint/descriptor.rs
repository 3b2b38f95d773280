//! container.json: what the connector needs to know of one container (docs/endpoint.md).

use crate::manifest::{ContainerTable, Inject, Target};
use serde_json::{json, Map, Value};

/// The descriptor's bytes for a target; `version` is the payload's own where the manifest names none.
pub fn container_json(container: &ContainerTable, target: Target, version: Option<&str>) -> Vec<u8> {
    let version = container.version.as_ref().map(|line| line.as_str()).or(version).unwrap_or("0");
    let title = container.title.as_ref().map_or(container.name.as_str(), |line| line.as_str());
    let (watchdog, inject) = (&container.watchdog, container.inject(target));
    let mut descriptor = json!({
        "name": container.name.as_str(),
        "version": version,
        "title": title,
        "required": container.required,
        // Empty: the container holds data that others use, and nothing runs.
        "command": container.words(target),
        "inject": inject.as_str(),
        "environment": container.environment,
        "throttle": throttle(container),
        "watchdog": {
            "restart": watchdog.restart,
            "first-ms": watchdog.first.as_milliseconds(),
            "factor": watchdog.factor,
            "max-ms": watchdog.max.as_milliseconds(),
            "healthy-ms": watchdog.healthy.as_milliseconds(),
        },
    });
    if let Some(account) = container.run_as.as_ref().filter(|_| target.is_linux()) {
        descriptor["run-as"] = json!(account.as_str());
    }
    if let (Some(library), Inject::Preload | Inject::Dll) = (container.library(target), inject) {
        descriptor["library"] = json!(library.as_str());
    }
    let mut bytes = serde_json::to_vec_pretty(&descriptor).expect("a descriptor is plain JSON");
    bytes.push(b'\n');
    bytes
}

fn throttle(container: &ContainerTable) -> Value {
    let throttle = &container.throttle;
    let mut limits = Map::new();
    let mut add = |key: &str, value: Option<u64>| {
        if let Some(value) = value {
            limits.insert(key.to_owned(), json!(value));
        }
    };
    add("nice", throttle.nice.map(u64::from));
    add("max-cpu-percent", throttle.max_cpu_percent.map(u64::from));
    add("max-memory-kb", throttle.max_memory_kb);
    Value::Object(limits)
}
