// ssecast for C++17: the handles of ssecast.h as classes that are moved and not copied, its failures as exceptions. Copies of a
// Hub alone are handles of the same hub, one for each thread that may outlive another.
//
// Texts are std::string_view. A view whose data() is nullptr, such as `{}`, leaves its field out; any other empty view writes the
// field with an empty value. Ownership, and the threads that callbacks run on, are as in ssecast.h. A callback that throws on a
// thread of the library ends the program.
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#include "ssecast.h"

namespace ssecast {
using Topics = std::vector<std::string_view>;
// Names and values.
using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

// The version of the library that runs, and the name of a result, such as SSECAST_CLOSED.
inline const char* version() noexcept { return ssecast_version(); }
inline const char* text(ssecast_result result) noexcept { return ssecast_result_text(result); }

// A call that failed: why, because of which argument or field, and how to mend it.
struct Error : std::exception {
  ssecast_error error;
  explicit Error(const ssecast_error& error) noexcept : error(error) {}
  ssecast_result code() const noexcept { return error.result; }
  // The errno of the system's error that is behind it, such as EADDRINUSE, or 0.
  int os_error() const noexcept { return error.os_error; }
  const char* what() const noexcept override { return error.message; }
};

inline ssecast_slice slice(std::string_view text) noexcept { return {text.data(), text.size()}; }
// A slice borrows: one of a temporary string would outlive it.
template <class T, class = std::enable_if_t<std::is_same_v<std::remove_const_t<T>, std::string>>>
ssecast_slice slice(T&& temporary) = delete;
inline std::string_view view(ssecast_slice slice) noexcept { return {slice.data, slice.len}; }

namespace detail {
// Calls a function of the library with these arguments and an error, which is thrown if it fails.
template <class Function, class... Arguments>
void call(Function function, Arguments... arguments) {
  ssecast_error error;
  if (function(arguments..., &error) != SSECAST_OK) throw Error(error);
}

// The same with where to put what comes out, which is returned.
template <class Output, class Function, class... Arguments>
Output get(Function function, Arguments... arguments) {
  Output output{};
  call(function, arguments..., &output);
  return output;
}

// The same for a stream, which may have ended: then it is false.
template <class Function, class... Arguments>
bool goes_on(Function function, Arguments... arguments) {
  ssecast_error error;
  if (function(arguments..., &error) == SSECAST_OK) return true;
  return error.result == SSECAST_ENDED ? false : throw Error(error);
}

template <class Structure>
Structure initial(ssecast_result (*init)(Structure*, std::size_t)) {
  Structure structure{};
  init(&structure, sizeof structure);
  return structure;
}

template <auto Free>
struct Freed {
  template <class T> void operator()(T* handle) const noexcept { Free(handle); }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, Freed<Free>>;

// Calls a function for each item. When it throws, no item follows; the exception is kept until the library has returned.
template <class OnItem>
struct EachItem {
  OnItem& on_item;
  std::exception_ptr thrown;
  explicit EachItem(OnItem& on_item) noexcept : on_item(on_item) {}
  static int callback(void* data, const ssecast_item* item) noexcept {
    auto& each = *static_cast<EachItem*>(data);
    try {
      if constexpr (std::is_same_v<decltype(each.on_item(*item)), bool>) return each.on_item(*item) ? 0 : 1;
      else return each.on_item(*item), 0;
    } catch (...) {
      each.thrown = std::current_exception();
      return 1;
    }
  }
  void rethrow() const { if (thrown) std::rethrow_exception(thrown); }
};

// The library's view of texts, which stay the caller's.
struct Slices : std::vector<ssecast_slice> {
  explicit Slices(const Topics& texts) { for (std::string_view text : texts) push_back(slice(text)); }
};
struct HeaderSlices : std::vector<ssecast_header> {
  explicit HeaderSlices(const Headers& headers) {
    for (const auto& [name, value] : headers) push_back({slice(name), slice(value)});
  }
};
}  // namespace detail

// The configurations with their defaults, to change.
inline ssecast_hub_config hub_config() { return detail::initial(ssecast_hub_config_init); }
inline ssecast_attach_config attach_config() { return detail::initial(ssecast_attach_config_init); }
inline ssecast_subscription_config subscription_config() { return detail::initial(ssecast_subscription_config_init); }
inline ssecast_stream_config stream_config() { return detail::initial(ssecast_stream_config_init); }
inline ssecast_refusal refusal() { return detail::initial(ssecast_refusal_init); }
inline ssecast_listen_config listen_config() { return detail::initial(ssecast_listen_config_init); }
inline ssecast_cors cors() { return detail::initial(ssecast_cors_init); }
inline ssecast_source_config source_config() { return detail::initial(ssecast_source_config_init); }
// The head of a response, to fill in for a Source.
inline ssecast_source_response source_response() { return detail::initial(ssecast_source_response_init); }

// One event to encode, publish or send. It borrows its texts.
struct Event : ssecast_event {
  Event(std::string_view data, std::string_view event = {}, std::string_view id = {}) noexcept
      : ssecast_event{sizeof(ssecast_event), slice(event), slice(id), slice(data), ssecast_slice{}, 0} {}
};

// The bytes of an event on the wire.
inline std::string encode(const Event& event) {
  std::string bytes(detail::get<std::size_t>(ssecast_event_encode, &event, nullptr, std::size_t(0)), '\0');
  detail::get<std::size_t>(ssecast_event_encode, &event, bytes.data(), bytes.size());
  return bytes;
}

// Whether a topic can be one: fails with SSECAST_INVALID_TOPIC.
inline void check_topic(std::string_view topic) { detail::call(ssecast_topic_check, slice(topic)); }

// For servers that write responses themselves.

// The headers of a stream's response, as lines of HTTP/1.1.
inline std::string stream_headers(std::string_view cache_control = {}) {
  const auto wanted = slice(cache_control);
  std::string lines(detail::get<std::size_t>(ssecast_stream_headers, wanted, nullptr, std::size_t(0)), '\0');
  detail::get<std::size_t>(ssecast_stream_headers, wanted, lines.data(), lines.size());
  return lines;
}
// The headers that CORS asks for, as lines of HTTP/1.1, by the request's header Origin: every response has them, refusals too. With
// methods, such as "GET, HEAD", they are those of the answer to a preflight, whose status is 204.
inline std::string cors_headers(const ssecast_cors& cors, std::string_view origin, std::string_view methods = {}) {
  const auto from = slice(origin), allowed = slice(methods);
  std::string lines(detail::get<std::size_t>(ssecast_cors_headers, &cors, from, allowed, nullptr, std::size_t(0)), '\0');
  detail::get<std::size_t>(ssecast_cors_headers, &cors, from, allowed, lines.data(), lines.size());
  return lines;
}
// Whether a listener could answer with this: fails with SSECAST_INVALID_OPTION, and names status, headers or body. With `cors` the
// server has headers of CORS, which then are not the refusal's.
inline void check_refusal(std::uint16_t status, const Headers& headers = {}, std::string_view body = {}, bool cors = false) {
  const detail::HeaderSlices lines(headers);
  auto config = refusal();
  config.status = status, config.headers = lines.data(), config.headers_len = lines.size(), config.body = slice(body);
  detail::call(ssecast_refusal_check, &config, cors);
}
// The last event ID that a request has, by its header or its query, which are borrowed.
inline std::string_view last_event_id(std::string_view header, std::string_view query) noexcept {
  return view(ssecast_last_event_id(slice(header), slice(query)));
}
// Whether a client's last event ID says that its stream was finished for good: answer 204. A listener does so by itself.
inline bool is_finished(std::string_view last_event_id) noexcept { return ssecast_is_finished(slice(last_event_id)); }
// Whether a stream could not be opened for the moment: then Hub::unavailable has the answer.
inline bool is_unavailable(const Error& error) noexcept { return ssecast_is_unavailable(error.code()); }

// Each class below has the handle of the C library, for the functions that the class does not have.
struct Parser {
  detail::Handle<ssecast_parser, ssecast_parser_free> handle;

