//! The start of an emulator: stores from flags and seeds, sockets, state file, server.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
#[cfg(feature = "tls")]
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::YotpoMock;
use super::builder::{Builder, SeedSource};
use super::host::Host;
use super::scope::Inner;
use super::seed_summary::SeedSummary;
use super::start_error::{Cause, PlainIoError, StartError};
use crate::http::control::access::Access;
use crate::http::proxy::{Passthrough, Proxy};
#[cfg(feature = "tls")]
use crate::http::tls::{Tls, TlsOptions};
use crate::http::{ServerHandle, ServerState};
use crate::os::{append_private, raise_descriptor_limit};
use crate::world::clock::Clock;
use crate::world::journal::Journal;
use crate::world::seed::{self, ReadOptions, Stores};
use crate::world::state_file::StateFile;
use crate::world::{ReadError, World};

impl Builder {
    /// Starts the emulator.
    ///
    /// # Panics
    ///
    /// If [`try_start`](Builder::try_start) returns an error.
    #[track_caller]
    pub fn start(self) -> YotpoMock {
        // A `match`, since a panic in a closure would not name the caller.
        match self.try_start() {
            Ok(yotpo) => yotpo,
            Err(error) => panic!("{error}; {}", error.hint()),
        }
    }

    /// Starts the emulator. When this returns, the seeds are loaded and the port accepts connections.
    ///
    /// An emulator needs 5 file descriptors, and one per connection. The first one of a process raises the soft limit to the hard
    /// limit, to 10,240 at most; a limit of 1,300 is enough for two hundred emulators at once.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    ///
    /// ```
    /// let error = yotpo_mock::YotpoMock::builder().seed_file("nowhere.json").try_start().unwrap_err();
    /// assert_eq!(error.to_string(), "cannot seed from `nowhere.json`: no such file");
    /// ```
    pub fn try_start(self) -> Result<YotpoMock, StartError> {
        raise_descriptor_limit();
        let clock = self.frozen_at.map(Clock::frozen_at).unwrap_or_default();
        let stores = self.load_stores(clock.now())?;
        let bound = match self.host {
            Host::Address(address) if !address.is_loopback() => Some(address),
            _ => None,
        };
        #[cfg(feature = "tls")]
        let (tls, names) = self.start_tls(bound)?;
        #[cfg(not(feature = "tls"))]
        let names = Vec::new();
        let passthrough = self.parse_passthrough()?;
        let sockets = self.host.bind(self.port)?;
        let address = sockets[0].local_addr().map_err(StartError::thread)?;
        let world = Arc::new(self.create_world(clock, stores)?);
        let access = Access { bound, certificate_names: names.clone(), ..self.access };
        let proxy = Proxy { port: address.port(), bound, names, passthrough };
        let server_state = ServerState::new(
            world.clone(),
            access,
            proxy,
            #[cfg(feature = "tls")]
            tls.clone(),
            self.read_timeout,
        );
        let server = ServerHandle::start(&server_state, sockets, self.workers).map_err(StartError::thread)?;
        let inner = Inner {
            world,
            url: format!("http://{address}"),
            #[cfg(feature = "tls")]
            https_url: format!("https://{address}"),
            #[cfg(feature = "tls")]
            tls,
            journal_on_panic: self.journal_on_panic,
            printed: Default::default(),
            last_new_store: Default::default(),
        };
        Ok(YotpoMock { inner: Arc::new(inner), server, is_saved: false })
    }

    /// Reads the seeds as a start does, without starting anything. Returns what they create, by store.
    ///
    /// # Errors
    ///
    /// [`StartError::Seed`] or [`StartError::Store`].
    ///
    /// ```
    /// use yotpo_mock::YotpoMock;
    ///
    /// let builder = YotpoMock::builder().seed(r#"{"store":"shop","customer":{"external_id":"c-1","gender":"male"}}"#);
    /// let error = builder.check_seeds().unwrap_err();
    /// assert!(error.to_string().contains("gender"), "{error}");
    /// ```
    pub fn check_seeds(&self) -> Result<BTreeMap<String, SeedSummary>, StartError> {
        let stores = self.load_stores(self.frozen_at.unwrap_or_else(|| Clock::default().now()))?;
        let created = stores.into_iter().map(|(id, store)| {
            let (customers_created, events_created) = store.counts();
            (id, SeedSummary { customers_created, events_created, ..SeedSummary::default() })
        });
        Ok(created.collect())
    }

