//! `linkpack assemble`.

use super::arguments::AssembleArguments;
use super::told;
use crate::error::Result;
use crate::kit::delta::recipe;

/// Makes a site's package and says where.
pub fn run(arguments: &AssembleArguments) -> Result<()> {
    let made = recipe::assemble(&arguments.base, &arguments.recipe, &arguments.output)?;
    match arguments.json {
        true => super::print(&told::json(&made)),
        false => super::print(&format!("made {}\n", made.path.display())),
    }
}