  explicit Parser(std::size_t max = 0) : handle(detail::get<ssecast_parser*>(ssecast_parser_new, max)) {}
  // Calls `on_item(const ssecast_item&)` for each item. What it throws ends the stream there, and comes out of here.
  template <class OnItem>
  void feed(std::string_view chunk, OnItem&& on_item) {
    detail::EachItem<OnItem> each(on_item);
    detail::call(ssecast_parser_feed, handle.get(), slice(chunk), each.callback, &each);
    each.rethrow();
  }
  void finish() { detail::call(ssecast_parser_finish, handle.get()); }
  void reset() { detail::call(ssecast_parser_reset, handle.get()); }
  // The reconnection time in milliseconds, or SSECAST_NO_RETRY.
  std::uint64_t retry() const { return detail::get<std::uint64_t>(ssecast_parser_retry, handle.get()); }
  std::string_view last_event_id() { return view(detail::get<ssecast_slice>(ssecast_parser_last_event_id, handle.get())); }
};

// A client's stream, which reconnects and resumes: it says what to send and what is next, and the program's transport does it.
// What it gives is valid until the next call.
struct Source {
  detail::Handle<ssecast_source, ssecast_source_free> handle;

  explicit Source(const ssecast_source_config& config) : handle(detail::get<ssecast_source*>(ssecast_source_new, &config)) {}
  explicit Source(std::string_view url) : Source(with_url(url)) {}
  // What to send now; none once the source is closed.
  std::optional<ssecast_source_request> next_request() {
    ssecast_source_request request{};
    request.size = sizeof request;
    ssecast_error error;
    if (ssecast_source_next_request(handle.get(), &request, &error) == SSECAST_OK) return request;
    return error.result == SSECAST_CLOSED ? std::nullopt : throw Error(error);
  }
  ssecast_source_step respond(const ssecast_source_response& response) { return step(ssecast_source_respond, &response); }
  // Calls `on_event(const ssecast_item&)` for each event. One that returns false closes the source, and so does one that throws:
  // the exception comes out of here.
  template <class OnEvent>
  ssecast_source_step feed(std::string_view chunk, OnEvent&& on_event) {
    detail::EachItem<OnEvent> each(on_event);
    const auto next = step(ssecast_source_feed, slice(chunk), each.callback, &each);
    each.rethrow();
    return next;
  }
  ssecast_source_step lose(ssecast_cause cause, std::string_view problem = {}) {
    return step(ssecast_source_lose, static_cast<std::uint32_t>(cause), slice(problem));
  }
  void close() { detail::call(ssecast_source_close, handle.get()); }
  std::string_view last_event_id() { return view(detail::get<ssecast_slice>(ssecast_source_last_event_id, handle.get())); }