    /// Declares the stores of the flags and adds the seeds.
    fn load_stores(&self, now: DateTime<Utc>) -> Result<Stores, StartError> {
        let mut stores = Stores::new();
        for (id, secret) in &self.stores {
            let store = stores.entry(id.clone()).or_default();
            seed::declare(store, id, secret.clone()).map_err(|error| StartError::Store { source: error.into() })?;
        }
        for seed in &self.seeds {
            match seed {
                SeedSource::Text(text) => self.load_seed("a document", Ok(text.clone()), now, &mut stores)?,
                SeedSource::Path(path) => {
                    for file in seed_files(path)? {
                        self.load_seed(&file.display().to_string(), fs::read_to_string(&file), now, &mut stores)?;
                    }
                }
            }
        }
        let has_secret = |id: &String| stores[id].credentials.secret.is_some();
        if stores.keys().any(has_secret) {
            for id in stores.keys().filter(|id| !has_secret(id)) {
                tracing::warn!("store `{id}` is unreachable: it is seeded without a secret, and other stores have one");
            }
        }
        Ok(stores)
    }

    fn load_seed(
        &self,
        name: &str,
        text: io::Result<String>,
        now: DateTime<Utc>,
        stores: &mut Stores,
    ) -> Result<(), StartError> {
        let options = ReadOptions { validation: self.settings.validation, now };
        let loaded: Result<_, Cause> = match text {
            Ok(text) => seed::load(&text, |_| options, stores).map_err(Cause::from),
            Err(error) => Err(PlainIoError(error).into()),
        };
        match loaded {
            Ok(stores) => {
                if stores.is_empty() {
                    tracing::warn!("the seed `{name}` has no store");
                }
                Ok(())
            }
            Err(source) => Err(StartError::Seed { name: name.to_owned(), source }),
        }
    }

    /// Creates the certificates; returns the additional names with them.
    #[cfg(feature = "tls")]
    fn start_tls(&self, bound: Option<IpAddr>) -> Result<(Arc<Tls>, Vec<String>), StartError> {
        let options = TlsOptions { bound, ..self.tls.clone() };
        match Tls::new(&options) {
            Ok(tls) => Ok((Arc::new(tls), options.names)),
            Err(error) => Err(StartError::Tls { hint: error.hint(), source: error.into() }),
        }
    }

    fn parse_passthrough(&self) -> Result<Vec<Passthrough>, StartError> {
        let parse =
            |host: &String| Passthrough::parse(host).ok_or_else(|| StartError::Passthrough { host: host.clone() });
        self.proxy_passthrough.iter().map(parse).collect()
    }

    /// Creates the world from the seeds, or from the state file if it exists.
    fn create_world(&self, clock: Clock, stores: Stores) -> Result<World, StartError> {
        let (store_count, counts) = (stores.len(), stores.values().map(|store| store.counts()));
        let (customers, events) = counts.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        let mut world = World::new(self.settings, clock, stores);
        let file = self.journal_file.as_deref().map(open_journal_file).transpose()?;
        world.journal = Journal::new(self.journal, file).map_err(StartError::thread)?;
        if let Some(path) = &self.state_file {
            let read = world.open_state_file(StateFile::new(path.clone()));
            read.map_err(|error| StartError::State {
                path: path.clone(),
                source: match error {
                    // A missing file is no error, but a missing directory is.
                    ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound => "no such folder".into(),
                    ReadError::Io(error) => PlainIoError(error).into(),
                    ReadError::NoState(reason) => reason.into(),
                },
            })?;
            let file = world.state_file.as_ref().expect("it was just opened");
            file.check_writable().map_err(|source| StartError::StateNotWritable {
                path: path.clone(),
                source: PlainIoError(source).into(),
            })?;
        }
        tracing::info!(
            target: "yotpo_mock::seeds",
            stores = store_count,
            customers,
            events,
            settings = %self.settings.to_json(),
            "seeded"
        );
        Ok(world)
    }
}

fn open_journal_file(path: &Path) -> Result<File, StartError> {
    // Another emulator may write to the same file.
    append_private(path).map_err(|source| StartError::JournalFile { path: path.to_owned(), source })
}

/// The file itself, or the seeds in a folder, in the order of their names.
fn seed_files(path: &Path) -> Result<Vec<PathBuf>, StartError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let is_seed = |file: &PathBuf| {
        let extension = file.extension();
        extension.is_some_and(|extension| extension == "json" || extension == "ndjson") && !file.is_dir()
    };
    let files = fs::read_dir(path).and_then(|files| files.map(|file| file.map(|file| file.path())).collect());
    let files: Vec<PathBuf> = files
        .map_err(|error| StartError::Seed { name: path.display().to_string(), source: PlainIoError(error).into() })?;
    let mut seeds: Vec<_> = files.into_iter().filter(is_seed).collect();
    seeds.sort();
    Ok(seeds)
}
