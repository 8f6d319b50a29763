use std::fmt;
use std::fs;

use percent_encoding::percent_decode_str;
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ssecast_hub::{Error, ErrorKind, OptionKey};

use crate::failure;

const DEFAULT_PORT: u16 = 6379;
const DEFAULT_PREFIX: &str = "ssecast";
const LIKE: &str = "redis://user:password@host:6379/0?prefix=app";

/// Where a log is: the server, who may use it, and the keys.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
    is_encrypted: bool,
    username: Option<String>,
    password: Option<String>,
    database: i64,
    /// The certificates of whoever may vouch for the server, PEM; `None` are those of the system.
    authorities: Option<Vec<u8>>,
    prefix: String,
}

fn invalid(problem: String) -> Error {
    Error::new(ErrorKind::InvalidOption, OptionKey::Store, problem)
}

/// A part of a URL with its `%` escapes undone.
fn plain(part: &str, what: &str) -> Result<String, Error> {
    let plain = percent_decode_str(part).decode_utf8();
    plain.map(Into::into).map_err(|_| invalid(format!("must have a {what} that is UTF-8")))
}

impl Address {
    /// The address that a URL says. No error shows the URL, which may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let (is_encrypted, rest) = match (url.strip_prefix("redis://"), url.strip_prefix("rediss://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => {
                let scheme: String =
                    url.split("://").next().filter(|scheme| scheme.len() < 20).unwrap_or_default().into();
                return Err(invalid(format!(
                    "must begin with redis:// or rediss://, as {LIKE}, and begins with {scheme:?}"
                )));
            }
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if url.contains('#') {
            return Err(invalid(format!("must have no # (in a password it is %23), as {LIKE}")));
        }
        let (server, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, server) =
            server.rsplit_once('@').map_or((None, server), |(user, server)| (Some(user), server));
        let (username, password) = match user {
            Some(user) => {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                (plain(name, "user's name")?, plain(password, "password")?)
            }
            None => Default::default(),
        };
        if !username.is_empty() && password.is_empty() {
            return Err(invalid(format!("must name a password after the user, as {LIKE}")));
        }
        let (host, port) = server_of(server)?;
        let database = match database {
            "" => 0,
            number => number.parse::<u16>().map(i64::from).map_err(|_| {
                invalid(format!("must have a database number after the host, as {LIKE}, and has {number:?}"))
            })?,
        };
        let mut address = Self {
            host,
            port,
            is_encrypted,
            username: Some(username).filter(|name| !name.is_empty()),
            password: Some(password).filter(|password| !password.is_empty()),
            database,
            authorities: None,
            prefix: DEFAULT_PREFIX.into(),
        };
        for option in query.split('&').filter(|option| !option.is_empty()) {
            address.take_option(option)?;
        }
        Ok(address)
    }

    fn take_option(&mut self, option: &str) -> Result<(), Error> {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let value = plain(value, key)?;
        match key {
            "prefix" if value.is_empty() || value.len() > 200 || value.contains(['{', '}']) => {
                Err(invalid(format!(
                    "must have a prefix of 1 to 200 bytes without {{ and }}, as ?prefix=app, and has {value:?}"
                )))
            }
            "prefix" => {
                self.prefix = value;
                Ok(())
            }
            "ca" if !self.is_encrypted => {
                Err(invalid("must begin with rediss:// if ca names certificates".into()))
            }
            "ca" => {
                let read = fs::read(&value).map_err(|error| {
                    invalid(format!(
                        "must name a file of certificates with ca, and {value:?} can't be read: {error}"
                    ))
                })?;
                let mut certificates = CertificateDer::pem_slice_iter(&read).peekable();
                if certificates.peek().is_none() || certificates.any(|certificate| certificate.is_err()) {
                    return Err(invalid(format!(
                        "must name a file of certificates (PEM) with ca, and {value:?} is none"
                    )));
                }
                self.authorities = Some(read);
                Ok(())
            }
            _ => Err(invalid(format!("must have no options but prefix and ca after the ?, and has {key:?}"))),
        }
    }

    /// What makes connections, to this server or to another node of its cluster.
    pub(crate) fn client(&self, node: Option<&(String, u16)>) -> Result<redis::Client, Error> {
        let (host, port) = match node {
            // A node that does not know its own name leaves it out.
            Some((host, port)) if host.is_empty() => (self.host.clone(), *port),
            Some((host, port)) => (host.clone(), *port),
            None => (self.host.clone(), self.port),
        };
        let server = if self.is_encrypted {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let mut settings = RedisConnectionInfo::default().set_db(self.database).set_skip_set_lib_name();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        let made = server.into_connection_info().and_then(|info| {
            let info = info.set_redis_settings(settings);
            match &self.authorities {
                Some(authorities) => redis::Client::build_with_tls(
                    info,
                    TlsCertificates { client_tls: None, root_cert: Some(authorities.clone()) },
                ),
                None => redis::Client::open(info),
            }
        });
        made.map_err(|error| failure::unavailable(format!("can't be used: {self}: {error}")))
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// A key. All have the same hash tag: a cluster keeps them together.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.prefix)
    }
}