 private:
  static ssecast_source_config with_url(std::string_view url) {
    auto config = source_config();
    config.url = slice(url);
    return config;
  }
  template <class Function, class... Arguments>
  ssecast_source_step step(Function function, Arguments... arguments) {
    ssecast_source_step step{};
    step.size = sizeof step;
    detail::call(function, handle.get(), arguments..., &step);
    return step;
  }
};

// A stream that the engine writes to a socket. It goes on when this object is destroyed. The functions return false once the stream
// has ended, or is ending.
struct Connection {
  detail::Handle<ssecast_connection, ssecast_connection_free> handle;
  // The number that a listener's callbacks have for it.
  std::uint64_t stream() const { return detail::get<std::uint64_t>(ssecast_connection_stream, handle.get()); }
  bool send(const Event& event) { return detail::goes_on(ssecast_connection_send, handle.get(), &event); }
  // The bytes that were sent to it alone and that the system has not taken yet.
  std::size_t pending_bytes() const { return detail::get<std::size_t>(ssecast_connection_pending_bytes, handle.get()); }
  bool change_topics(const Topics& add, const Topics& remove = {}) {
    const detail::Slices added(add), removed(remove);
    return detail::goes_on(
        ssecast_connection_change_topics, handle.get(), added.data(), added.size(), removed.data(), removed.size());
  }
  // Ends the stream for good: the client does not come back. Also false if the client can't be told: then it ends as by detach.
  bool finish() { return detail::goes_on(ssecast_connection_finish, handle.get()); }
  bool detach() { return detail::goes_on(ssecast_connection_detach, handle.get()); }
  bool disconnect(ssecast_reason reason) { return detail::goes_on(ssecast_connection_disconnect, handle.get(), reason); }
};

namespace detail {
// What can be asked of a subscription, whoever owns it.
template <class Self>
struct SubscriptionCalls {
  int descriptor() const noexcept { return ssecast_subscription_descriptor(get()); }
  // That of its configuration.
  void* user_data() const noexcept { return ssecast_subscription_user_data(get()); }

