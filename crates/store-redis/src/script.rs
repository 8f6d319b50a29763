use std::sync::LazyLock;

use redis::Cmd;

/// A script, which the server knows by its hash once it has seen it.
#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("lua/open.lua"), include_str!($file))))
    };
}

pub(crate) static APPEND: LazyLock<Script> = script!("lua/append.lua");
pub(crate) static FOLLOW: LazyLock<Script> = script!("lua/follow.lua");

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, hash: redis::Script::new(text).get_hash().to_owned() }
    }

    /// A call, whose keys and arguments are still to be added: by the hash, or with the whole text.
    pub(crate) fn call(&self, whole: bool, keys: &[String]) -> Cmd {
        let mut call = if whole { redis::cmd("EVAL") } else { redis::cmd("EVALSHA") };
        call.arg(if whole { self.text } else { &self.hash }).arg(keys.len()).arg(keys);
        call
    }
}