fn server_of(server: &str) -> Result<(String, u16), Error> {
    let no_server = || invalid(format!("must name a host, as {LIKE}"));
    let (host, port) = match server.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(no_server)?;
            (host, rest.strip_prefix(':'))
        }
        None => server.split_once(':').map_or((server, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err(no_server());
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            invalid(format!("must have a port from 1 to 65535 after the host, as {LIKE}, and has {port:?}"))
        })?,
    };
    Ok((plain(host, "host")?, port))
}

impl fmt::Display for Address {
    /// Without the user and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "rediss" } else { "redis" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}/{}", self.host, self.port, self.database)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}?prefix={}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_the_log_is() {
        for (url, shown) in [
            ("redis://localhost", "redis://localhost:6379/0?prefix=ssecast"),
            ("redis://localhost/", "redis://localhost:6379/0?prefix=ssecast"),
            ("redis://u:p%40%2F@10.0.0.1:7000/3?prefix=my%20app", "redis://10.0.0.1:7000/3?prefix=my app"),
            ("rediss://:p:q@host", "rediss://host:6379/0?prefix=ssecast"),
            ("redis://[::1]:7000", "redis://[::1]:7000/0?prefix=ssecast"),
        ] {
            assert_eq!(format!("{:?}", Address::parse(url).unwrap()), shown, "{url}");
        }
        let address = Address::parse("redis://u:p%40%2F@h").unwrap();
        assert_eq!((address.username.as_deref(), address.password.as_deref()), (Some("u"), Some("p@/")));
        let address = Address::parse("redis://:p:q@h").unwrap();
        assert_eq!((address.username.as_deref(), address.password.as_deref()), (None, Some("p:q")));
        assert_eq!(address.key("log"), "{ssecast}:log");
    }

    #[test]
    fn a_url_that_says_nothing_clear_is_refused_with_what_to_write_and_without_the_password() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let none = format!("rediss://u:secret@h?ca={}", file.path().display());
        for (url, problem) in [
            (
                "http://u:secret@h",
                "must begin with redis:// or rediss://, as redis://user:password@host:6379/0?prefix=app, and begins with \"http\"",
            ),
            ("redis:h", "must begin with redis://"),
            ("redis://", "must name a host"),
            ("redis://u:secret@", "must name a host"),
            ("redis://u:secret@h:0", "must have a port from 1 to 65535"),
            ("redis://u:secret@h:x", "must have a port"),
            ("redis://u:secret@h/x", "must have a database number after the host"),
            ("redis://u:secret@h/-1", "must have a database number"),
            ("redis://secret@h", "must name a password after the user"),
            (
                "redis://u:secret@h?prefx=a",
                "must have no options but prefix and ca after the ?, and has \"prefx\"",
            ),
            ("redis://u:secret@h?prefix=", "must have a prefix of 1 to 200 bytes without { and }"),
            ("redis://u:secret@h?prefix={a}", "must have a prefix"),
            ("redis://u:secret@h?prefix=%7Ba", "must have a prefix"),
            ("redis://u:secret#@h", "must have no #"),
            ("redis://u:secret@h?ca=/x", "must begin with rediss:// if ca names certificates"),
            (
                "rediss://u:secret@h?ca=/no/such/file",
                "must name a file of certificates with ca, and \"/no/such/file\" can't be read",
            ),
            (&none, "must name a file of certificates (PEM) with ca"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidOption, "store"), "{url}");
            assert!(error.to_string().starts_with(&format!("store {problem}")), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