  // The next bytes, valid until it is asked again; none now, or none any more: then `ended` says why.
  std::optional<std::string_view> next() {
    ssecast_slice bytes;
    ssecast_error error;
    if (ssecast_subscription_next(get(), &bytes, &error) == SSECAST_OK) return view(bytes);
    if (error.result != SSECAST_WOULD_BLOCK && error.result != SSECAST_ENDED) throw Error(error);
    return std::nullopt;
  }
  std::optional<ssecast_reason> ended() const {
    ssecast_reason reason;
    const bool over = ssecast_subscription_reason(get(), &reason, nullptr) == SSECAST_OK;
    return over ? std::optional(reason) : std::nullopt;
  }
  // These return false once the stream has ended, or is ending.
  bool send(const Event& event) { return goes_on(ssecast_subscription_send, get(), &event); }
  bool change_topics(const Topics& add, const Topics& remove = {}) {
    const Slices added(add), removed(remove);
    return goes_on(ssecast_subscription_change_topics, get(), added.data(), added.size(), removed.data(), removed.size());
  }
  bool end() { return goes_on(ssecast_subscription_end, get()); }
  // Ends the stream for good: the client does not come back. Also false if the client can't be told: then it ends, and the client
  // comes back.
  bool finish() { return goes_on(ssecast_subscription_finish, get()); }
  // The bytes that were sent to it alone and that were not taken yet.
  std::size_t pending_bytes() const { return detail::get<std::size_t>(ssecast_subscription_pending_bytes, get()); }

