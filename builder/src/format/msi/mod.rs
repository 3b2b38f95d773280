pub mod cab;
