// ssecast for C++17: the handles of ssecast.h as classes that are moved and not copied, its failures as exceptions.
//
// Text goes in and comes out as std::string_view. One whose data() is nullptr, as that of `{}` is, leaves its field out; an
// empty one writes it empty. Who owns what until when, and on which thread a callback runs, is as in ssecast.h. A callback
// that throws on a thread of the library ends the program.
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "ssecast.h"

namespace ssecast {
using Topics = std::vector<std::string_view>;

// A call that failed: why, because of which argument or field, and how to mend it.
struct Error : std::exception {
  ssecast_error error;
  explicit Error(const ssecast_error& error) noexcept : error(error) {}
  ssecast_result code() const noexcept { return error.result; }
  const char* what() const noexcept override { return error.message; }
};

inline ssecast_slice slice(std::string_view text) noexcept { return {text.data(), text.size()}; }
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

// The library's view of texts, which stay the caller's.
struct Slices : std::vector<ssecast_slice> {
  explicit Slices(const Topics& texts) { for (std::string_view text : texts) push_back(slice(text)); }
};
}  // namespace detail

// The configurations with their defaults, to change.
inline ssecast_hub_config hub_config() { return detail::initial(ssecast_hub_config_init); }
inline ssecast_attach_config attach_config() { return detail::initial(ssecast_attach_config_init); }
inline ssecast_subscription_config subscription_config() { return detail::initial(ssecast_subscription_config_init); }
inline ssecast_listen_config listen_config() { return detail::initial(ssecast_listen_config_init); }

// One event to encode, publish or send. It borrows its texts.
struct Event : ssecast_event {
  Event(std::string_view data, std::string_view event = {}, std::string_view id = {}) noexcept
      : ssecast_event{sizeof(ssecast_event), slice(event), slice(id), slice(data), slice({}), SSECAST_NO_RETRY} {}
};

// The bytes of an event on the wire.
inline std::string encode(const Event& event) {
  std::string bytes(detail::get<std::size_t>(ssecast_event_encode, &event, nullptr, std::size_t(0)), '\0');
  detail::get<std::size_t>(ssecast_event_encode, &event, bytes.data(), bytes.size());
  return bytes;
}

// Each class below has its handle, for what it does not offer itself.
struct Parser {
  detail::Handle<ssecast_parser, ssecast_parser_free> handle;

  explicit Parser(std::size_t max = 0) : handle(detail::get<ssecast_parser*>(ssecast_parser_new, max)) {}
  // Calls `on_item(const ssecast_item&)` for each item. What it throws ends the stream there, and comes out of here.
  template <class OnItem>
  void feed(std::string_view chunk, OnItem&& on_item) {
    std::exception_ptr thrown;
    auto guarded = [&](const ssecast_item& item) noexcept {
      try { on_item(item); } catch (...) { thrown = std::current_exception(); }
      return thrown ? 1 : 0;
    };
    const auto each = [](void* data, const ssecast_item* item) { return (*static_cast<decltype(guarded)*>(data))(*item); };
    detail::call(ssecast_parser_feed, handle.get(), slice(chunk), each, &guarded);
    if (thrown) std::rethrow_exception(thrown);
  }
  void finish() { detail::call(ssecast_parser_finish, handle.get()); }
  std::string_view last_event_id() { return view(detail::get<ssecast_slice>(ssecast_parser_last_event_id, handle.get())); }
};

// A stream that the engine writes to a socket. It goes on without this object. False: it has ended, or is ending.
struct Connection {
  detail::Handle<ssecast_connection, ssecast_connection_free> handle;
  bool send(const Event& event) { return detail::goes_on(ssecast_connection_send, handle.get(), &event); }
  bool detach() { return detail::goes_on(ssecast_connection_detach, handle.get()); }
  bool disconnect(ssecast_reason reason) { return detail::goes_on(ssecast_connection_disconnect, handle.get(), reason); }
};

// A stream that the caller writes.
struct Subscription {
  detail::Handle<ssecast_subscription, ssecast_subscription_free> handle;
  int descriptor() const noexcept { return ssecast_subscription_descriptor(handle.get()); }