 private:
  ssecast_subscription* get() const noexcept { return static_cast<const Self*>(this)->pointer(); }
};
}  // namespace detail

// A stream whose bytes the caller writes.
struct Subscription : detail::SubscriptionCalls<Subscription> {
  detail::Handle<ssecast_subscription, ssecast_subscription_free> handle;
  explicit Subscription(ssecast_subscription* made) noexcept : handle(made) {}
  ssecast_subscription* pointer() const noexcept { return handle.get(); }
};

// The same, for a stream that another object owns.
struct BorrowedSubscription : detail::SubscriptionCalls<BorrowedSubscription> {
  ssecast_subscription* handle;
  explicit BorrowedSubscription(ssecast_subscription* handle) noexcept : handle(handle) {}
  ssecast_subscription* pointer() const noexcept { return handle; }
};

// The subscriptions of one event loop, with one descriptor: those whose configuration has its handle as `poller`.
struct Poller {
  detail::Handle<ssecast_poller, ssecast_poller_free> handle;
  int descriptor() const noexcept { return ssecast_poller_descriptor(handle.get()); }
  // The next that has something: bytes, or its end. None: wait until the descriptor is readable.
  std::optional<BorrowedSubscription> next() {
    ssecast_subscription* subscription;
    ssecast_error error;
    const auto result = ssecast_poller_next(handle.get(), &subscription, &error);
    if (result == SSECAST_OK) return BorrowedSubscription(subscription);
    return result == SSECAST_WOULD_BLOCK ? std::nullopt : throw Error(error);
  }
};

// The interest in whether a topic is read. Destroying it ends that, after a call that is under way.
struct UnreadWatch {
  struct Free {
    std::unique_ptr<std::shared_ptr<std::function<void()>>> on_unread;
    void operator()(ssecast_unread_watch* handle) const noexcept { ssecast_unread_watch_free(handle); }
  };
  std::unique_ptr<ssecast_unread_watch, Free> handle;
};

namespace detail {

// A hub and the objects that its callbacks use. The objects are destroyed once no callback runs any more.
struct Owned {
  ssecast_hub* hub;
  std::mutex adding;
  std::vector<std::shared_ptr<void>> used;
  explicit Owned(ssecast_hub* hub) noexcept : hub(hub) {}
  ~Owned() {
    bool over;
    // A callback that drops the last handle can't wait for its own end: its objects are leaked on purpose.
    if (ssecast_hub_wait_closed(hub, 0, &over, nullptr) == SSECAST_BUSY) new std::vector<std::shared_ptr<void>>(std::move(used));
    ssecast_hub_free(hub);
  }
  template <class T>
  T* add(std::shared_ptr<T> made) {
    const std::lock_guard<std::mutex> lock(adding);
    used.push_back(made);
    return made.get();
  }
};

}  // namespace detail

// With its last handle a hub ends: an open one closes with a grace of one second, and the destructor returns when the streams
// that the library writes have ended and all callbacks have returned. Do not destroy it while holding a lock that a callback needs.
struct Hub {
  using OnClose = std::function<void(ssecast_reason reason, bool cut)>;
  std::shared_ptr<detail::Owned> owned;
  std::shared_ptr<ssecast_hub> handle;
  explicit Hub(const ssecast_hub_config& options = hub_config())
      : owned(std::make_shared<detail::Owned>(detail::get<ssecast_hub*>(ssecast_hub_new, &options))), handle(owned, owned->hub) {}
  // A closed hub publishes nothing: the id is empty, and there are no subscribers.
  ssecast_published publish(std::string_view topic, const Event& event) {
    ssecast_published published{};
    published.size = sizeof published;
    ssecast_error error;
    const auto result = ssecast_hub_publish(handle.get(), slice(topic), &event, &published, &error);
    if (result != SSECAST_OK && result != SSECAST_CLOSED) throw Error(error);
    return published;
  }
  // Nothing is published to the topic any more: its readers get what is left, and their clients stay away.
  void end_topic(std::string_view topic) { detail::call(ssecast_hub_end_topic, handle.get(), slice(topic)); }
  // Calls `on_unread` once, on a thread of the library, when the topic has had a reader and then had none for so long, in no process
  // of the store. The watch may be destroyed by that call.
  UnreadWatch when_unread(std::string_view topic, std::uint64_t after_ms, std::function<void()> on_unread) {
    auto function = std::make_unique<std::shared_ptr<std::function<void()>>>(
        std::make_shared<std::function<void()>>(std::move(on_unread)));
    const ssecast_unread_callback call = [](void* data) noexcept {
      const auto kept = *static_cast<std::shared_ptr<std::function<void()>>*>(data);
      (*kept)();
    };
    auto* watch = detail::get<ssecast_unread_watch*>(
        ssecast_hub_when_unread, handle.get(), slice(topic), after_ms, call, static_cast<void*>(function.get()));
    return {decltype(UnreadWatch::handle)(watch, UnreadWatch::Free{std::move(function)})};
  }
  void close(std::uint64_t grace_ms) { detail::call(ssecast_hub_close, handle.get(), nullptr, grace_ms); }
  // The same, with a last event for every client.
  void close(std::uint64_t grace_ms, const Event& last) { detail::call(ssecast_hub_close, handle.get(), &last, grace_ms); }
  bool is_closed() const noexcept { return ssecast_hub_is_closed(handle.get()); }
  // Whether it was closed, and all is over by then, callbacks included. Not in a callback.
  bool wait_closed(std::uint64_t timeout_ms) { return detail::get<bool>(ssecast_hub_wait_closed, handle.get(), timeout_ms); }
  ssecast_stats stats() const {
    ssecast_stats stats{};
    stats.size = sizeof stats;
    detail::call(ssecast_hub_stats, handle.get(), &stats);
    return stats;
  }
  // The counters as OpenMetrics text.
  std::string metrics() const {
    // No text is longer.
    std::string text(8192, '\0');
    text.resize(detail::get<std::size_t>(ssecast_hub_metrics, handle.get(), text.data(), text.size()));
    return text;
  }
  // What a client is answered that can't have a stream for the moment, by its request's method and Accept.
  ssecast_unavailable unavailable(std::string_view method, std::string_view accept) const {
    ssecast_unavailable unavailable{};
    unavailable.size = sizeof unavailable;
    detail::call(ssecast_hub_unavailable, handle.get(), slice(method), slice(accept), &unavailable);
    return unavailable;
  }
  Poller poller() const { return {decltype(Poller::handle)(detail::get<ssecast_poller*>(ssecast_poller_new, handle.get()))}; }
  Connection attach(int socket, const Topics& topics, ssecast_attach_config config = attach_config(), OnClose on_close = {}) {
    const detail::Slices texts(topics);
    // The configuration's own callbacks get its own user_data.
    struct Told {
      OnClose function;
      ssecast_attach_config config;
    };
    auto told = std::make_unique<Told>(Told{std::move(on_close), config});
    config.topics = texts.data(), config.topics_len = texts.size(), config.user_data = told.get();
    config.on_close = [](void* data, ssecast_reason reason, bool cut) noexcept {
      const std::unique_ptr<Told> told(static_cast<Told*>(data));
      if (told->config.on_close) told->config.on_close(told->config.user_data, reason, cut);
      if (told->function) told->function(reason, cut);
    };
    if (config.on_drain) config.on_drain = [](void* data) noexcept {
      const auto& own = static_cast<Told*>(data)->config;
      own.on_drain(own.user_data);
    };
    auto* connection = detail::get<ssecast_connection*>(ssecast_hub_attach_socket, handle.get(), socket, &config);
    told.release();
    return {decltype(Connection::handle)(connection)};
  }
  Subscription subscribe(const Topics& topics, ssecast_subscription_config config = subscription_config()) {
    const detail::Slices texts(topics);
    config.topics = texts.data(), config.topics_len = texts.size();
    return Subscription(detail::get<ssecast_subscription*>(ssecast_hub_subscribe, handle.get(), &config));
  }
};

// A request that a listener has heard. It, and the texts that it gives, are valid until the route returns. A text that is not there
// has a data() that is nullptr.
struct Request {
  const ssecast_request* handle;
  std::string_view method() const noexcept { return view(ssecast_request_method(handle)); }
  std::string_view path() const noexcept { return view(ssecast_request_path(handle)); }
  std::string_view query() const noexcept { return view(ssecast_request_query(handle)); }
  std::string_view query(const char* name) const noexcept { return view(ssecast_request_query_value(handle, name)); }
  std::string_view header(const char* name) const noexcept { return view(ssecast_request_header(handle, name)); }
  std::string_view last_event_id() const noexcept { return view(ssecast_request_last_event_id(handle)); }
  std::string_view peer() const noexcept { return view(ssecast_request_peer(handle)); }
  // For the functions of the C library.
  operator const ssecast_request*() const noexcept { return handle; }
};

// The stream that a request is given, besides its topics. The functions run on threads of the engine, and must return soon; what they
// capture lives until on_close, or, if the request is over, until the answer.
struct StreamOptions {
  // As in ssecast_stream_config: 0 is what the listener says.
  std::uint64_t replay = 0;
  Headers headers;
  std::function<void(Connection)> on_open;
  // Once, also if the stream never began.
  std::function<void(ssecast_reason)> on_close;
  std::function<void()> on_drain;
};

// Answers one request of a listener, once, from any thread. False: the request is over.
struct Responder {
  detail::Handle<ssecast_responder, ssecast_responder_free> handle;
  bool allow(const Topics& topics) {
    const detail::Slices texts(topics);
    return detail::goes_on(ssecast_responder_allow, handle.get(), texts.data(), texts.size());
  }
  // The same, for a route whose new clients begin with so many of the last events, or with SSECAST_REPLAY_ALL.
  bool allow(const Topics& topics, std::uint64_t replay) {
    const detail::Slices texts(topics);
    return detail::goes_on(ssecast_responder_allow_with_replay, handle.get(), texts.data(), texts.size(), replay);
  }
  // The same, with headers and functions of this stream alone.
  bool allow(const Topics& topics, StreamOptions options) {
    const detail::Slices texts(topics);
    const detail::HeaderSlices headers(options.headers);
    auto config = stream_config();
    config.topics = texts.data(), config.topics_len = texts.size();
    config.headers = headers.data(), config.headers_len = headers.size();
    config.replay = options.replay;
    options.headers.clear();
    auto kept = std::make_unique<StreamOptions>(std::move(options));
    config.user_data = kept.get();
    config.on_open = [](void* data, ssecast_connection* connection) noexcept {
      Connection stream{decltype(Connection::handle)(connection)};
      if (auto& on_open = static_cast<StreamOptions*>(data)->on_open) on_open(std::move(stream));
    };
    config.on_close = [](void* data, ssecast_reason reason, bool) noexcept {
      const std::unique_ptr<StreamOptions> kept(static_cast<StreamOptions*>(data));
      if (kept->on_close) kept->on_close(reason);
    };
    config.on_drain = [](void* data) noexcept {
      if (auto& on_drain = static_cast<StreamOptions*>(data)->on_drain) on_drain();
    };
    // The end may be told before the call returns.
    auto* const given = kept.release();
    try {
      if (detail::goes_on(ssecast_responder_allow_stream, handle.get(), &config)) return true;
    } catch (...) {
      delete given;
      throw;
    }
    delete given;
    return false;
  }
  bool refuse(std::uint16_t status) { return detail::goes_on(ssecast_responder_refuse, handle.get(), status); }
  // The same with headers, such as WWW-Authenticate or Location, and a body; without one it says the status in words.
  bool refuse(std::uint16_t status, const Headers& headers, std::string_view body = {}) {
    const detail::HeaderSlices lines(headers);
    auto config = refusal();
    config.status = status, config.headers = lines.data(), config.headers_len = lines.size(), config.body = slice(body);
    return detail::goes_on(ssecast_responder_refuse_with, handle.get(), &config);
  }
  // The number that the stream will have in the listener's callbacks.
  std::uint64_t stream() const { return detail::get<std::uint64_t>(ssecast_responder_stream, handle.get()); }
};

// An HTTP/1.1 endpoint of a hub. A thread of its own calls `route`, which may keep the responder; if it throws, the answer is 500.
struct Listener {
  using Route = std::function<void(const Request& request, Responder responder)>;
  // Says whether pages of an origin may read the answer to a request, a refusal too. It is asked on the same thread, before the route,
  // and must return soon. If it throws, the answer is 500, which the page may not read.
  using Allows = std::function<bool(std::string_view origin, const Request& request)>;
  detail::Handle<ssecast_listener, ssecast_listener_free> handle;
  // The configuration's own callbacks get its own user_data. What they, the route and `allows` use lives as long as the hub.
  Listener(Hub& hub, ssecast_listen_config config, Route route, Allows allows = {}) {
    struct Told {
      Route route;
      Allows allows;
      ssecast_listen_config config;
    };
    const bool decides = static_cast<bool>(allows);
    config.user_data = hub.owned->add(std::make_shared<Told>(Told{std::move(route), std::move(allows), config}));
    if (decides) config.cors_allows = [](void* data, ssecast_slice origin, const ssecast_request* request) noexcept {
      try { return static_cast<Told*>(data)->allows(view(origin), Request{request}) ? 1 : 0; } catch (...) { return -1; }
    };
    else if (config.cors_allows) config.cors_allows = [](void* data, ssecast_slice origin, const ssecast_request* request) noexcept {
      const auto& own = static_cast<Told*>(data)->config;
      return own.cors_allows(own.user_data, origin, request);
    };
    config.route = [](void* data, const ssecast_request* request, ssecast_responder* responder) noexcept {
      try { static_cast<Told*>(data)->route(Request{request}, {decltype(Responder::handle)(responder)}); } catch (...) {}
    };
    if (config.on_open) config.on_open = [](void* data, std::uint64_t stream, ssecast_connection* connection) noexcept {
      const auto& own = static_cast<Told*>(data)->config;
      own.on_open(own.user_data, stream, connection);
    };
    if (config.on_close) config.on_close = [](void* data, std::uint64_t stream, ssecast_reason reason) noexcept {
      const auto& own = static_cast<Told*>(data)->config;
      own.on_close(own.user_data, stream, reason);
    };
    if (config.on_drain) config.on_drain = [](void* data, std::uint64_t stream) noexcept {
      const auto& own = static_cast<Told*>(data)->config;
      own.on_drain(own.user_data, stream);
    };
    handle.reset(detail::get<ssecast_listener*>(ssecast_hub_listen, hub.handle.get(), &config));
  }
  // Its address and port, such as 127.0.0.1:8080.
  std::string_view address() const noexcept { return view(ssecast_listener_address(handle.get())); }
  // Accepts no connection any more, without waiting. False: it is closed already.
  bool close() { return detail::goes_on(ssecast_listener_close, handle.get()); }
  std::uint16_t port() const noexcept { return ssecast_listener_port(handle.get()); }
};
}  // namespace ssecast
