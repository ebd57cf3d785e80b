//! The gateway on the database: where its keys and targets come from, where its records go, and what makes it forget.

mod ledger;
mod sink;
mod source;
mod store;

pub use store::{STATEMENTS, statements_of};

use crate::{
    gateway::{
        cache::Kept,
        call::{Gateway, Limits, Now},
        directory::{Ages, Directory},
        limits::Meters,
        models::Models,
        outside::Others,
        record::{Bounds, Recorder, Sink},
        room::Room,
    },
    kernel::OrganisationId,
    server::{access::App, watch::ChangeNews},
};
use std::{io, path::Path, sync::Arc};

/// Starts the gateway. `folder` holds the journal of calls; what a crash has left there goes to the log now.
///
/// # Errors
/// When the folder cannot be written.
pub fn start(app: &App, folder: &Path) -> io::Result<Gateway> {
    let directory = Directory::new(Arc::new(source::Rooms::new(app.clone())), Ages::default());
    let forgetful = directory.clone();
    // Called before the change's author has their answer: the next request already meets the new state.
    app.changes.listen(move |change| match change {
        // Names, passwords and sessions of people: nothing there changes what a key may do.
        ChangeNews::Of(OrganisationId::INSTALLATION) => {}
        ChangeNews::Unknown => forgetful.invalidate_all(),
        ChangeNews::Of(organisation) => forgetful.invalidate(organisation),
    });
    let replica = uuid::Uuid::now_v7();
    let meters = Meters::new(Arc::new(ledger::Book::new(app.clone(), replica)), app.db.is_postgres(), replica);
    let recorder = Recorder::start(folder, Arc::new(sink::Log::new(app.clone(), replica)), Bounds::default())?;
    let clock = app.clock.clone();
    meters.tend(move || clock.now());
    app.usage.set(meters.clone());
    let clock = app.clock.clone();
    Ok(Gateway {
        meters,
        directory,
        outgoing: app.outgoing.clone(),
        outside: Others::new(app.outgoing.clone(), app.keyring.clone()),
        recorder,
        limits: Limits::default(),
        room: Room::default(),
        models: Models::default(),
        kept: Kept::default(),
        now: Now::new(move || clock.now()),
        proxies: app.trusted_proxies.as_slice().into(),
    })
}

/// The log of calls as the recorder writes it.
pub fn call_log(app: &App) -> impl Sink + use<> {
    sink::Log::new(app.clone(), uuid::Uuid::now_v7())
}
