//! The RPM as administrators meet it: real rpm and dnf install, move, upgrade, break, repair and erase the sample product.
mod common;
#[path = "rpm/life.rs"]
mod life;
#[path = "rpm/names.rs"]
mod names;
#[path = "rpm/places.rs"]
mod places;
#[path = "rpm/refusals.rs"]
mod refusals;
#[path = "rpm/replace.rs"]
mod replace;
#[path = "rpm/roots.rs"]
mod roots;
#[path = "rpm/sample.rs"]
mod sample;
#[path = "rpm/trouble.rs"]
mod trouble;
