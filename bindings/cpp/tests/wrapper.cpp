// The wrapper on real sockets. Each test ends the program if it fails.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <memory>
#include <stdexcept>
#include <thread>
#include <type_traits>

#include <ssecast.hpp>

using namespace std::string_literals;

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1); \
    } \
  } while (0)

namespace {

// Far longer than anything takes.
constexpr int patience_ms = 30'000;

template <class Condition>
void eventually(Condition condition) {
  const auto began = std::chrono::steady_clock::now();
  while (!condition()) {
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::milliseconds(patience_ms));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

template <class Call>
ssecast::Error failure(Call call) {
  try {
    call();
  } catch (const ssecast::Error& error) {
    return error;
  }
  CHECK(!"it failed");
  std::abort();
}

struct Descriptor {
  int number;
  explicit Descriptor(int number) : number(number) { CHECK(number >= 0); }
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() { close(number); }
};

// What a client has read so far; it ends with the connection.
struct Client {
  Descriptor socket;
  std::string text;

  explicit Client(int number) : socket(number) {}
  Client(std::uint16_t port, const std::string& request) : socket(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(socket.number, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::send(socket.number, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
  }
  // Reads once; false at the end.
  bool read() {
    pollfd ready{socket.number, POLLIN, 0};
    CHECK(poll(&ready, 1, patience_ms) == 1);
    char bytes[4096];
    const ssize_t length = recv(socket.number, bytes, sizeof bytes, 0);
    if (length > 0) text.append(bytes, static_cast<std::size_t>(length));
    return length > 0;
  }
  const std::string& until(const std::string& what) {
    while (text.find(what) == std::string::npos) CHECK(read());
    return text;
  }
};

ssecast::Hub quiet_hub() {
  auto config = ssecast::hub_config();
  config.heartbeat_ms = config.retry_ms = SSECAST_OFF;
  config.threads = 1;
  return ssecast::Hub(config);
}

// A connected pair: the server's end, and the client's.
std::pair<int, int> sockets() {
  int pair[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  return {pair[0], pair[1]};
}

void handles_are_moved_and_not_copied() {
  const auto moves_only = [](auto* type) {
    using Type = std::remove_pointer_t<decltype(type)>;
    return std::is_nothrow_move_constructible_v<Type> && std::is_move_assignable_v<Type> && !std::is_copy_constructible_v<Type>;
  };
  CHECK(std::is_copy_constructible_v<ssecast::Hub> && moves_only(static_cast<ssecast::Parser*>(nullptr)));
  CHECK(moves_only(static_cast<ssecast::Connection*>(nullptr)) && moves_only(static_cast<ssecast::Subscription*>(nullptr)));
  CHECK(moves_only(static_cast<ssecast::Listener*>(nullptr)) && moves_only(static_cast<ssecast::Responder*>(nullptr)));
}

void an_event_is_encoded_and_parsed_back() {
  const std::string wire = ssecast::encode({"one\ntwo", "tick", "7"});
  CHECK(wire == "id: 7\nevent: tick\ndata: one\ndata: two\n\n");
  ssecast::Parser parser;
  int items = 0;
  for (const char byte : wire) {
    parser.feed({&byte, 1}, [&](const ssecast_item& item) {
      ++items;
      CHECK(item.kind == SSECAST_ITEM_EVENT && ssecast::view(item.data) == "one\ntwo" && ssecast::view(item.event) == "tick");
    });
  }
  CHECK(items == 1 && parser.last_event_id() == "7");
}

void a_field_that_is_left_out_differs_from_an_empty_one() {
  CHECK(ssecast::encode({"x", {}, ""}) == "id: \ndata: x\n\n");
  CHECK(ssecast::encode({"x"}) == "data: x\n\n");
}

void what_fails_says_why_and_which_field() {
  const auto error = failure([] { ssecast::encode({"x", "a\nb"}); });
  CHECK(error.code() == SSECAST_INVALID_EVENT && error.error.field == "event"s && std::string(error.what()).find("event") == 0);
  auto config = ssecast::hub_config();
  config.slow_client_policy = 9;
  CHECK(failure([&] { ssecast::Hub{config}; }).code() == SSECAST_INVALID_OPTION);
  auto hub = quiet_hub();
  CHECK(failure([&] { hub.publish("", {"x"}); }).code() == SSECAST_INVALID_TOPIC);
}

void what_a_parsers_callback_throws_comes_out_of_feed() {
  ssecast::Parser parser;
  int items = 0;
  const auto feed = [&] {
    parser.feed("data: 1\n\ndata: 2\n\n", [&](const ssecast_item&) { ++items; throw std::runtime_error("enough"); });
  };
  try {
    feed();
    CHECK(!"it threw");
  } catch (const std::runtime_error& error) {
    CHECK(error.what() == "enough"s && items == 1);
  }
}

// What comes out is valid until the next call: it is looked at before.
void a_source_follows_redirects_reconnects_and_resumes() {
  auto config = ssecast::source_config();
  config.url = ssecast::slice("https://example.com/a");
  config.idle_ms = 45000;
  ssecast::Source source(config);
  auto response = ssecast::source_response();
  response.status = 307, response.location = ssecast::slice("/b");
  CHECK(source.next_request()->idle_ms == 45000);
  CHECK(source.respond(response).next == SSECAST_NEXT_REDIRECT);
  CHECK(ssecast::view(source.next_request()->url) == "https://example.com/b");
  response = ssecast::source_response();
  response.status = 200, response.content_type = ssecast::slice("text/event-stream");
  CHECK(source.respond(response).next == SSECAST_NEXT_READ);
  std::string data;
  const auto on_event = [&](const ssecast_item& item) { data += ssecast::view(item.data); };
  CHECK(source.feed("id: 7\ndata: a\n\ndata: cu", on_event).next == SSECAST_NEXT_READ);
  const auto lost = source.lose(SSECAST_CAUSE_NETWORK, "cut");
  CHECK(lost.next == SSECAST_NEXT_WAIT && lost.wait_ms >= 2000 && ssecast::view(lost.message) == "the connection failed: cut");
  CHECK(source.last_event_id() == "7" && data == "a");
  CHECK(failure([&] { source.feed("data: b\n\n", on_event); }).code() == SSECAST_ENDED);
  CHECK(failure([] { ssecast::Source("ftp://localhost/"); }).what() == "url begins with ftp:, not with http: or https:"s);
}

void a_source_is_closed_by_its_callback() {
  auto response = ssecast::source_response();
  response.status = 200, response.content_type = ssecast::slice("text/event-stream");
  ssecast::Source stopped("http://localhost/"), thrown("http://localhost/");
  stopped.respond(response), thrown.respond(response);
  int events = 0;
  const auto stop = [&](const ssecast_item&) { return ++events < 2; };
  CHECK(stopped.feed("data: 1\n\ndata: 2\n\ndata: 3\n\n", stop).next == SSECAST_NEXT_CLOSED && events == 2);
  CHECK(!stopped.next_request());
  bool caught = false;
  try {
    thrown.feed("data: 1\n\n", [](const ssecast_item&) { throw std::runtime_error("no"); });
  } catch (const std::runtime_error&) {
    caught = true;
  }
  CHECK(caught && !thrown.next_request());
  ssecast::Source closed("http://localhost/");
  closed.close();
  CHECK(!closed.next_request());
}

void an_attached_socket_gets_events_and_the_end_is_told() {
  auto hub = quiet_hub();
  const auto [server, other] = sockets();
  const Descriptor own(server);
  Client client(other);
  std::atomic<int> reason{-1};
  auto config = ssecast::attach_config();
  config.framing = SSECAST_FRAMING_RAW;
  auto connection = hub.attach(server, {"a", "b"}, config, [&](ssecast_reason why, bool cut) { reason = cut ? 99 : int(why); });
  CHECK(hub.publish("a", {"one"}).subscribers == 1);
  CHECK(hub.publish("c", {"none"}).subscribers == 0);
  CHECK(connection.send({"alone"}));
  hub.publish("b", {"two"});
  CHECK(client.until("two\n\n").find("none") == std::string::npos);
  CHECK(client.text.find("data: one") < client.text.find("data: alone"));
  CHECK(client.text.find("data: alone") < client.text.find("data: two"));
  CHECK(connection.detach());
  eventually([&] { return reason == SSECAST_REASON_SERVER; });
  CHECK(!connection.detach() && !connection.send({"late"}));
}

void a_socket_that_is_refused_makes_no_callback() {
  auto hub = quiet_hub();
  bool told = false;
  const auto attach = [&] { hub.attach(-1, {"a"}, ssecast::attach_config(), [&](ssecast_reason, bool) { told = true; }); };
  CHECK(failure(attach).code() == SSECAST_INVALID_SOCKET && !told);
}

void a_subscription_gives_bytes_resumes_and_says_why_it_ended() {
  auto hub = quiet_hub();
  const std::string first = hub.publish("a", {"one"}).id;
  hub.publish("a", {"two"});
  auto config = ssecast::subscription_config();
  config.last_event_id = ssecast::slice(first);
  auto subscription = hub.subscribe({"a"}, config);
  std::string text;
  const auto read = [&] {
    pollfd ready{subscription.descriptor(), POLLIN, 0};
    CHECK(poll(&ready, 1, patience_ms) == 1);
    while (const auto bytes = subscription.next()) text += *bytes;
  };
  while (text.find("two") == std::string::npos) read();
  CHECK(text.find("one") == std::string::npos && !subscription.ended());
  hub.close(1000);
  while (!subscription.ended()) read();
  CHECK(subscription.ended() == SSECAST_REASON_SHUTDOWN && hub.stats().connections == 0);
}

void a_listener_asks_its_route_and_answers_500_when_it_throws() {
  auto hub = quiet_hub();
  const ssecast::Listener listener(hub, ssecast::listen_config(), [](const ssecast_request* request, ssecast::Responder responder) {
    const auto path = ssecast::view(ssecast_request_path(request));
    if (path == "/throw") throw std::runtime_error("a defect of the program");
    if (path == "/ticks") CHECK(responder.allow({"ticks"}) && !responder.refuse(404));
    else responder.refuse(403);
  });
  const auto get = [](const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"; };
  Client refused(listener.port(), get("/other")), thrown(listener.port(), get("/throw")), client(listener.port(), get("/ticks"));
  CHECK(refused.until("\r\n\r\n").find("HTTP/1.1 403 ") == 0);
  CHECK(thrown.until("\r\n\r\n").find("HTTP/1.1 500 ") == 0);
  CHECK(client.until("\r\n\r\n").find("HTTP/1.1 200 ") == 0);
  hub.publish("ticks", {"now"});
  client.until("data: now\n\n");
  hub.close(1000);
  while (client.read()) {
  }
  CHECK(hub.stats().disconnects_shutdown == 1);
  CHECK(hub.metrics().find("\nssecast_disconnects_total{reason=\"shutdown\"} 1\n") != std::string::npos);
}

void a_function_decides_on_origins_and_refuses_when_it_throws() {
  auto hub = quiet_hub();
  const auto route = [](const ssecast::Request& request, ssecast::Responder responder) {
    if (request.path() == "/private") responder.refuse(403);
    else responder.allow({"t"});
  };
  const auto allows = [](std::string_view origin, const ssecast::Request& request) {
    if (request.path() == "/throw") throw std::runtime_error("a defect of the program");
    return origin == "https://app.example";
  };
  const ssecast::Listener listener(hub, ssecast::listen_config(), route, allows);
  const auto answered = [&](const ssecast::Listener& by, const std::string& line, const std::string& origin) {
    Client client(by.port(), line + " HTTP/1.1\r\nHost: x\r\nAccess-Control-Request-Method: GET\r\nOrigin: " + origin + "\r\n\r\n");
    const std::string head = client.until("\r\n\r\n");
    const bool is_allowed = head.find("\r\nAccess-Control-Allow-Origin: " + origin + "\r\n") != std::string::npos;
    CHECK(is_allowed || head.find("Allow-Origin") == std::string::npos);
    return head.substr(9, 3) + (is_allowed ? " allowed" : "");
  };
  for (const auto& [line, status] : {std::pair{"GET /"s, "200"s}, {"GET /private", "403"}, {"OPTIONS /", "204"}, {"POST /", "405"}}) {
    CHECK(answered(listener, line, "https://app.example") == status + " allowed");
    CHECK(answered(listener, line, "https://other.example") == status);
  }
  CHECK(answered(listener, "GET /throw", "https://app.example") == "500");
  // A function of C's in the configuration has its own user data.
  auto config = ssecast::listen_config();
  std::atomic<int> asked{0};
  config.user_data = &asked;
  config.cors_allows = [](void* data, ssecast_slice, const ssecast_request*) { return ++*static_cast<std::atomic<int>*>(data); };
  CHECK(answered(ssecast::Listener(hub, config, route), "GET /", "https://other.example") == "200 allowed" && asked == 1);
  const auto origin = ssecast::slice("https://app.example");
  config.cors_origins = &origin, config.cors_origins_len = 1;
  CHECK(failure([&] { ssecast::Listener(hub, config, route); }).error.field == "cors_origins"s);
}

struct Told {
  ssecast_reason reasons[64] = {};
  std::atomic<int> count{0};
};

void when_a_hub_is_destroyed_no_callback_of_it_runs_any_more() {
  for (int round = 0; round < 20; round++) {
    std::list<Descriptor> own;
    auto told = std::make_unique<Told>();
    ssecast::Hub hub;
    for (int at = 0; at < 50; at++) {
      const auto [server, other] = sockets();
      own.emplace_back(server), own.emplace_back(other);
      hub.attach(server, {"t"}, ssecast::attach_config(), [told = told.get()](ssecast_reason why, bool) {
        told->reasons[told->count++] = why;
      });
    }
    // The hub goes first.
  }
  auto hub = quiet_hub();
  CHECK(!hub.wait_closed(0));
  hub.close(1000);
  CHECK(hub.wait_closed(patience_ms));
}

void a_handle_keeps_its_hub_and_publishing_to_a_closed_one_gives_nothing() {
  std::thread publisher;
  {
    auto hub = quiet_hub();
    publisher = std::thread([hub]() mutable {
      while (hub.publish("t", {"x"}).id[0] != 0) {
      }
    });
    hub.publish("t", {"x"});
    hub.close(0);
    CHECK(hub.publish("t", {"late"}).id == ""s && hub.publish("t", {"late"}).subscribers == 0);
    CHECK(failure([&] { hub.publish("", {"x"}); }).code() == SSECAST_INVALID_TOPIC);
  }
  publisher.join();
}

void the_callers_own_callbacks_get_the_callers_own_user_data() {
  struct Mine {
    std::atomic<int> opened{0}, closed{0}, attached{0};
  } mine;
  {
    auto hub = quiet_hub();
    auto config = ssecast::listen_config();
    config.user_data = &mine;
    config.on_open = [](void* data, uint64_t, ssecast_connection* connection) {
      ++static_cast<Mine*>(data)->opened;
      ssecast_connection_free(connection);
    };
    config.on_close = [](void* data, uint64_t, ssecast_reason) { ++static_cast<Mine*>(data)->closed; };
    const ssecast::Listener listener(hub, config, [](const ssecast_request*, ssecast::Responder responder) { responder.allow({"t"}); });
    Client client(listener.port(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.until("id: ");
    const auto [server, other] = sockets();
    const Descriptor own(server);
    const Client reader(other);
    auto attached = ssecast::attach_config();
    attached.user_data = &mine;
    attached.on_close = [](void* data, ssecast_reason, bool) { ++static_cast<Mine*>(data)->attached; };
    hub.attach(server, {"t"}, attached, [&](ssecast_reason, bool) { ++mine.attached; });
  }
  CHECK(mine.opened == 1 && mine.closed == 1 && mine.attached == 2);
}

template <class T, class = void>
struct Sliced : std::false_type {};
template <class T>
struct Sliced<T, std::void_t<decltype(ssecast::slice(std::declval<T>()))>> : std::true_type {};

void a_slice_is_none_of_a_temporary() {
  CHECK((!Sliced<std::string>() && !Sliced<const std::string>()));
  CHECK((Sliced<std::string&>() && Sliced<const std::string&>() && Sliced<const char*>() && Sliced<std::string_view>()));
}

void an_error_of_the_system_has_its_number() {
  auto hub = quiet_hub();
  const auto route = [](const ssecast_request*, ssecast::Responder) {};
  const ssecast::Listener first(hub, ssecast::listen_config(), route);
  const auto address = "127.0.0.1:" + std::to_string(first.port());
  auto config = ssecast::listen_config();
  config.address = ssecast::slice(address);
  CHECK(failure([&] { ssecast::Listener(hub, config, route); }).os_error() == EADDRINUSE);
}

struct Folder {
  std::string path = std::filesystem::temp_directory_path() / "ssecast-store-XXXXXX";
  Folder() { CHECK(mkdtemp(path.data())); }
  Folder(const Folder&) = delete;
  ~Folder() {
    // A thread that lets go of a store may remove a file of its own meanwhile.
    eventually([&] {
      std::error_code error;
      std::filesystem::remove_all(path, error);
      return !error;
    });
  }
};

void hubs_on_one_store_are_one() {
  const Folder folder;
  const auto store = "file:" + folder.path + "/events";
  auto config = ssecast::hub_config();
  config.store = ssecast::slice(store);
  ssecast::Hub one(config), other(config);
  CHECK(one.stats().store == SSECAST_STORE_STATE_UNOPENED && quiet_hub().stats().store == SSECAST_STORE_STATE_NONE);
  const std::string seen = one.publish("t", {"seen"}).id;
  one.publish("t", {"missed"});
  auto resumed = ssecast::subscription_config();
  resumed.last_event_id = ssecast::slice(seen);
  auto subscription = other.subscribe({"t"}, resumed);
  std::thread publisher([&] { one.publish("t", {"live"}); });
  std::string text;
  eventually([&] {
    if (const auto bytes = subscription.next()) text += *bytes;
    return text.find("data: live\n\n") != std::string::npos;
  });
  publisher.join();
  CHECK(text.find("data: missed\n\n") != std::string::npos && text.find("data: seen") == std::string::npos);
  CHECK(other.stats().store == SSECAST_STORE_STATE_READY && other.stats().published == 3);
  config.store = ssecast::slice("events");
  const auto refused = failure([&] { ssecast::Hub{config}; });
  CHECK(refused.code() == SSECAST_INVALID_OPTION && refused.error.field == "store"s);
}

void a_new_client_begins_with_history() {
  auto hub = quiet_hub();
  for (const char* data : {"1", "2", "3"}) hub.publish("t", {data});
  auto two = ssecast::subscription_config();
  two.replay = 2;
  auto subscription = hub.subscribe({"t"}, two);
  std::string text;
  while (const auto bytes = subscription.next()) text += *bytes;
  CHECK(text.find("data: 1\n") == std::string::npos && text.find("data: 2\n") < text.find("data: 3\n"));
  const ssecast::Listener listener(hub, ssecast::listen_config(), [](const ssecast_request*, ssecast::Responder responder) {
    responder.allow({"t"}, SSECAST_REPLAY_ALL);
  });
  Client client(listener.port(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.until("data: 3\n").find("data: 1\n") != std::string::npos);
  auto one = ssecast::attach_config();
  one.replay = 1;
  const auto [server, other] = sockets();
  const Descriptor own(server);
  Client reader(other);
  hub.attach(server, {"t"}, one);
  CHECK(reader.until("data: 3\n").find("data: 2\n") == std::string::npos);
}

void a_topic_that_ends_ends_its_streams() {
  auto hub = quiet_hub();
  auto subscription = hub.subscribe({"t"});
  const std::string last = hub.publish("t", {"1"}).id;
  hub.end_topic("t");
  std::string text;
  while (const auto bytes = subscription.next()) text += *bytes;
  CHECK(text.find("data: 1\n") < text.find("id: ssecast-finished\n") && subscription.ended() == SSECAST_REASON_SERVER);
  CHECK(failure([&] { hub.publish("t", {"2"}); }).code() == SSECAST_TOPIC_ENDED);
  auto whole = ssecast::subscription_config();
  whole.last_event_id = ssecast::slice(last);
  CHECK(failure([&] { hub.subscribe({"t"}, whole); }).code() == SSECAST_TOPIC_ENDED);
}

void a_producer_is_told_when_its_topic_is_unread() {
  auto hub = quiet_hub();
  std::atomic<int> told{0};
  std::optional<ssecast::UnreadWatch> own, kept(hub.when_unread("t", 1, [&] { ++told; }));
  std::atomic<bool> is_set{false};
  own.emplace(hub.when_unread("t", 1, [&, alive = std::make_shared<int>(7)] {
    while (!is_set) std::this_thread::yield();
    own.reset();
    told += *alive - 6;
  }));
  is_set = true;
  { const auto unused = hub.when_unread("t", 1, [&] { told = 100; }); }
  hub.subscribe({"t"});
  eventually([&] { return told == 2; });
  kept = hub.when_unread("t", 1, [] {});
  CHECK(failure([&] { hub.when_unread("", 1, [] {}); }).code() == SSECAST_INVALID_TOPIC);
}

void a_route_says_what_a_stream_has_and_sends_to_it_alone() {
  auto hub = quiet_hub();
  std::atomic<int> opened{0}, closed{0};
  std::atomic<std::uint64_t> number{0}, routed{0};
  const auto alive = std::make_shared<int>(7);
  ssecast::Listener listener(hub, ssecast::listen_config(), [&](const ssecast::Request& request, ssecast::Responder responder) {
    CHECK(request.method() == "GET" && request.peer().rfind("127.0.0.1:", 0) == 0 && request.header("x-none").data() == nullptr);
    if (request.path() != "/a b") {
      CHECK(failure([&] { responder.refuse(302, {}); }).error.field == "headers"s);
      CHECK(responder.refuse(401, {{"WWW-Authenticate", "Bearer"}}, "Sign in first."));
      CHECK(!responder.refuse(403));
      return;
    }
    CHECK(request.query() == "name=ann" && request.query("name") == "ann" && request.last_event_id() == "1");
    routed = responder.stream();
    ssecast::StreamOptions bad;
    bad.headers = {{"Content-Length", "1"}};
    CHECK(failure([&] { responder.allow({"t"}, std::move(bad)); }).error.field == "headers"s);
    const std::string cookie = "name=" + std::string(request.query("name"));
    ssecast::StreamOptions options;
    options.headers = {{"Set-Cookie", cookie}};
    options.on_open = [&, alive](ssecast::Connection stream) {
      number = stream.stream();
      CHECK(stream.send({"for ann"}) && stream.change_topics({"news"}, {"t"}));
      stream.pending_bytes();
      ++opened;
    };
    options.on_close = [&, alive](ssecast_reason reason) {
      CHECK(reason == SSECAST_REASON_CLIENT);
      ++closed;
    };
    CHECK(responder.allow({"t"}, std::move(options)));
    CHECK(!responder.allow({"t"}, ssecast::StreamOptions{}));
  });
  CHECK(listener.address() == "127.0.0.1:" + std::to_string(listener.port()));
  {
    Client refused(listener.port(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto answer = refused.until("Sign in first.");
    CHECK(answer.rfind("HTTP/1.1 401 ", 0) == 0 && answer.find("WWW-Authenticate: Bearer\r\n") != std::string::npos);
    Client client(listener.port(), "GET /a%20b?name=ann HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 1\r\n\r\n");
    eventually([&] { return opened == 1; });
    CHECK(number == routed);
    hub.publish("t", {"not for ann"});
    hub.publish("news", {"last"});
    const auto text = client.until("data: last\n\n");
    CHECK(text.find("Set-Cookie: name=ann\r\n") != std::string::npos && text.find("data: for ann\n\n") != std::string::npos);
    CHECK(text.find("not for ann") == std::string::npos);
    CHECK(alive.use_count() > 2);
  }
  eventually([&] { return closed == 1 && alive.use_count() == 1; });
  CHECK(listener.close() && !listener.close());
}

void a_refusal_is_checked_before_it_is_sent() {
  ssecast::check_refusal(401, {{"WWW-Authenticate", "Bearer"}}, "Sign in first.");
  ssecast::check_refusal(401, {{"Access-Control-Allow-Origin", "*"}});
  CHECK(failure([] { ssecast::check_refusal(401, {{"Access-Control-Allow-Origin", "*"}}, {}, true); }).error.field == "headers"s);
  CHECK(failure([] { ssecast::check_refusal(302); }).error.field == "headers"s);
  CHECK(failure([] { ssecast::check_refusal(200); }).error.field == "status"s);
}

void a_poller_tells_which_subscription_has_something() {
  auto hub = quiet_hub();
  auto poller = hub.poller();
  auto config = ssecast::subscription_config();
  config.poller = poller.handle.get();
  std::list<std::pair<ssecast::Subscription, std::string>> clients;
  const auto join = [&](const ssecast::Topics& topics) {
    auto& client = clients.emplace_back(ssecast::Subscription(nullptr), "");
    config.user_data = &client.second;
    client.first = hub.subscribe(topics, config);
    CHECK(client.first.user_data() == &client.second && client.first.descriptor() == -1);
  };
  const auto serve = [&] {
    pollfd ready{poller.descriptor(), POLLIN, 0};
    CHECK(::poll(&ready, 1, patience_ms) == 1);
    int given = 0;
    for (; auto subscription = poller.next(); ++given) {
      while (const auto bytes = subscription->next()) *static_cast<std::string*>(subscription->user_data()) += *bytes;
    }
    return given;
  };
  join({"t"}), join({});
  CHECK(serve() >= 1);
  hub.publish("t", {"1"});
  CHECK(serve() == 1);
  auto& alone = clients.back();
  CHECK(alone.first.send({"alone"}) && alone.first.pending_bytes() > 0 && alone.first.change_topics({"t"}));
  hub.publish("t", {"2"});
  CHECK(serve() >= 2);
  CHECK(alone.second.find("data: alone\n\n") < alone.second.find("data: 2\n\n") && alone.first.pending_bytes() == 0);
  CHECK(alone.first.end() && !alone.first.end() && !alone.first.send({"late"}));
  CHECK(serve() == 1 && alone.first.ended() == SSECAST_REASON_SERVER && !clients.front().first.ended());
  CHECK(!hub.is_closed());
  hub.close(60'000, {"goodbye"});
  CHECK(hub.is_closed() && serve() >= 1 && clients.front().second.find("data: goodbye\n\n") != std::string::npos);
}

void a_server_of_its_own_has_what_responses_need() {
  auto hub = quiet_hub();
  CHECK(ssecast::version() == std::string(SSECAST_VERSION_STRING) && ssecast::text(SSECAST_CLOSED) == "SSECAST_CLOSED"s);
  const auto headers = ssecast::stream_headers("private");
  CHECK(headers.find("Content-Type: text/event-stream") == 0 && headers.find("private") != std::string::npos);
  CHECK(ssecast::last_event_id("7", {}) == "7" && ssecast::last_event_id({}, {}).data() == nullptr);
  auto cors = ssecast::cors();
  const auto origin = ssecast::slice("https://a.example");
  cors.origins = &origin, cors.origins_len = 1;
  CHECK(ssecast::cors_headers(cors, "https://a.example").find("Access-Control-Allow-Origin: https://a.example\r\n") == 0);
  CHECK(ssecast::cors_headers(cors, "https://b.example", "GET").find("Vary: Origin\r\nAccess-Control-Allow-Methods: GET\r\n") == 0);
  ssecast::check_topic("t");
  CHECK(failure([] { ssecast::check_topic(""); }).code() == SSECAST_INVALID_TOPIC);
  hub.close(0);
  const auto closed = failure([&] { hub.subscribe({"t"}); });
  CHECK(ssecast::is_unavailable(closed) && hub.unavailable("GET", "text/html").status == 503);
  CHECK(hub.unavailable("GET", "text/event-stream").status == 200);
  ssecast::Parser parser;
  CHECK(parser.retry() == SSECAST_NO_RETRY);
  parser.feed("retry: 7\n", [](const ssecast_item&) {});
  CHECK(parser.retry() == 7);
  parser.reset();
}

}  // namespace

#define TEST(function) (function(), std::puts("ok " #function))

int main() {
  TEST(handles_are_moved_and_not_copied);
  TEST(an_event_is_encoded_and_parsed_back);
  TEST(a_field_that_is_left_out_differs_from_an_empty_one);
  TEST(what_fails_says_why_and_which_field);
  TEST(what_a_parsers_callback_throws_comes_out_of_feed);
  TEST(a_source_follows_redirects_reconnects_and_resumes);
  TEST(a_source_is_closed_by_its_callback);
  TEST(an_attached_socket_gets_events_and_the_end_is_told);
  TEST(a_socket_that_is_refused_makes_no_callback);
  TEST(a_subscription_gives_bytes_resumes_and_says_why_it_ended);
  TEST(a_listener_asks_its_route_and_answers_500_when_it_throws);
  TEST(a_function_decides_on_origins_and_refuses_when_it_throws);
  TEST(when_a_hub_is_destroyed_no_callback_of_it_runs_any_more);
  TEST(a_handle_keeps_its_hub_and_publishing_to_a_closed_one_gives_nothing);
  TEST(the_callers_own_callbacks_get_the_callers_own_user_data);
  TEST(a_slice_is_none_of_a_temporary);
  TEST(an_error_of_the_system_has_its_number);
  TEST(hubs_on_one_store_are_one);
  TEST(a_new_client_begins_with_history);
  TEST(a_topic_that_ends_ends_its_streams);
  TEST(a_producer_is_told_when_its_topic_is_unread);
  TEST(a_route_says_what_a_stream_has_and_sends_to_it_alone);
  TEST(a_refusal_is_checked_before_it_is_sent);
  TEST(a_poller_tells_which_subscription_has_something);
  TEST(a_server_of_its_own_has_what_responses_need);
}