  // The next bytes, valid until it is asked again; none now, or none any more: then `ended` says why.
  std::optional<std::string_view> next() {
    ssecast_slice bytes;
    ssecast_error error;
    if (ssecast_subscription_next(handle.get(), &bytes, &error) == SSECAST_OK) return view(bytes);
    if (error.result != SSECAST_WOULD_BLOCK && error.result != SSECAST_ENDED) throw Error(error);
    return std::nullopt;
  }
  std::optional<ssecast_reason> ended() const {
    ssecast_reason reason;
    const bool over = ssecast_subscription_reason(handle.get(), &reason, nullptr) == SSECAST_OK;
    return over ? std::optional(reason) : std::nullopt;
  }
};

struct Hub {
  using OnClose = std::function<void(ssecast_reason reason, bool cut)>;
  detail::Handle<ssecast_hub, ssecast_hub_free> handle;
  explicit Hub(const ssecast_hub_config& options = hub_config()) : handle(detail::get<ssecast_hub*>(ssecast_hub_new, &options)) {}
  ssecast_published publish(std::string_view topic, const Event& event) {
    return detail::get<ssecast_published>(ssecast_hub_publish, handle.get(), slice(topic), &event);
  }
  void close(std::uint64_t grace_ms) { detail::call(ssecast_hub_close, handle.get(), nullptr, grace_ms); }
  ssecast_stats stats() const {
    ssecast_stats stats{};
    stats.size = sizeof stats;
    detail::call(ssecast_hub_stats, handle.get(), &stats);
    return stats;
  }
  Connection attach(int socket, const Topics& topics, ssecast_attach_config config = attach_config(), OnClose on_close = {}) {
    const detail::Slices texts(topics);
    auto told = std::make_unique<OnClose>(std::move(on_close));
    config.topics = texts.data(), config.topics_len = texts.size(), config.user_data = told.get();
    config.on_close = [](void* data, ssecast_reason reason, bool cut) noexcept {
      if (const std::unique_ptr<OnClose> told(static_cast<OnClose*>(data)); *told) (*told)(reason, cut);
    };
    auto* connection = detail::get<ssecast_connection*>(ssecast_hub_attach_socket, handle.get(), socket, &config);
    told.release();
    return {decltype(Connection::handle)(connection)};
  }
  Subscription subscribe(const Topics& topics, ssecast_subscription_config config = subscription_config()) {
    const detail::Slices texts(topics);
    config.topics = texts.data(), config.topics_len = texts.size();
    return {decltype(Subscription::handle)(detail::get<ssecast_subscription*>(ssecast_hub_subscribe, handle.get(), &config))};
  }
};

// Answers one request of a listener, once, from any thread. False: nobody waits for it any more.
struct Responder {
  detail::Handle<ssecast_responder, ssecast_responder_free> handle;
  bool allow(const Topics& topics) {
    const detail::Slices texts(topics);
    return detail::goes_on(ssecast_responder_allow, handle.get(), texts.data(), texts.size());
  }
  bool refuse(std::uint16_t status) { return detail::goes_on(ssecast_responder_refuse, handle.get(), status); }
};

// An HTTP/1.1 endpoint of a hub. A thread of its own calls `route`, which may keep the responder; if it throws, the answer is 500.
struct Listener {
  using Route = std::function<void(const ssecast_request* request, Responder responder)>;
  struct State { Route route; detail::Handle<ssecast_listener, ssecast_listener_free> handle; };
  std::unique_ptr<State> state;
  Listener(Hub& hub, ssecast_listen_config config, Route route) : state(new State{std::move(route), nullptr}) {
    config.user_data = state.get();
    config.route = [](void* data, const ssecast_request* request, ssecast_responder* responder) noexcept {
      try { static_cast<State*>(data)->route(request, {decltype(Responder::handle)(responder)}); } catch (...) {}
    };
    state->handle.reset(detail::get<ssecast_listener*>(ssecast_hub_listen, hub.handle.get(), &config));
  }
  std::uint16_t port() const noexcept { return ssecast_listener_port(state->handle.get()); }
};
}  // namespace ssecast
