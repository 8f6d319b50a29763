use std::cell::RefCell;
use std::mem;
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{Function, Object, Uint32Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, sys};
use napi_derive::napi;
use ssecast::{Error, Hub, Language, Published};

use crate::call::{Call, function};
use crate::error::{Result, entry, internal};
use crate::hub::NativeHub;
use crate::texts::Texts;

/// The publications of a hub with a store. They are answered in the order of the calls.
#[napi]
pub struct NativePublications {
    state: Rc<RefCell<Publisher>>,
}

/// What the store has answered.
#[napi(object, object_from_js = false)]
pub struct NativeAnswers {
    /// For each of them the event's id, each with a LF behind it; empty for one that failed.
    pub ids: String,
    /// For each of them the connections of this process that read the topic.
    pub subscribers: Uint32Array,
    pub failures: Vec<NativeFailure>,
}

/// A publication that was refused.
#[napi(object, object_from_js = false)]
pub struct NativeFailure {
    /// The place of its answer.
    pub index: u32,
    pub code: &'static str,
    pub message: String,
}

/// The state of the function that publishes.
struct Publisher {
    hub: Hub,
    answers: Arc<Answers>,
    /// How many calls have no answer yet that JavaScript has taken. The process stays alive for them.
    waiting: usize,
}

/// The answers that JavaScript has not taken yet.
struct Answers {
    list: Mutex<Vec<std::result::Result<Published, Error>>>,
    wake: ThreadsafeFunction<(), (), (), Status, false, true>,
}

impl Answers {
    fn list(&self) -> MutexGuard<'_, Vec<std::result::Result<Published, Error>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an answer, on the thread that publishes. One wake-up serves all that are there when the event loop comes.
    fn add(&self, answer: std::result::Result<Published, Error>) {
        let mut list = self.list();
        list.push(answer);
        let is_first = list.len() == 1;
        drop(list);
        if is_first {
            // It fails only when the event loop ends, and then there is nothing to wake.
            self.wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

impl Publisher {
    fn publish(&mut self, call: &Call, texts: &mut Texts) -> std::result::Result<sys::napi_value, Error> {
        let topic = call.topic(0, texts)?;
        let fields = call.fields(1, texts)?;
        let answers = Arc::clone(&self.answers);
        let done = move |answer| answers.add(answer);
        self.hub.publish_then(texts.get(topic, "topic")?, &fields.event(texts)?, done)?;
        self.wait(*call.env());
        Ok(ptr::null_mut())
    }

    fn end_topic(&mut self, env: Env, topic: &str) -> std::result::Result<(), Error> {
        let answers = Arc::clone(&self.answers);
        let nothing = |()| Published::default();
        self.hub.end_topic_then(topic, move |answer| answers.add(answer.map(nothing)))?;
        self.wait(env);
        Ok(())
    }

    /// Keeps the process alive until the answer is taken.
    fn wait(&mut self, env: Env) {
        self.waiting += 1;
        if self.waiting == 1 {
            // SAFETY: this is the event loop's thread, in a call of Node's, and the function is there while `wake` is.
            unsafe { sys::napi_ref_threadsafe_function(env.raw(), self.answers.wake.raw()) };
        }
    }

    fn take(&mut self, env: Env) -> NativeAnswers {
        let list = mem::take(&mut *self.answers.list());
        self.waiting -= list.len();
        if self.waiting == 0 {
            // SAFETY: as in `wait`.
            unsafe { sys::napi_unref_threadsafe_function(env.raw(), self.answers.wake.raw()) };
        }
        let (mut ids, mut subscribers, mut failures) =
            (String::new(), Vec::with_capacity(list.len()), Vec::new());
        for answer in list {
            match answer {
                Ok(published) => {
                    ids.push_str(&published.id);
                    subscribers.push(published.subscribers as u32);
                }
                Err(error) => {
                    let index = subscribers.len() as u32;
                    let message = error.message_in(Language::JavaScript);
                    failures.push(NativeFailure { index, code: error.kind().code(), message });
                    subscribers.push(0);
                }
            }
            ids.push('\n');
        }
        NativeAnswers { ids, subscribers: subscribers.into(), failures }
    }
}

#[napi]
impl NativePublications {
    /// `wake` is called on the event loop when `take` has something to give.
    #[napi(constructor, ts_args_type = "hub: NativeHub, wake: () => void")]
    pub fn new(hub: &NativeHub, wake: Function<'_, (), ()>) -> Result<Self> {
        entry(|| {
            let wake = wake.build_threadsafe_function::<()>().weak::<true>().build().map_err(internal)?;
            let answers = Arc::new(Answers { list: Mutex::default(), wake });
            let publisher = Publisher { hub: hub.hub.clone(), answers, waiting: 0 };
            Ok(Self { state: Rc::new(RefCell::new(publisher)) })
        })
    }

    /// Makes the function that publishes an event. It throws what is wrong with the call; then there is no answer.
    #[napi(
        ts_return_type = "(topic: unknown, data: unknown, given?: number, event?: unknown, id?: unknown, retry?: unknown, comment?: unknown) => void"
    )]
    pub fn publisher<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        entry(|| function(env, "publish", Rc::clone(&self.state), Publisher::publish))
    }

    /// Ends a topic, as a publication behind those before.
    #[napi]
    pub fn end_topic(&self, env: Env, topic: String) -> Result<()> {
        entry(|| self.state.borrow_mut().end_topic(env, &topic))
    }

    /// Takes the answers that are there.
    #[napi]
    pub fn take(&self, env: Env) -> Result<NativeAnswers> {
        entry(|| Ok(self.state.borrow_mut().take(env)))
    }
}
