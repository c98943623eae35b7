//! foobar-stack sets up and proves a complete web stack on one server, of one site or several.
//!
//! One direction, no way back: the text of an inventory and of roles becomes a [`plan::Fleet`],
//! for each server a [`plan::Stack`]; the server is asked for its [`facts`] and observed by a [`resource::Probe`]; desired minus
//! observed is a [`plan::Plan`] with its [`resource::ExecutionPlan`]; that is compiled into a
//! [`bundle::Bundle`], which runs on the server and says [`bundle::Event`]s; and [`verify`] asks
//! whether the stack does what its [`check`]s say.
//!
//! The modules stand in the order of their dependence: each uses only those before it. All up
//! to [`operate`] are pure: text and values in, values out. `ARCHITECTURE.md` has the map, the
//! decisions and the invariants.
//!
//! # Glossary
//!
//! - **inventory**: what the user wants, in one file: **servers**, and **sites** on them.
//! - **role**: resources, validators and checks as data, with templates; its **scope** says whether
//!   it is compiled once for the server, or once for each site.
//! - **stack**: what should be so on one server; a **fleet** is the stacks of all of them.
//! - **resource**: one thing on the server that should be so; its **kind** is how it lives.
//! - **probe**: the one read-only script; what it finds is **observed**.
//! - **change**: one line of a **plan**, with its cause and its **impact** on visitors.
//! - **execution plan**: the **steps** of a plan in their **phases**, and the **payload** they need.
//! - **bundle**: the execution plan as a program; the **executor** is what carries it out.
//! - **run**: one execution of a bundle; **events** are what it says.
//! - **generation**: how many runs a server has seen.
//! - **release**: the app's code, named by its content.
//! - **check**: a question with the answer a healthy stack gives, at a **hop** of the chain
//!   from DNS to the database.
//! - **sandbox**: a throw-away server; its **driver** says what it is made of.

pub mod diagnostic;
pub mod random;
pub mod shell;
pub mod types;

pub mod host;

pub mod systemd;

pub mod inventory;

pub mod facts;

pub mod resource;

pub mod check;

pub mod plan;

pub mod conflict;

pub mod role;

pub mod bundle;

pub mod operate;

pub mod server;

pub mod verify;

pub mod sandbox;

pub mod error;

pub mod report;

pub mod cli;

pub mod commands;
