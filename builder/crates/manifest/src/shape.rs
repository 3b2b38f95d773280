//! Lists where tables stand. serde would take a list's elements for the values of a table's keys, in the order of our structs.

use super::explain;
use super::fault::Fault;
use super::given;
use super::place::{nodes, Step};
use super::repair::repair;
use toml::de::DeTable;

/// The lists that stand where the schema has a table alone; they are taken out, so that what else is wrong shows as well.
pub fn lists_for_tables(table: &mut DeTable, schema: &serde_json::Value, text: &str) -> Vec<Fault> {
    let wrong = |path: &[Step]| {
        let kinds = given::kinds(schema, path);
        !kinds.is_empty() && kinds.iter().all(|kind| *kind == "object")
    };
    let lists = nodes(table).into_iter().filter(|node| node.is_list && wrong(&node.path));
    let found: Vec<_> = lists.map(|node| (node.path, node.key, node.value)).collect();
    let mut faults: Vec<Fault> = Vec::new();
    for (path, key, value) in found {
        let header = key.filter(|key| text[..key.start].ends_with("[["));
        let span = header.clone().unwrap_or(value);
        let mut fault = explain::value(text, "invalid type: sequence, expected a map", span, path.clone());
        if let (Some(_), Some(Step::Key(name))) = (header, path.last()) {
            fault.what = format!("[[{name}]] begins one table of a list, and {name} is one table");
            fault.help = Some(format!("write [{name}]"));
        }
        repair(table, &path, text.len());
        faults.push(fault);
    }
    faults
}
