use napi::bindgen_prelude::Object;
use napi_derive::napi;
use ssecast::{Cors, Error, Field, Origins};

use crate::error::{Result, entry};
use crate::options::Options;

/// The CORS rules of a middleware: which pages of other origins may read its answers.
#[napi]
pub struct NativeCors(Cors);

#[napi]
impl NativeCors {
    /// Takes `{ origin, decided, credentials, maxAgeMs }`. `origin` is an array of origins, and left out for any; if
    /// `decided`, the caller decides on each.
    #[napi(constructor, ts_args_type = "options: object")]
    pub fn new(options: Object<'_>) -> Result<Self> {
        entry(|| {
            let cors = read(&options)?;
            cors.validate()?;
            Ok(Self(cors))
        })
    }

    /// The names and values of the header fields of every response to a request with this `Origin`. `allowed` is what
    /// the caller has decided.
    #[napi]
    pub fn headers(&self, origin: Option<String>, allowed: Option<bool>) -> Result<Vec<Vec<String>>> {
        entry(|| {
            let origin = origin.as_deref().map(str::as_bytes);
            Ok(pairs(match allowed {
                Some(allowed) => self.0.decided(origin, |_| allowed),
                None => self.0.headers(origin),
            }))
        })
    }

    /// The further header fields of the answer to a preflight.
    #[napi]
    pub fn preflight(&self, methods: String) -> Result<Vec<Vec<String>>> {
        entry(|| Ok(pairs(self.0.preflight(&methods))))
    }
}

fn pairs(fields: Vec<Field>) -> Vec<Vec<String>> {
    fields.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect()
}

/// Reads the option `cors`.
pub(crate) fn read(object: &Object<'_>) -> std::result::Result<Cors, Error> {
    let mut options = Options::new(object, "cors.");
    let default = Cors::default();
    let origins = options.texts("cors.origin")?.map_or(Origins::Any, Origins::List);
    let is_decided = options.flag("cors.decided")?.unwrap_or_default();
    let cors = Cors {
        origins: if is_decided { Origins::Decided } else { origins },
        credentials: options.flag("cors.credentials")?.unwrap_or(default.credentials),
        max_age: options.time("cors.maxAgeMs", Some(default.max_age))?.unwrap_or_default(),
    };
    options.finish()?;
    Ok(cors)
}
