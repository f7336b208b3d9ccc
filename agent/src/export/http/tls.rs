//! Certificates and keys, as the files have them now.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::file;

/// What TLS rests on: files in PEM. Each is read again when it has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Who is trusted; the host's own store if there is none.
    pub ca: Option<PathBuf>,
    /// Who we are, for receivers that ask for it.
    pub identity: Option<Identity>,
}

/// A certificate of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// It, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key, unencrypted.
    pub key: PathBuf,
}

/// A configuration of TLS. Two are the same if they were made from the same files.
pub(super) type Shared = Arc<ClientConfig>;

/// No chain of certificates is that long.
const MAX_BYTES: u64 = 1 << 20;

/// The files, and what was made of them.
#[derive(Debug)]
pub(super) struct Tls {
    files: TlsFiles,
    /// As they were when they were read last, for better or worse.
    read: Vec<Stamp>,
    made: Option<Shared>,
}

/// Tells a file from what replaces it.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

impl Tls {
    pub(super) const fn new(files: TlsFiles) -> Self {
        Self {
            files,
            read: Vec::new(),
            made: None,
        }
    }

    /// What the files say now. Files are replaced one after the other: while they do not fit together, what they said
    /// before goes on.
    pub(super) fn current(&mut self) -> Result<Shared, String> {
        let stamps = self.files.stamps();
        if let Some(made) = self.made.as_ref().filter(|_| self.read == stamps) {
            return Ok(Arc::clone(made));
        }
        self.read = stamps;
        match (self.files.config(), &self.made) {
            (Ok(config), _) => {
                let config = Arc::new(config);
                self.made = Some(Arc::clone(&config));
                Ok(config)
            }
            (Err(error), Some(before)) => {
                tracing::warn!("the certificates read before stay in use: {error}");
                Ok(Arc::clone(before))
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl TlsFiles {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let identity = self.identity.as_ref();
        let own = identity.map(|own| [&own.certificate, &own.key]);
        let all = self.ca.iter().chain(own.into_iter().flatten());
        all.map(|path| &**path)
    }

    /// One that is not there has none.
    fn stamps(&self) -> Vec<Stamp> {
        let there = self.paths().filter_map(|path| fs::metadata(path).ok());
        there
            .map(|file| Stamp {
                device: file.dev(),
                inode: file.ino(),
                modified: (file.mtime(), file.mtime_nsec()),
                bytes: file.len(),
            })
            .collect()
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(self.roots()?);
        let Some(Identity { certificate, key }) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates(certificate)?;
        let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|error| format!("no private key in {}: {error}", key.display()))?;
        builder
            .with_client_auth_cert(chain, secret)
            .map_err(|error| {
                let (certificate, key) = (certificate.display(), key.display());
                format!("{certificate} and {key} do not fit together: {error}")
            })
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        let Some(ca) = &self.ca else {
            let found = rustls_native_certs::load_native_certs();
            // One that is damaged does not spoil the rest.
            let (taken, _damaged) = roots.add_parsable_certificates(found.certs);
            return match taken {
                0 => Err("this host has no trusted certificates: name a file with ca_file".into()),
                _ => Ok(roots),
            };
        };
        for authority in certificates(ca)? {
            roots
                .add(authority)
                .map_err(|error| format!("unfit certificate in {}: {error}", ca.display()))?;
        }
        Ok(roots)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(format!("no certificate in {}", path.display())),
        Err(error) => Err(format!("no certificate in {}: {error}", path.display())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    file::open(path, OFlags::empty())
        .and_then(|file| file::whole(file, MAX_BYTES))
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}
