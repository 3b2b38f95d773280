//! A Salt state: the `.run`, verified, run again where the version or a setting has changed.

use super::facts::Facts;
use super::Context;
use crate::error::Result;
use crate::kit::input::Kind;

pub const NAME: &str = "salt";
const STATE: &str = include_str!("../../../../templates/channels/salt/init.sls");

pub fn write(context: &Context) -> Result<bool> {
    let Some(facts) = Facts::of(context, &[Kind::Run])? else { return Ok(false) };
    context.put(NAME, "agent/facts.json", &facts.json())?;
    context.put(NAME, "agent/init.sls", &context.named(STATE)?)?;
    Ok(true)
}
