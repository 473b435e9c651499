//! Certificates by `openssl`: of an authority, a server and a client that it knows, and of a stranger.

use std::process::Command;
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

use super::Rig;
use super::rpc::{Can, Content, Fault, Remote};
use crate::support::skip;

/// Makes them in the folder. Without openssl the test is skipped.
pub(crate) fn make(rig: &Rig) -> bool {
    let script = "set -e
        for who in authority stranger; do
          openssl req -x509 -newkey rsa:2048 -nodes -keyout $who.key -out $who.pem -subj /CN=$who -days 2
        done
        for who in server client; do
          openssl req -newkey rsa:2048 -nodes -keyout $who.key -out $who.csr -subj /CN=$who
          printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >$who.ext
          openssl x509 -req -in $who.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile $who.ext -out $who.pem
        done";
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(rig.folder.path())
        .output()
        .expect("sh is there");
    if !made.status.success() {
        skip(format!("openssl makes no certificate: {made:?}"));
    }
    made.status.success()
}

/// What a server has of them, and whether it wants to know its clients.
pub(crate) fn server(rig: &Rig, asks: bool, protocol: &[u8]) -> Arc<ServerConfig> {
    let certificates = |name: &str| -> Vec<CertificateDer<'static>> {
        let found = CertificateDer::pem_file_iter(rig.path(name)).expect("it is there");
        found.collect::<Result<_, _>>().expect("it is right")
    };
    let mut roots = RootCertStore::empty();
    for one in certificates("authority.pem") {
        roots.add(one).expect("it is an authority");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("they are known");
    let builder = if asks {
        builder.with_client_cert_verifier(clients.build().expect("it has an authority"))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder
        .with_single_cert(
            certificates("server.pem"),
            PrivateKeyDer::from_pem_file(rig.path("server.key")).expect("it is there"),
        )
        .expect("they fit");
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

/// A server that has one of them and wants to know its clients; `None` if there are none.
pub(crate) fn remote(rig: &Rig) -> Option<Remote> {
    if !make(rig) {
        return None;
    }
    let config = server(rig, true, b"h2");
    let remote = Remote::start(Can::default(), Content::default(), Some(config), |_| {
        Fault::None
    });
    Some(remote)
}
