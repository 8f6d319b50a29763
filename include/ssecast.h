/** @file
 * ssecast: encode, parse and broadcast Server-Sent Events.
 *
 * This file is generated from bindings/c ('make header'); its changes are lost.
 *
 * Conventions
 *
 * Arguments come in one order: the handle, what goes in, what comes out, and the error's detail. What comes out is
 * written only when the call returns SSECAST_OK.
 *
 * Results. Every function that can fail returns an ssecast_result. Its last argument is the address of an ssecast_error,
 * which it fills in when it fails, or NULL. The library keeps no last error for a thread. A required pointer that is NULL
 * is SSECAST_NULL_POINTER. A call that fails has changed nothing.
 *
 * Handles are made by a _new function (or by the function of the hub that is named with it), and given back with the _free
 * function of their name, once; after that they must not be used. A _free function takes NULL. Unless it says otherwise,
 * any other call may be made for the same handle from any number of threads at once.
 *
 * Text and bytes are an ssecast_slice: a pointer and a length. What the caller passes is borrowed until the call returns,
 * and copied where it is needed longer.
 *
 * Structures that may grow begin with their size. Call the init function with the structure's sizeof, then set the fields
 * that differ; or use a designated initializer that sets the size and these fields, because zero is the default of each.
 * A program that was compiled with an older header goes on working with a newer library.
 *
 * The documentation of a callback says on which thread it runs. The library holds no lock meanwhile, so that the callback
 * may call any function here. It must not throw through the library, and must not wait for work of its own thread.
 *
 * Threads that the library starts block all signals except those of their own faults: the program's threads handle signals.
 *
 * Forks. Connections, listeners and subscriptions stay with the parent. In the child, a hub of the parent's becomes a new,
 * empty hub at its first use: it has the same options, its own epoch, no history and no connections. Freeing the parent's
 * handles in the child only releases memory.
 */

#ifndef SSECAST_H
#define SSECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The major version that a program is compiled with.
#define SSECAST_VERSION_MAJOR 0
/// Its minor version.
#define SSECAST_VERSION_MINOR 1
/// Its patch level.
#define SSECAST_VERSION_PATCH 0
/// The whole version, as a text.
#define SSECAST_VERSION_STRING "0.1.0"


/// Stands for a real zero, in a number whose 0 means something else: that it is left out, or has its default.
#define SSECAST_ZERO (UINT64_MAX - 1)

/// The value that turns off an option which can be off.
#define SSECAST_OFF UINT64_MAX

/// The most bytes of one event that `ssecast_parser_new` allows when it is given 0: 16 MiB.
#define SSECAST_DEFAULT_MAX_EVENT_BYTES 16777216

/// The reconnection time of a stream that has set none.
#define SSECAST_NO_RETRY UINT64_MAX

/// Stands for all events that are kept, in a number of events that a client begins with.
#define SSECAST_REPLAY_ALL (UINT64_MAX - 2)

/// What became of a call. The numbers never change and are never used for anything else. Those below 100 are the
/// same errors in every language of ssecast; those from 100 on exist only in C.
enum ssecast_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// It is done.
  SSECAST_OK = 0,
  /// An event's type holds CR, LF or NUL, or is not UTF-8.
  SSECAST_INVALID_EVENT = 1,
  /// An event's id holds CR, LF or NUL, is not UTF-8, is taken by a retained event, or is reserved.
  SSECAST_INVALID_ID = 2,
  /// A reconnection time is not a whole number of milliseconds.
  SSECAST_INVALID_RETRY = 3,
  /// Data or a comment is not UTF-8.
  SSECAST_INVALID_DATA = 4,
  /// A topic is empty, longer than 256 bytes, or not UTF-8.
  SSECAST_INVALID_TOPIC = 5,
  /// An option is out of its range.
  SSECAST_INVALID_OPTION = 6,
  /// One event is larger than the limit.
  SSECAST_EVENT_TOO_LARGE = 7,
  /// The hub has as many topics as it may have.
  SSECAST_TOO_MANY_TOPICS = 8,
  /// The hub has as many connections as it may have: answer 503.
  SSECAST_TOO_MANY_CONNECTIONS = 9,
  /// The hub is closed, or closing.
  SSECAST_CLOSED = 10,
  /// A defect in ssecast itself; please report it.
  SSECAST_INTERNAL = 11,
  /// A descriptor is not that of a connected stream socket.
  SSECAST_INVALID_SOCKET = 12,
  /// The socket is written by ssecast already.
  SSECAST_ATTACHED = 13,
  /// The process has no descriptor left.
  SSECAST_TOO_MANY_DESCRIPTORS = 14,
  /// More waits than could be offered to connections yet: publish again later.
  SSECAST_BACKLOG_FULL = 15,
  /// The store can't be used: it can't be reached, or not by this process.
  SSECAST_STORE_UNAVAILABLE = 16,
  /// The store was not free, or did not answer, in time.
  SSECAST_STORE_TIMED_OUT = 17,
  /// There is no room left where the store is.
  SSECAST_STORE_FULL = 18,
  /// What is in the store is not a log, is damaged, or was made by a newer version.
  SSECAST_STORE_FORMAT = 19,
  /// The topic has ended: nothing is published to it any more. A client whose topics have all ended, and that has
  /// everything of them, gets no stream: answer it 204, by which an `EventSource` stays away.
  SSECAST_TOPIC_ENDED = 20,
  /// A pointer that is required is NULL.
  SSECAST_NULL_POINTER = 100,
  /// The size that a structure begins with, or a length, is not a possible one.
  SSECAST_INVALID_SIZE = 101,
  /// The buffer has less room than the result has bytes.
  SSECAST_BUFFER_TOO_SMALL = 102,
  /// There is nothing now: wait until the descriptor is readable.
  SSECAST_WOULD_BLOCK = 103,
  /// The stream has ended, or is ending.
  SSECAST_ENDED = 104,
  /// More waits for this one connection than its limit allows; the event was not taken.
  SSECAST_TOO_MUCH_PENDING = 105,
  /// The handle is in use: by another thread, or by the call whose callback this is.
  SSECAST_BUSY = 106,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
/// A number of `enum ssecast_result`.
typedef enum ssecast_result ssecast_result;
#else
/// A number of `enum ssecast_result`.
typedef uint32_t ssecast_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What an item is.
enum ssecast_item_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// A dispatched event: `event`, `data`, `last_event_id`, and `id` if the event itself carried one.
  SSECAST_ITEM_EVENT = 1,
  /// A block without data set the last event ID to `id`.
  SSECAST_ITEM_ID = 2,
  /// The stream set the reconnection time to `retry`.
  SSECAST_ITEM_RETRY = 3,
  /// A comment, in `data`, without the colon and one space after it.
  SSECAST_ITEM_COMMENT = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
/// A number of `enum ssecast_item_kind`.
typedef enum ssecast_item_kind ssecast_item_kind;
#else
/// A number of `enum ssecast_item_kind`.
typedef uint32_t ssecast_item_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Why a connection ended.
enum ssecast_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// The client went away.
  SSECAST_REASON_CLIENT = 0,
  /// The server ended this one connection.
  SSECAST_REASON_SERVER = 1,
  /// The hub was closed.
  SSECAST_REASON_SHUTDOWN = 2,
  /// The client was too slow, and the policy is to disconnect.
  SSECAST_REASON_LAGGED = 3,
  /// Something on the server failed.
  SSECAST_REASON_ERROR = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
/// A number of `enum ssecast_reason`.
typedef enum ssecast_reason ssecast_reason;
#else
/// A number of `enum ssecast_reason`.
typedef uint32_t ssecast_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Why a source has no connection, or no longer one.
enum ssecast_cause
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Nothing is lost; or the source was closed by the program.
  SSECAST_CAUSE_NONE = 0,
  /// The response's status is not 200.
  SSECAST_CAUSE_STATUS = 1,
  /// The response is not an event stream.
  SSECAST_CAUSE_CONTENT_TYPE = 2,
  /// The connection could not be made, or was cut.
  SSECAST_CAUSE_NETWORK = 3,
  /// The response came to its end.
  SSECAST_CAUSE_ENDED = 4,
  /// An event was larger than `max_event_bytes`.
  SSECAST_CAUSE_TOO_LARGE = 5,
  /// Nothing came for `idle_ms`.
  SSECAST_CAUSE_IDLE = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
/// A number of `enum ssecast_cause`.
typedef enum ssecast_cause ssecast_cause;
#else
/// A number of `enum ssecast_cause`.
typedef uint32_t ssecast_cause;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How a stream is framed on the wire.
enum ssecast_framing
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// What the configuration says is its default.
  SSECAST_FRAMING_DEFAULT = 0,
  /// HTTP/1.1's chunked transfer coding. The last chunk, `0\r\n\r\n`, is the caller's to write, after the end.
  SSECAST_FRAMING_CHUNKED = 1,
  /// As it is: the end of the connection ends the body, or the caller frames it.
  SSECAST_FRAMING_RAW = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
/// A number of `enum ssecast_framing`.
typedef enum ssecast_framing ssecast_framing;
#else
/// A number of `enum ssecast_framing`.
typedef uint32_t ssecast_framing;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What the program does next.
enum ssecast_next
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Read the response's body, and feed it to the source.
  SSECAST_NEXT_READ = 1,
  /// Give the response up, and send the next request at once: it was redirected.
  SSECAST_NEXT_REDIRECT = 2,
  /// Give the response up, wait for `wait_ms`, and send the next request.
  SSECAST_NEXT_WAIT = 3,
  /// Give the response up: the source is closed, and there is no next request.
  SSECAST_NEXT_CLOSED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
/// A number of `enum ssecast_next`.
typedef enum ssecast_next ssecast_next;
#else
/// A number of `enum ssecast_next`.
typedef uint32_t ssecast_next;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What happens to a client that is too slow.
enum ssecast_policy
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Its connection ends: it comes back and resumes.
  SSECAST_POLICY_DISCONNECT = 0,
  /// It jumps to the newest event, after a reset event that says how many it missed.
  SSECAST_POLICY_SKIP = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
/// A number of `enum ssecast_policy`.
typedef enum ssecast_policy ssecast_policy;
#else
/// A number of `enum ssecast_policy`.
typedef uint32_t ssecast_policy;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How a hub's store is.
enum ssecast_store_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// The hub has none: its log is in the memory of this process.
  SSECAST_STORE_STATE_NONE = 0,
  /// This process has not used it yet: nothing was published, and nobody connected.
  SSECAST_STORE_STATE_UNOPENED = 1,
  /// It works.
  SSECAST_STORE_STATE_READY = 2,
  /// Its last use failed. Connections stay, and events are refused until it works again.
  SSECAST_STORE_STATE_DEGRADED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
/// A number of `enum ssecast_store_state`.
typedef enum ssecast_store_state ssecast_store_state;
#else
/// A number of `enum ssecast_store_state`.
typedef uint32_t ssecast_store_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// A connection whose socket the engine writes to. Any thread may use it.
typedef struct ssecast_connection ssecast_connection;

/// A hub: topics, their history, and the connections that read them. Any thread may use it.
typedef struct ssecast_hub ssecast_hub;

/// An HTTP/1.1 endpoint of a hub, for programs that have no HTTP server. Any thread may use it.
typedef struct ssecast_listener ssecast_listener;

/// Parses one stream, which arrives in chunks of any size.
///
/// One thread at a time: a call that meets another one fails with `SSECAST_BUSY`, and so does a call from inside the
/// callback.
typedef struct ssecast_parser ssecast_parser;

/// The subscriptions of one event loop, with one descriptor for all of them: it is readable while any of them has something.
///
/// A subscription belongs to it by the `poller` of its configuration. A publication wakes the poller once, however many of its
/// subscriptions read the topic.
///
/// ```c
/// while (ssecast_poller_next(poller, &subscription, &error) == SSECAST_OK) {    /* the descriptor is readable */
///   struct client *client = ssecast_subscription_user_data(subscription);
///   while (client_can_take(client) && ssecast_subscription_next(subscription, &bytes, &error) == SSECAST_OK)
///     client_write(client, bytes.data, bytes.len);
/// }
/// ```
///
/// Any thread may use it. A subscription is freed by the thread that asks the poller, or while none does.
typedef struct ssecast_poller ssecast_poller;

/// A request that a listener has heard. It belongs to the listener: it and all that its functions give are valid
/// until the callback that got it returns.
typedef struct ssecast_request ssecast_request;

/// Answers one request of a listener, once, from any thread, at once or later. The callback owns it,
/// and gives it back with `ssecast_responder_free`. A request without an answer by then is answered 500.
typedef struct ssecast_responder ssecast_responder;

/// A client's stream: an `EventSource` that reconnects and resumes. It does no I/O and has no clock, so that it works with
/// libcurl and with any other transport: it says what to do next, and the program does it.
///
/// 1. `ssecast_source_next_request` says what to send. The program sends it, and follows no redirect by itself.
/// 2. The response's head goes to `ssecast_source_respond`, and then its body to `ssecast_source_feed`, which gives the
///    events.
/// 3. The end of the response, a failure and a silence go to `ssecast_source_lose`.
///
/// 2 and 3 write an `ssecast_source_step`: read on, send the next request at once or after a wait, or stop.
///
/// One thread at a time: a call that meets another one fails with `SSECAST_BUSY`, and so does a call from inside the
/// callback.
typedef struct ssecast_source ssecast_source;

/// One client's stream, for a server that writes by itself: over TLS, HTTP/2, or another event loop's sockets.
///
/// It has a descriptor that is readable while `ssecast_subscription_next` has something to give, or is to be asked; or it has
/// an `ssecast_poller` in common with others, which tells so. Any thread may use it, and one at a time may ask for what is next.
typedef struct ssecast_subscription ssecast_subscription;

/// The interest in whether a topic is read. Any thread may free it.
typedef struct ssecast_unread_watch ssecast_unread_watch;

/// Text or bytes: `len` of them from `data` on, with no zero byte at the end. Text is UTF-8.
///
/// It owns nothing. What the caller passes must be valid until the call returns; what the library hands out is
/// valid for as long as the function that hands it out says.
///
/// A slice whose `data` is NULL and whose `len` is 0 stands for "left out". An empty text has a `data` that is
/// not NULL.
typedef struct ssecast_slice {
  /// The first byte; NULL if the text is left out.
  const char *data;
  /// How many bytes there are.
  size_t len;
} ssecast_slice;

/// One event to encode, publish or send. A slice whose `data` is NULL leaves its field out; an empty one writes the
/// field with an empty value, which is another thing for `data` and for `id`.
///
/// All of it but the size may be zero, so that a designated initializer does: `{.size = sizeof event, .data = ...}`. Every
/// function that takes an event reads all of it before it returns, and keeps nothing of it.
typedef struct ssecast_event {
  /// `sizeof(ssecast_event)`; `ssecast_event_init` sets it.
  size_t size;
  /// The event's type. The receiver takes none, or an empty one, for `message`.
  struct ssecast_slice event;
  /// The id that a receiver sends back to resume.
  struct ssecast_slice id;
  /// The text. Each CRLF, CR and LF in it begins a new line; the receiver reads all of them as LF.
  struct ssecast_slice data;
  /// Text for people and proxies, which receivers ignore.
  struct ssecast_slice comment;
  /// The receiver's reconnection time in milliseconds. 0 leaves it out, and so does `SSECAST_OFF`; `SSECAST_ZERO` has
  /// the receiver come back at once.
  uint64_t retry;
} ssecast_event;

/// What went wrong, in detail. Pass the address of one, or NULL; it is written when a call fails, and left alone
/// when it succeeds. It needs no initialization, owns nothing, and its layout never changes.
typedef struct ssecast_error {
  /// The result that the call returned.
  ssecast_result result;
  /// The `errno` of the system's error that is behind it, such as `EADDRINUSE`; 0 if none is.
  int os_error;
  /// What `option` allows, if its limit was reached; otherwise 0.
  uint64_t limit;
  /// The argument or field that it is about, such as `id`. Ends with a zero byte, as the other texts do, and is cut if it
  /// is longer.
  char field[60];
  /// The field of a configuration that it is about, or whose limit was reached, such as `max_event_bytes`; empty if
  /// there is none.
  char option[60];
  /// The message without the names of the field and of the option: for a language that spells them in its own way.
  char problem[200];
  /// One sentence that begins with the field and says how to mend it.
  char message[256];
} ssecast_error;

/// What a parser finds. Fields that the kind has not are left out, or 0.
typedef struct ssecast_item {
  /// How many bytes the library has filled in: a field that a later version has appended is there if it lies within them.
  size_t size;
  /// Which of the fields below count.
  ssecast_item_kind kind;
  /// Always 0.
  uint32_t reserved;
  /// The event's type: `message` unless the stream says another.
  struct ssecast_slice event;
  /// The lines of data, joined with LF; or the comment.
  struct ssecast_slice data;
  /// The id that the item itself carries.
  struct ssecast_slice id;
  /// The last event ID of the stream: of this event, or of an earlier one.
  struct ssecast_slice last_event_id;
  /// The reconnection time in milliseconds; what is larger than a `uint64_t` is the largest one.
  uint64_t retry;
} ssecast_item;

/// Takes what a parser finds, on the thread that feeds it and before `ssecast_parser_feed` returns. Everything in
/// `item` is valid until the callback returns. It returns 0 to go on; anything else ends the stream there, as
/// `ssecast_parser_finish` does, and drops the rest of the chunk.
typedef int (*ssecast_item_callback)(void *user_data, const struct ssecast_item *item);

/// How a source connects. A number that is 0 has its default; only `url` has none.
typedef struct ssecast_source_config {
  /// `sizeof(ssecast_source_config)`; `ssecast_source_config_init` sets it.
  size_t size;
  /// Where the stream is: an `http:` or `https:` URL.
  struct ssecast_slice url;
  /// The request's method. Default `GET`.
  struct ssecast_slice method;
  /// The id to resume from at first. Default: none.
  struct ssecast_slice last_event_id;
  /// The silence after which a connection counts as dead, in milliseconds; comments end it too. The program keeps the
  /// time. Default `SSECAST_OFF`.
  uint64_t idle_ms;
  /// The most bytes of one event. Default 16 MiB.
  uint64_t max_event_bytes;
  /// The first wait before a new connection, in milliseconds, while the stream has set no reconnection time. Default
  /// 2000. No wait is shorter than 100.
  uint64_t retry_first_ms;
  /// What waits grow to, in milliseconds; a longer reconnection time of the stream's still holds. Default 30000.
  uint64_t retry_longest_ms;
  /// How long each wait is in percent of the one before, until an event comes; from 100 to 100000. Default 200.
  uint64_t retry_growth_percent;
  /// The part of a wait, in percent, by which it may be longer at random, so that clients spread; up to 100, and
  /// `SSECAST_ZERO` for none. Default 50.
  uint64_t retry_jitter_percent;
  /// `retry_statuses_len` statuses, from 201 to 599, after which the source tries again, and honours `Retry-After`.
  /// Default: none, as in browsers.
  const uint16_t *retry_statuses;
  /// How many there are.
  size_t retry_statuses_len;
} ssecast_source_config;

/// The head of a response. A header that it doesn't have is left out, and so is one that is not UTF-8.
typedef struct ssecast_source_response {
  /// `sizeof(ssecast_source_response)`; `ssecast_source_response_init` sets it.
  size_t size;
  /// The status, such as 200.
  uint32_t status;
  /// Always 0.
  uint32_t reserved;
  /// The header `Content-Type`.
  struct ssecast_slice content_type;
  /// The header `Location`.
  struct ssecast_slice location;
  /// The header `Retry-After`.
  struct ssecast_slice retry_after;
  /// The header `Date`: a date in `Retry-After` is counted from it.
  struct ssecast_slice date;
} ssecast_source_response;

/// A header of a request or of a response.
typedef struct ssecast_header {
  /// Its name, in any case.
  struct ssecast_slice name;
  /// Its value, without the white space around it.
  struct ssecast_slice value;
} ssecast_header;

/// What to send. Its texts and headers are valid until the next call for the source.
typedef struct ssecast_source_request {
  /// `sizeof(ssecast_source_request)`: set it before the call.
  size_t size;
  /// Where to: the source's URL, or the one that a response redirected to.
  struct ssecast_slice url;
  /// The method.
  struct ssecast_slice method;
  /// `headers_len` headers. The program adds its own, but none with one of these names.
  const struct ssecast_header *headers;
  /// How many there are.
  size_t headers_len;
  /// 1 if the program sends its body; 0 once a redirect has turned the request into a GET.
  uint32_t sends_body;
  /// 1 if the program sends its `Authorization` and `Cookie`; 0 once a redirect led to another origin.
  uint32_t sends_credentials;
  /// The silence in milliseconds, before the response or within it, after which the program gives the connection up
  /// and calls `ssecast_source_lose` with `SSECAST_CAUSE_IDLE`; `SSECAST_OFF` if it waits for ever.
  uint64_t idle_ms;
} ssecast_source_request;

/// What is next, and why.
typedef struct ssecast_source_step {
  /// `sizeof(ssecast_source_step)`: set it before the call.
  size_t size;
  /// An `ssecast_next`.
  uint32_t next;
  /// An `ssecast_cause`: why the connection is lost.
  uint32_t cause;
  /// How long to wait before the next request, in milliseconds.
  uint64_t wait_ms;
  /// The cause as a sentence; left out if there is none. Valid until the next call for the source.
  struct ssecast_slice message;
} ssecast_source_step;

/// How a hub behaves. Times are in milliseconds. A number that is 0 has its default, so that a designated initializer does:
/// `{.size = sizeof config, .max_connections = 500}`. `SSECAST_ZERO` stands for a real zero, `SSECAST_OFF` turns off what
/// can be off.
typedef struct ssecast_hub_config {
  /// `sizeof(ssecast_hub_config)`; `ssecast_hub_config_init` sets it.
  size_t size;
  /// The most events that a topic keeps for clients that come back, or `SSECAST_OFF`; `SSECAST_ZERO` keeps none.
  /// Default 1000. One of the three caps of the history must be on.
  uint64_t history_events;
  /// The most bytes of memory of a topic's events, each its encoded bytes and 128, or `SSECAST_OFF`. Default 8 MiB.
  uint64_t history_bytes;
  /// The longest time that a topic keeps an event, or `SSECAST_OFF`. Default 300000.
  uint64_t history_ms;
  /// The most bytes that may wait for a client which has not taken, within a second, what it was offered before.
  /// Default 1 MiB.
  uint64_t slow_client_bytes;
  /// The longest time in which a client that something waits for takes nothing. Default 30000.
  uint64_t slow_client_ms;
  /// The silence on a connection after which it is sent a heartbeat, or `SSECAST_OFF`. Default 15000.
  uint64_t heartbeat_ms;
  /// The reconnection time that each client is told first, or `SSECAST_OFF`. Default 2000.
  uint64_t retry_ms;
  /// The type of the event that tells a client of lost events; an empty text sends none. Left out, or by default,
  /// `reset`.
  struct ssecast_slice reset_event;
  /// The most connections at once; one more is refused, none is ever evicted. Default 100000.
  uint64_t max_connections;
  /// The most topics at once. Default 100000.
  uint64_t max_topics;
  /// The most bytes of one encoded event. Default 1 MiB.
  uint64_t max_event_bytes;
  /// An `ssecast_policy`: what happens past a limit of the slow client. Default `SSECAST_POLICY_DISCONNECT`.
  uint32_t slow_client_policy;
  /// How many threads write to the sockets of this hub alone; 0 shares the threads of the process, which are one
  /// fewer than there are cores, at least one and at most four, and write the streams of listeners in any case.
  /// Threads start with the first connection. Default 0.
  uint32_t threads;
  /// The most bytes of events that may wait to be offered to connections; one more event is refused with
  /// `SSECAST_BACKLOG_FULL`, unless none waits. A client may never lag by more. Default 64 MiB.
  uint64_t max_backlog_bytes;
  /// Where the log is kept, such as `file:./events`, a folder; left out, it is in the memory of this process. All processes
  /// that have the same store have the same topics, events and ids, and each event reaches the clients of all of them. Give
  /// all the same history. Nothing is opened before the first event or connection, in each process, also in a child. Default
  /// left out.
  struct ssecast_slice store;
  /// The longest time that a publication waits for the store; then it fails with `SSECAST_STORE_TIMED_OUT`, and nothing was
  /// published. Default 1000.
  uint64_t publish_timeout_ms;
  /// How long a topic that has ended is kept for those who come for it; then its name is that of another topic. Give all
  /// processes of a store the same. Default 60000.
  uint64_t keep_ended_ms;
} ssecast_hub_config;

/// What became of a publication.
typedef struct ssecast_published {
  /// `sizeof(ssecast_published)`: set it before the call.
  size_t size;
  /// The connections of this process that read the topic at that moment.
  uint64_t subscribers;
  /// The id that the hub gave the event. Ends with a zero byte; empty if the event had an id of its own.
  char id[56];
} ssecast_published;

/// Tells that a topic has lost its last reader, once, on a thread of the hub; it must return soon.
typedef void (*ssecast_unread_callback)(void *user_data);

/// What a hub holds now, and has done since it was made.
typedef struct ssecast_stats {
  /// `sizeof(ssecast_stats)`: set it before the call.
  size_t size;
  /// Open connections. One that has ended is not counted from before its `on_close` is called, so that a callback finds its
  /// place free: `ssecast_hub_wait_closed` is what waits for callbacks.
  uint64_t connections;
  /// Topics with a subscriber or a history.
  uint64_t topics;
  /// Events published; with a store, by all processes in this life of its log.
  uint64_t published;
  /// Events handed over to connections, each counted once for each of them.
  uint64_t delivered;
  /// Bytes handed over to connections, without the framing of HTTP.
  uint64_t bytes;
  /// Events in the history of all topics.
  uint64_t history_events;
  /// Bytes of memory that events cost: the history, and what slow clients still need.
  uint64_t held_bytes;
  /// Connections that something waits for because they did not take it yet.
  uint64_t lagging;
  /// The bytes that wait for the slowest of them.
  uint64_t lag_bytes;
  /// Connections that ended because the client went away.
  uint64_t disconnects_client;
  /// Connections that the server ended, each by itself.
  uint64_t disconnects_server;
  /// Connections that ended with the hub.
  uint64_t disconnects_shutdown;
  /// Connections that ended because the client was too slow.
  uint64_t disconnects_lagged;
  /// Connections that ended because something on the server failed.
  uint64_t disconnects_error;
  /// Clients told of a loss because they came back with the id of another hub, or of one before a restart.
  uint64_t resets_epoch;
  /// Clients told of a loss because the history no longer went back that far.
  uint64_t resets_expired;
  /// Clients told of a loss because their last event ID was unknown.
  uint64_t resets_unknown;
  /// Clients told of a loss because they were too slow.
  uint64_t resets_lagged;
  /// Bytes that were published or sent and that no thread or event loop has offered to its connections yet.
  uint64_t backlog_bytes;
  /// Clients that were told that they can have no stream for the moment: the hub was full or closing, or a route did not
  /// answer in time.
  uint64_t refused;
  /// An `ssecast_store_state`: how the store is.
  uint32_t store;
  /// Always 0.
  uint32_t reserved;
} ssecast_stats;

/// Tells of the end of a connection's stream, exactly once for each connection that was attached, on a thread of the
/// engine. It must return soon. The library has let go of its duplicate by then, and writes nothing any more.
///
/// If `cut` is false the caller ends the response: with framing chunked it writes `0\r\n\r\n`, and the connection
/// can serve its next request. If `cut` is true the last event may be incomplete: the connection is of no further
/// use.
typedef void (*ssecast_close_callback)(void *user_data, ssecast_reason reason, bool cut);

/// Tells that all that was sent to one connection alone has been handed to the system, after
/// `ssecast_connection_pending_bytes` was asked and was not 0. On a thread of the engine; it must return soon.
typedef void (*ssecast_drain_callback)(void *user_data);

/// How a socket is attached.
typedef struct ssecast_attach_config {
  /// `sizeof(ssecast_attach_config)`; `ssecast_attach_config_init` sets it.
  size_t size;
  /// The topics that this client may read, `topics_len` of them. None makes a private stream: only what is sent
  /// to it alone.
  const struct ssecast_slice *topics;
  /// How many there are.
  size_t topics_len;
  /// The client's `Last-Event-ID`, if it sent one.
  struct ssecast_slice last_event_id;
  /// The response's head, which is sent before the stream; left out if the caller has sent it. A socket that is
  /// refused has then been sent nothing, and the caller can answer 503. Default left out.
  struct ssecast_slice head;
  /// An `ssecast_framing`: what the response's head has announced. Default `SSECAST_FRAMING_CHUNKED`.
  uint32_t framing;
  /// Not 0: the caller closes its own descriptor now, and keeps nothing. The engine then sees the client leave,
  /// ends the body itself and closes the connection. A client that half-closes, as `curl` does when it reads its
  /// request from a pipe, has its stream until it leaves. Default 0.
  ///
  /// The caller calls `close`, and nothing else: `shutdown` would end the connection for every descriptor of it, and
  /// `on_close` then tells of `SSECAST_REASON_ERROR`. A server whose own connection object shuts the socket down when it
  /// is freed, as `evhttp_connection_free` of libevent does, keeps that object until `on_close`, without `released`: it
  /// stops reading and writing there, and calls `ssecast_connection_disconnect` when it is told that the client has
  /// left. `SSL_shutdown` and a timeout of the server's that closes idle connections are of the same kind.
  uint32_t released;
  /// Is told of the end. May be NULL.
  ssecast_close_callback on_close;
  /// Is told that what was sent to it alone is out. May be NULL.
  ssecast_drain_callback on_drain;
  /// What the callbacks get. It must live until `on_close` has returned.
  void *user_data;
  /// What a client without a last event ID begins with: so many of the last events, of all its topics together, or
  /// `SSECAST_REPLAY_ALL`. The stream goes on live behind them, without a gap. Default 0: it begins live.
  uint64_t replay;
} ssecast_attach_config;

#if defined(_WIN32)
/// A socket, or what can be polled like one: a `SOCKET` of Winsock.
typedef size_t ssecast_socket;
#endif

#if !defined(_WIN32)
/// A socket, or what can be polled like one: a file descriptor.
typedef int ssecast_socket;
#endif

/// Which pages of other origins may read the answers of a server that writes its responses itself.
typedef struct ssecast_cors {
  /// `sizeof(ssecast_cors)`; `ssecast_cors_init` sets it.
  size_t size;
  /// The origins, as browsers spell them, such as `https://app.example`; a single `*` stands for all.
  const struct ssecast_slice *origins;
  /// How many there are.
  size_t origins_len;
  /// How long a browser may remember the answer to a preflight. Default a day.
  uint64_t max_age_ms;
  /// Not 0: pages of these origins may send cookies. They must be named then, not `*`.
  uint32_t credentials;
  /// Not 0: the caller has decided on the origin of this request, and `origins` are not looked at. 1 allows it, 2 does not.
  uint32_t decision;
} ssecast_cors;

/// What a client is answered that can't have a stream for the moment.
///
/// An `EventSource` takes every status but 200 as final: after a 503 it never asks again. So it gets a stream that ends
/// at once, after which it comes back by itself; every other client gets the status that HTTP has for it.
typedef struct ssecast_unavailable {
  /// `sizeof(ssecast_unavailable)`: set it before the call.
  size_t size;
  /// 200, with the headers of a stream and `body`, or 503 with `Retry-After`.
  uint32_t status;
  /// Always 0.
  uint32_t reserved;
  /// The value of `Retry-After`, in seconds; 0 with the status 200. Each client gets one of its own.
  uint64_t retry_after;
  /// The body, after which the response ends: a reconnection time of the client's own. Ends with a zero byte; empty with
  /// the status 503.
  char body[48];
} ssecast_unavailable;

/// How a client subscribes.
typedef struct ssecast_subscription_config {
  /// `sizeof(ssecast_subscription_config)`; `ssecast_subscription_config_init` sets it.
  size_t size;
  /// The topics that this client may read, `topics_len` of them. None makes a private stream: only what is sent
  /// to it alone.
  const struct ssecast_slice *topics;
  /// How many there are.
  size_t topics_len;
  /// The client's `Last-Event-ID`, if it sent one.
  struct ssecast_slice last_event_id;
  /// An `ssecast_framing`: how `ssecast_subscription_next` frames the bytes. Default `SSECAST_FRAMING_RAW`.
  uint32_t framing;
  /// Always 0.
  uint32_t reserved;
  /// What a client without a last event ID begins with: so many of the last events, of all its topics together, or
  /// `SSECAST_REPLAY_ALL`. The stream goes on live behind them, without a gap. Default 0: it begins live.
  uint64_t replay;
  /// The poller of the caller's event loop, which is of the same hub. With NULL, the default, the subscription has a descriptor of
  /// its own.
  struct ssecast_poller *poller;
  /// Whom it is for: what `ssecast_subscription_user_data` gives. Default NULL.
  void *user_data;
} ssecast_subscription_config;

/// Decides on a request, on the listener's thread; it must return soon. The request is the listener's, and valid
/// until the callback returns. The responder is the callback's: it answers with it, now or later, and frees it.
typedef void (*ssecast_route_callback)(void *user_data,
                                       const struct ssecast_request *request,
                                       struct ssecast_responder *responder);

/// Hands out a stream that has begun, on a thread of the engine; it must return soon. The connection is the
/// callback's, which gives it back with `ssecast_connection_free`, now or later; the stream does not end by that.
typedef void (*ssecast_stream_open_callback)(void *user_data,
                                             uint64_t stream,
                                             struct ssecast_connection *connection);

/// Tells of the end of a stream, on a thread of the engine; it must return soon. It is called once for each request
/// that was allowed, also if its stream never began.
typedef void (*ssecast_stream_close_callback)(void *user_data,
                                              uint64_t stream,
                                              ssecast_reason reason);

/// Tells that all that was sent to one stream alone has been handed to the system, as `ssecast_drain_callback` does.
typedef void (*ssecast_stream_drain_callback)(void *user_data, uint64_t stream);

/// Says whether pages of an origin may read the answer to a request, on the listener's thread; it must return soon. 1 allows
/// it and 0 does not. A negative number says that the program can't tell: the request is answered 500, and the page is not
/// allowed to read that. The origin and the request are the listener's, and valid until the callback returns.
///
/// ```c
/// static int is_ours(void *user_data, ssecast_slice origin, const ssecast_request *request) {
///   static const char ours[] = ".app.example";
///   size_t length = sizeof ours - 1;
///   (void)user_data, (void)request;
///   return origin.len > length && memcmp(origin.data + origin.len - length, ours, length) == 0;
/// }
/// ```
typedef int (*ssecast_origin_callback)(void *user_data,
                                       struct ssecast_slice origin,
                                       const struct ssecast_request *request);

/// How a listener answers, and what it bears. Times are in milliseconds. A number that is 0 and a text that is left out
/// have their defaults; `SSECAST_ZERO` stands for a real zero.
typedef struct ssecast_listen_config {
  /// `sizeof(ssecast_listen_config)`; `ssecast_listen_config_init` sets it.
  size_t size;
  /// Where to listen: a host and a port, such as `0.0.0.0:8080` or `[::1]:0`; port 0 takes a free one. Default
  /// `127.0.0.1:0`.
  struct ssecast_slice address;
  /// The only path that there is; any other is answered 404. With `data` NULL, the default, every path is the
  /// route's.
  struct ssecast_slice path;
  /// Headers that every stream's response has besides its own, `headers_len` of them.
  const struct ssecast_header *headers;
  /// How many there are.
  size_t headers_len;
  /// The origins whose pages may read the streams, `cors_origins_len` of them, such as `https://app.example`; a
  /// single `*` stands for all. None, the default, allows none. Each is one that browsers send: in lower case, without
  /// a path.
  const struct ssecast_slice *cors_origins;
  /// How many there are.
  size_t cors_origins_len;
  /// How long a browser may remember the answer to a preflight. Default a day.
  uint64_t cors_max_age_ms;
  /// The most bytes of a request's head; a longer one is answered 431. Default 16 KiB.
  uint64_t max_head_bytes;
  /// The most headers of a request; more are answered 431. Default 100.
  uint64_t max_headers;
  /// How long a head may take; then it is answered 408. Default 10000.
  uint64_t head_ms;
  /// How long the route may take to answer; then the request is answered 503. Default 30000.
  uint64_t answer_ms;
  /// The most connections that are no streams yet, or no more. Default 4096.
  uint64_t max_pending;
  /// Not 0: pages of these origins may send cookies. They must be named then, not `*`.
  uint32_t cors_credentials;
  /// Not 0: a client reads the topics that it names in the query, as in `/?topic=ticks`. Every client that reaches the
  /// listener may then read all topics there are, and make new ones. `route` is NULL then.
  uint32_t query_topics;
  /// Decides on requests.
  ssecast_route_callback route;
  /// Hands out the connections of streams. May be NULL.
  ssecast_stream_open_callback on_open;
  /// Is told of the end of streams. May be NULL.
  ssecast_stream_close_callback on_close;
  /// Is told that what was sent to one stream alone is out. May be NULL.
  ssecast_stream_drain_callback on_drain;
  /// What the callbacks get. It must live until the listener was freed and the end of each of its streams was told.
  void *user_data;
  /// What a client without a last event ID begins with, unless `ssecast_responder_allow_with_replay` says otherwise: so
  /// many of the last events, of all its topics together, or `SSECAST_REPLAY_ALL`. The stream goes on live behind them,
  /// without a gap. Default 0: it begins live.
  uint64_t replay;
  /// Decides on the origin of each request that has one, a preflight too, before `route` is asked; `cors_origins` are left
  /// out then. Its answer holds for refusals as well. May be NULL.
  ssecast_origin_callback cors_allows;
} ssecast_listen_config;

/// Hands out a stream that has begun, on a thread of the engine; it must return soon. The connection is the callback's, which
/// gives it back with `ssecast_connection_free`, now or later; the stream does not end by that.
typedef void (*ssecast_open_callback)(void *user_data, struct ssecast_connection *connection);

/// The stream that a request of a listener is given. All but the size may be zero.
typedef struct ssecast_stream_config {
  /// `sizeof(ssecast_stream_config)`; `ssecast_stream_config_init` sets it.
  size_t size;
  /// The topics that this client may read, `topics_len` of them. None makes a private stream: only what is sent
  /// to it alone.
  const struct ssecast_slice *topics;
  /// How many there are.
  size_t topics_len;
  /// What a client without a last event ID begins with: so many of the last events, of all its topics together, or
  /// `SSECAST_REPLAY_ALL`; `SSECAST_ZERO` begins live. Default 0: what the listener's configuration says.
  uint64_t replay;
  /// Headers of this response, `headers_len` of them, such as `Set-Cookie`. One takes the place of the listener's of the same
  /// name.
  const struct ssecast_header *headers;
  /// How many there are.
  size_t headers_len;
  /// Hands out the connection of this stream. NULL leaves that to the listener's `on_open`.
  ssecast_open_callback on_open;
  /// Is told of the end of this stream, once, also if it never began, on a thread of the engine; then `user_data` is not used
  /// any more. NULL leaves that to the listener's `on_close`.
  ssecast_close_callback on_close;
  /// Is told that what was sent to this stream alone is out. NULL leaves that to the listener's `on_drain`.
  ssecast_drain_callback on_drain;
  /// Who the client is: what these callbacks get, and `ssecast_connection_user_data` gives. NULL is the listener's.
  void *user_data;
} ssecast_stream_config;

/// What a request of a listener is answered that gets no stream. All but the size and the status may be zero.
typedef struct ssecast_refusal {
  /// `sizeof(ssecast_refusal)`; `ssecast_refusal_init` sets it.
  size_t size;
  /// From 400 to 599; 204, by which an `EventSource` does not come back; or 301, 302, 303, 307 or 308 with the header
  /// `Location`. Default 403.
  uint32_t status;
  /// Always 0.
  uint32_t reserved;
  /// Headers, `headers_len` of them, such as `WWW-Authenticate`.
  const struct ssecast_header *headers;
  /// How many there are.
  size_t headers_len;
  /// The body, 64 KiB at most: plain text, unless the headers have another `Content-Type`. Left out, it says the status in words.
  struct ssecast_slice body;
} ssecast_refusal;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// Gives the version of the library that the program runs with, such as `1.2.3`; `SSECAST_VERSION_STRING` is the one
/// that it was compiled with. The text is static and ends with a zero byte.
const char *ssecast_version(void);

/// Makes a slice of a text that ends with a zero byte, without that byte. It points into the text and lives as long.
/// NULL gives the slice that stands for "left out".
struct ssecast_slice ssecast_slice_of(const char *text);

/// Gives a result's name, such as `SSECAST_INVALID_ID`, and `SSECAST_UNKNOWN` for a number that has none. The text
/// is static and ends with a zero byte.
const char *ssecast_result_text(uint32_t result);

/// Makes an event without fields. `size` is `sizeof(ssecast_event)`.
ssecast_result ssecast_event_init(struct ssecast_event *event, size_t size);

/// Encodes an event into a buffer of the caller's. Writes how many bytes it has to `*length`; there is no zero byte
/// behind them. With `buffer` NULL and `capacity` 0 only the length is written.
///
/// Fails with `SSECAST_BUFFER_TOO_SMALL` if it does not fit; with `SSECAST_INVALID_EVENT`, `SSECAST_INVALID_ID` or
/// `SSECAST_INVALID_DATA` if a field can't be written.
ssecast_result ssecast_event_encode(const struct ssecast_event *event,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *length,
                                    struct ssecast_error *error);

/// Makes a parser at the beginning of a stream. No event may have more than `max_event_bytes` bytes; 0 sets the
/// default. Give it back with `ssecast_parser_free`.
ssecast_result ssecast_parser_new(size_t max_event_bytes,
                                  struct ssecast_parser **parser,
                                  struct ssecast_error *error);

/// Frees a parser. Not from inside its callback. NULL is fine.
void ssecast_parser_free(struct ssecast_parser *parser);

/// Parses one chunk and calls `on_item` for each item in it. Any bytes are a stream.
///
/// Fails with `SSECAST_EVENT_TOO_LARGE`, after the items that came before that event, and then on every call until
/// the parser is finished or reset.
ssecast_result ssecast_parser_feed(struct ssecast_parser *parser,
                                   struct ssecast_slice chunk,
                                   ssecast_item_callback on_item,
                                   void *user_data,
                                   struct ssecast_error *error);

/// Ends the stream: an event that is not complete is dropped. The parser is then at the beginning of the next stream,
/// and keeps the last event ID and the reconnection time.
ssecast_result ssecast_parser_finish(struct ssecast_parser *parser,
                                     struct ssecast_error *error);

/// Forgets everything but the limit.
ssecast_result ssecast_parser_reset(struct ssecast_parser *parser, struct ssecast_error *error);

/// Gives the last event ID: what a client sends to resume; empty if there is none. It is valid until the next call
/// for this parser.
ssecast_result ssecast_parser_last_event_id(struct ssecast_parser *parser,
                                            struct ssecast_slice *last_event_id,
                                            struct ssecast_error *error);

/// Gives the reconnection time in milliseconds, or `SSECAST_NO_RETRY` if the stream has set none.
ssecast_result ssecast_parser_retry(struct ssecast_parser *parser,
                                    uint64_t *retry,
                                    struct ssecast_error *error);

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_source_config)`.
ssecast_result ssecast_source_config_init(struct ssecast_source_config *config, size_t size);

/// Makes a response without headers. `size` is `sizeof(ssecast_source_response)`.
ssecast_result ssecast_source_response_init(struct ssecast_source_response *response, size_t size);

/// Makes a source. Give it back with `ssecast_source_free`. Fails with `SSECAST_INVALID_OPTION` or `SSECAST_INVALID_ID`, and
/// names the field.
ssecast_result ssecast_source_new(const struct ssecast_source_config *config,
                                  struct ssecast_source **source,
                                  struct ssecast_error *error);

/// Frees a source. Not from inside its callback. NULL is fine.
void ssecast_source_free(struct ssecast_source *source);

/// Gives what to send now: at first, after a redirect, and after a wait. Set `request->size` before. Fails with
/// `SSECAST_CLOSED` if there is no next request.
ssecast_result ssecast_source_next_request(struct ssecast_source *source,
                                           struct ssecast_source_request *request,
                                           struct ssecast_error *error);

/// Takes the head of the response to the last request. Set `step->size` before. Fails with `SSECAST_BUSY` while an
/// earlier response is read: that one is given up with `ssecast_source_lose`.
ssecast_result ssecast_source_respond(struct ssecast_source *source,
                                      const struct ssecast_source_response *response,
                                      struct ssecast_source_step *step,
                                      struct ssecast_error *error);

/// Takes a chunk of the response's body, of any size, and calls `on_item` for each event in it; no other kind of item
/// comes. A callback that does not return 0 closes the source: no event follows, not even of this chunk. Set `step->size`
/// before. Fails with `SSECAST_ENDED` if no response is read.
///
/// `on_item` runs as that of `ssecast_parser_feed` does.
ssecast_result ssecast_source_feed(struct ssecast_source *source,
                                   struct ssecast_slice chunk,
                                   ssecast_item_callback on_item,
                                   void *user_data,
                                   struct ssecast_source_step *step,
                                   struct ssecast_error *error);

/// Takes that there is no connection, or no longer one: `SSECAST_CAUSE_NETWORK`, `SSECAST_CAUSE_ENDED` or
/// `SSECAST_CAUSE_IDLE`. An event that is not complete is dropped, and comes whole after the next connection. `problem` is
/// what the transport says of it, for the message; it may be left out. Set `step->size` before.
ssecast_result ssecast_source_lose(struct ssecast_source *source,
                                   uint32_t cause,
                                   struct ssecast_slice problem,
                                   struct ssecast_source_step *step,
                                   struct ssecast_error *error);

/// Closes a source for good: there is no next request. The program gives up the response, or the wait. Inside the
/// callback, return 1 instead.
ssecast_result ssecast_source_close(struct ssecast_source *source,
                                    struct ssecast_error *error);

/// Gives the last event ID: what the next request resumes from; empty if there is none. It is valid until the next call
/// for this source.
ssecast_result ssecast_source_last_event_id(struct ssecast_source *source,
                                            struct ssecast_slice *last_event_id,
                                            struct ssecast_error *error);

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_hub_config)`.
ssecast_result ssecast_hub_config_init(struct ssecast_hub_config *config, size_t size);

/// Makes a hub; `config` may be NULL for the defaults. Give it back with `ssecast_hub_free`.
///
/// Fails with `SSECAST_INVALID_OPTION`, and names the field that is out of its range. A store is not opened yet: what is wrong
/// with it is said by the first event and the first connection.
ssecast_result ssecast_hub_new(const struct ssecast_hub_config *config,
                               struct ssecast_hub **hub,
                               struct ssecast_error *error);

/// Frees a hub. If it is open it is closed first, with a grace of one second: every connection gets what was published.
/// It returns when the streams that the library writes have ended, which takes no longer than the grace, and when all
/// their callbacks have returned, however long those take: from then on no callback of this hub runs. So the caller holds
/// no lock that a callback needs. Called from a callback of the library it waits for nothing, and callbacks may still
/// come.
///
/// No other thread may use the hub from here on. Stop a thread that publishes first; or call `ssecast_hub_close`, which may
/// run beside every other call, and the thread gets `SSECAST_CLOSED`. Its connections, subscriptions and listeners may outlive
/// it, and are freed on their own; it does not wait for the streams of subscriptions, which the caller writes. A child
/// process leaves its parent's connections as they are. NULL is fine.
void ssecast_hub_free(struct ssecast_hub *hub);

/// Publishes an event to a topic. The time that it takes does not depend on the number of connections. Without an
/// id of its own the event gets one; `published`, which may be NULL, says which. Set `published->size` before.
///
/// Fails with `SSECAST_INVALID_TOPIC`, `SSECAST_INVALID_EVENT`, `SSECAST_INVALID_ID` (also when a retained event
/// has the id), `SSECAST_INVALID_DATA`, `SSECAST_EVENT_TOO_LARGE`, `SSECAST_TOO_MANY_TOPICS`, `SSECAST_TOPIC_ENDED`,
/// `SSECAST_BACKLOG_FULL` or `SSECAST_CLOSED`. With a store it returns when the store has the event, for which it waits
/// `publish_timeout_ms` at most, and fails with
/// `SSECAST_STORE_TIMED_OUT`, `SSECAST_STORE_UNAVAILABLE`, `SSECAST_STORE_FULL` or `SSECAST_STORE_FORMAT` too. When it fails,
/// nothing was published. A callback of the library that publishes to a store keeps the other streams of its thread waiting.
ssecast_result ssecast_hub_publish(struct ssecast_hub *hub,
                                   struct ssecast_slice topic,
                                   const struct ssecast_event *event,
                                   struct ssecast_published *published,
                                   struct ssecast_error *error);

/// Ends a topic: nothing is published to it any more (`SSECAST_TOPIC_ENDED`). Its connections get what is left, and those
/// whose topics have all ended then end for good, with `SSECAST_REASON_SERVER`: their clients do not come back. One that
/// comes for it later gets what the history has of it, and the same end; one that has all of it is answered 204: by a
/// listener, or by the caller, who is told so by `SSECAST_TOPIC_ENDED`. With a store this is so in all processes. After
/// `keep_ended_ms` the topic is forgotten. Ending it twice changes nothing, and a topic that was not there is an empty one
/// that has ended.
///
/// Fails with `SSECAST_INVALID_TOPIC`, `SSECAST_TOO_MANY_TOPICS` or `SSECAST_CLOSED`, and with the errors of the store, for
/// which it waits as `ssecast_hub_publish` does.
ssecast_result ssecast_hub_end_topic(struct ssecast_hub *hub,
                                     struct ssecast_slice topic,
                                     struct ssecast_error *error);

/// Closes a hub: it takes no publications and connections from now on, and returns at once. Every connection gets
/// what is pending for it, then `event`, which may be NULL, then a reconnection time of its own, and ends; what is
/// not out after `grace_ms` milliseconds is given up.
///
/// Fails with `SSECAST_CLOSED` if it is closed already, and as `ssecast_event_encode` does; it then is as it was.
ssecast_result ssecast_hub_close(struct ssecast_hub *hub,
                                 const struct ssecast_event *event,
                                 uint64_t grace_ms,
                                 struct ssecast_error *error);

/// Waits until a hub was closed and all is over, for at most `timeout_ms` milliseconds, and writes to `*over` whether that
/// is so: every connection has ended, all that it had to get was written, and every callback (`on_close` and the
/// others) has returned. The connections of subscriptions are among them: their owners take their ends by
/// `ssecast_subscription_next`, or free them, on other threads.
///
/// This is how a program ends: `ssecast_hub_close`, which says how long clients may take; this with a little more; then
/// `ssecast_hub_free`.
///
/// Fails with `SSECAST_BUSY` in a callback of the library, which would wait for itself.
ssecast_result ssecast_hub_wait_closed(struct ssecast_hub *hub,
                                       uint64_t timeout_ms,
                                       bool *over,
                                       struct ssecast_error *error);

/// Whether a hub was closed. NULL counts as closed.
bool ssecast_hub_is_closed(const struct ssecast_hub *hub);

/// Checks a topic without using it: 1 to 256 bytes of UTF-8. Fails with `SSECAST_INVALID_TOPIC`.
ssecast_result ssecast_topic_check(struct ssecast_slice topic, struct ssecast_error *error);

/// Has the producer of a topic told when it may stop: `on_unread` is called once when the topic has had a reader since this
/// call and then had none for `after_ms` milliseconds, in no process that shares the store. While there has never been a
/// reader it is not called. With a store the other processes are asked; one that is killed, or can't reach the store, counts
/// as without readers after 15 seconds. While this process can't reach the store, and for 15 seconds after that,
/// `on_unread` is not called.
///
/// Give `watch` back with `ssecast_unread_watch_free`. The end of the topic and closing the hub end the interest;
/// the watch may outlive the hub.
///
/// Fails with `SSECAST_INVALID_TOPIC` or `SSECAST_CLOSED`.
ssecast_result ssecast_hub_when_unread(struct ssecast_hub *hub,
                                       struct ssecast_slice topic,
                                       uint64_t after_ms,
                                       ssecast_unread_callback on_unread,
                                       void *user_data,
                                       struct ssecast_unread_watch **watch,
                                       struct ssecast_error *error);

/// Ends the interest and frees the watch. It waits for a call of `on_unread` that is under way, unless it is called by that;
/// none follows. NULL is fine.
void ssecast_unread_watch_free(struct ssecast_unread_watch *watch);

/// Writes the counters of a hub as `OpenMetrics` text, which Prometheus scrapes: the body of a response whose `Content-Type` is
/// `application/openmetrics-text; version=1.0.0; charset=utf-8`. It is never longer than 8192 bytes; the numbers in it may grow
/// between two calls.
///
/// Writes how many bytes it has to `*length`; there is no zero byte behind them. With `buffer` NULL and `capacity` 0 only
/// the length is written. Fails with `SSECAST_BUFFER_TOO_SMALL` if it does not fit.
ssecast_result ssecast_hub_metrics(const struct ssecast_hub *hub,
                                   char *buffer,
                                   size_t capacity,
                                   size_t *length,
                                   struct ssecast_error *error);

/// Reads the counters of a hub. Set `stats->size` to `sizeof(ssecast_stats)` before.
ssecast_result ssecast_hub_stats(const struct ssecast_hub *hub,
                                 struct ssecast_stats *stats,
                                 struct ssecast_error *error);

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_attach_config)`.
ssecast_result ssecast_attach_config_init(struct ssecast_attach_config *config, size_t size);

/// Lets a thread of the engine write a client's stream to a connected stream socket, from here on. The caller has
/// sent the response's head, all of it, or gives it in `head`; it writes nothing to the connection until `on_close`
/// has told of the end.
///
/// The library makes a duplicate of the descriptor: the caller's own stays the caller's. The caller reads from it,
/// and calls `ssecast_connection_disconnect` with `SSECAST_REASON_CLIENT` when the client is gone; or it sets
/// `released`. A client that does not answer for `slow_client_ms` and five seconds is given up by the system, also when its
/// network has vanished: the connection has `TCP_USER_TIMEOUT`, and keep-alive where no heartbeat asks, until the library lets go of
/// it, and then what it had before.
///
/// `connection` may be NULL if the handle is not wanted; otherwise give it back with `ssecast_connection_free`.
/// `on_close` may run before this function returns.
///
/// Fails with `SSECAST_INVALID_SOCKET`, `SSECAST_ATTACHED`, `SSECAST_TOO_MANY_DESCRIPTORS`,
/// `SSECAST_INVALID_TOPIC`, `SSECAST_TOO_MANY_TOPICS`, `SSECAST_TOO_MANY_CONNECTIONS`, `SSECAST_CLOSED`,
/// `SSECAST_INVALID_OPTION`, the errors of a store, or `SSECAST_TOPIC_ENDED`, which is to be answered 204; then nothing was
/// written, and no callback is called.
ssecast_result ssecast_hub_attach_socket(struct ssecast_hub *hub,
                                         ssecast_socket socket,
                                         const struct ssecast_attach_config *config,
                                         struct ssecast_connection **connection,
                                         struct ssecast_error *error);

/// Frees the handle of a connection, and nothing else: the stream goes on until it ends. NULL is fine.
void ssecast_connection_free(struct ssecast_connection *connection);

/// Gives the number of a connection's stream: for one of a listener that which its callbacks and `ssecast_responder_stream` have.
/// No other connection of the process ever has it.
ssecast_result ssecast_connection_stream(const struct ssecast_connection *connection,
                                         uint64_t *stream,
                                         struct ssecast_error *error);

/// Gives the `user_data` of a connection: those of its `ssecast_stream_config` or `ssecast_attach_config`, or else of its listener.
/// NULL for NULL. What they point to is the caller's.
void *ssecast_connection_user_data(const struct ssecast_connection *connection);

/// Sends an event to one connection alone, behind everything that was published before.
///
/// Fails with `SSECAST_ENDED`, `SSECAST_TOO_MUCH_PENDING`, `SSECAST_EVENT_TOO_LARGE`, or as `ssecast_event_encode`
/// does.
ssecast_result ssecast_connection_send(struct ssecast_connection *connection,
                                       const struct ssecast_event *event,
                                       struct ssecast_error *error);

/// Counts the bytes that were sent to this connection alone and that the system has not taken yet: 0 once it has
/// ended. When it is not 0, `on_drain` is called once it is, or `on_close`.
ssecast_result ssecast_connection_pending_bytes(const struct ssecast_connection *connection,
                                                size_t *bytes,
                                                struct ssecast_error *error);

/// Adds and removes topics of a connection: what is published from here on counts. Either array may be NULL with the
/// length 0.
///
/// Fails with `SSECAST_ENDED`, `SSECAST_INVALID_TOPIC` or `SSECAST_TOO_MANY_TOPICS`; then nothing changes.
ssecast_result ssecast_connection_change_topics(struct ssecast_connection *connection,
                                                const struct ssecast_slice *add,
                                                size_t add_len,
                                                const struct ssecast_slice *remove,
                                                size_t remove_len,
                                                struct ssecast_error *error);

/// Ends a connection's stream after everything that was published and sent before, finishes the frame under way,
/// lets go of the socket, and then calls `on_close` with the reason `SSECAST_REASON_SERVER`. It does not wait for
/// that.
///
/// Fails with `SSECAST_ENDED` if the stream has ended, or is ending.
ssecast_result ssecast_connection_detach(struct ssecast_connection *connection,
                                         struct ssecast_error *error);

/// Ends a connection's stream as `ssecast_connection_detach` does, and for good: an `EventSource` comes back after every
/// other end, and would get a finished answer once more. The client's next request has a last event ID that
/// `ssecast_is_finished` knows. A listener answers it with 204; a caller that attaches sockets does so itself.
///
/// Fails with `SSECAST_ENDED` if the stream has ended, or is ending; with `SSECAST_TOO_MUCH_PENDING` if the client can't be
/// told, because more waits for it than its limit allows or the hub is closed: then the stream ends as with
/// `ssecast_connection_detach`, and the client comes back.
ssecast_result ssecast_connection_finish(struct ssecast_connection *connection,
                                         struct ssecast_error *error);

/// Ends a connection at once, also while it is being detached: it shuts the socket down, lets go of it, and then
/// calls `on_close`. It does not wait for that. `reason` is what the hub counts it under: `SSECAST_REASON_CLIENT`
/// when the client is gone, `SSECAST_REASON_SERVER` to throw it out, `SSECAST_REASON_ERROR` when something failed.
///
/// Fails with `SSECAST_ENDED` if it has ended, or was disconnected; with `SSECAST_INVALID_OPTION` for another reason.
ssecast_result ssecast_connection_disconnect(struct ssecast_connection *connection,
                                             uint32_t reason,
                                             struct ssecast_error *error);

/// Whether a client's last event ID says that its stream was finished for good: answer 204, and open no stream. A listener
/// does so by itself.
bool ssecast_is_finished(struct ssecast_slice last_event_id);

/// Gives the id of the last event that a client has, of what its request says: the header `Last-Event-ID`, or else the
/// parameter `lastEventId` of its query, decoded. Left out if it has none. A listener does so by itself.
struct ssecast_slice ssecast_last_event_id(struct ssecast_slice header,
                                           struct ssecast_slice query);

/// Writes the headers that the response of every stream has, as lines of an HTTP/1.1 head: `Content-Type: …`,
/// `Cache-Control: …` and `X-Accel-Buffering: no`, each with CRLF at its end. What frames the body, `Transfer-Encoding` and
/// `Connection`, is the caller's. `cache_control` is the value that the caller wants, or left out: what a stream needs is
/// added to it.
///
/// Writes how many bytes it has to `*length`; there is no zero byte behind them. With `buffer` NULL and `capacity` 0 only
/// the length is written. Fails with `SSECAST_BUFFER_TOO_SMALL` if it does not fit.
ssecast_result ssecast_stream_headers(struct ssecast_slice cache_control,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *length,
                                      struct ssecast_error *error);

/// Fills the rules in with the defaults. `size` is `sizeof(ssecast_cors)`.
ssecast_result ssecast_cors_init(struct ssecast_cors *cors, size_t size);

/// Writes the headers that CORS asks for, as lines of an HTTP/1.1 head, each with CRLF at its end. Every response has them, refusals
/// too. `origin` is the request's header `Origin`, left out if there is none. A preflight, which is a request with the method
/// `OPTIONS` and the header `Access-Control-Request-Method`, is answered 204 with them: `methods` are then those that a page may use,
/// such as `GET, HEAD`, and otherwise it is left out.
///
/// Writes how many bytes it has to `*length`; there is no zero byte behind them. With `buffer` NULL and `capacity` 0 only
/// the length is written. Fails with `SSECAST_BUFFER_TOO_SMALL` if it does not fit; with `SSECAST_INVALID_OPTION` for rules that
/// would allow no page, or more than they say.
ssecast_result ssecast_cors_headers(const struct ssecast_cors *cors,
                                    struct ssecast_slice origin,
                                    struct ssecast_slice methods,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *length,
                                    struct ssecast_error *error);

/// Whether a stream could not be opened because the hub, or the process, has no room at the moment, because its store can't be
/// used, or because the hub is closed: `ssecast_hub_unavailable` has the answer then. With `SSECAST_TOPIC_ENDED` the answer is
/// 204. Any other result of `ssecast_hub_attach_socket` or `ssecast_hub_subscribe` but `SSECAST_OK` is a fault of the caller's.
bool ssecast_is_unavailable(uint32_t result);

/// Gives the answer to a client that can't have a stream for the moment, by the request's method and its header `Accept`,
/// which is left out if there is none, and counts the client as refused. Set `unavailable->size` before. The hub may be
/// closed.
ssecast_result ssecast_hub_unavailable(const struct ssecast_hub *hub,
                                       struct ssecast_slice method,
                                       struct ssecast_slice accept,
                                       struct ssecast_unavailable *unavailable,
                                       struct ssecast_error *error);

/// Makes the poller of an event loop, for subscriptions of one hub. Give it back with `ssecast_poller_free`.
///
/// Fails with `SSECAST_TOO_MANY_DESCRIPTORS`.
ssecast_result ssecast_poller_new(struct ssecast_hub *hub,
                                  struct ssecast_poller **poller,
                                  struct ssecast_error *error);

/// Gives the descriptor to poll for reading, or -1 for NULL. The caller only polls it: it belongs to the poller, and is closed with
/// it and its last subscription. It stays readable until `ssecast_poller_next` has returned `SSECAST_WOULD_BLOCK`; an
/// edge-triggered poll asks until then.
ssecast_socket ssecast_poller_descriptor(const struct ssecast_poller *poller);

/// Frees a poller. Free its subscriptions before: those that are left go on, and nothing tells of them any more. NULL is fine.
void ssecast_poller_free(struct ssecast_poller *poller);

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_subscription_config)`.
ssecast_result ssecast_subscription_config_init(struct ssecast_subscription_config *config,
                                                size_t size);

/// Subscribes a client whose stream the caller writes. Give it back with `ssecast_subscription_free`.
///
/// A subscription that does not ask for what is next is a slow client: it holds back no more than `slow_client_bytes`, and
/// past a limit the hub's policy takes effect when it asks again.
///
/// A subscription without a `poller` has a descriptor of its own, which a publication makes readable: what it costs to publish
/// grows with the number of those that wait. With a poller it does not. Where the sockets are plain, `ssecast_hub_attach_socket`
/// costs less.
///
/// Fails with `SSECAST_INVALID_TOPIC`, `SSECAST_TOO_MANY_TOPICS`, `SSECAST_TOO_MANY_CONNECTIONS`,
/// `SSECAST_TOO_MANY_DESCRIPTORS`, `SSECAST_CLOSED`, `SSECAST_INVALID_OPTION` (also for the poller of another hub), the errors of a
/// store, or `SSECAST_TOPIC_ENDED`, which is to be answered 204.
ssecast_result ssecast_hub_subscribe(struct ssecast_hub *hub,
                                     const struct ssecast_subscription_config *config,
                                     struct ssecast_subscription **subscription,
                                     struct ssecast_error *error);

/// Frees a subscription, and its descriptor and the bytes that it lent. If its stream goes on, the hub counts it as
/// a client that went away. NULL is fine.
void ssecast_subscription_free(struct ssecast_subscription *subscription);

/// Gives the descriptor to poll for reading, or -1 for NULL and for a subscription that has a poller. The caller only polls it: it
/// belongs to the subscription. It stays readable until `ssecast_subscription_next` has returned `SSECAST_WOULD_BLOCK`.
ssecast_socket ssecast_subscription_descriptor(const struct ssecast_subscription *subscription);

/// Gives the `user_data` of a subscription's configuration; NULL for NULL. What they point to is the caller's.
void *ssecast_subscription_user_data(const struct ssecast_subscription *subscription);

/// Takes the next bytes of the stream, which the caller writes, all of them, before it asks again. They are valid
/// until the next call of this function, or until the subscription is freed, and never empty. It never waits.
///
/// Fails with `SSECAST_WOULD_BLOCK` when there is nothing now: wait for the descriptor, or for the poller to give this subscription
/// again; with `SSECAST_ENDED`, from then on, when the stream
/// is over: `ssecast_subscription_reason` says why; with `SSECAST_BUSY` while another thread asks.
ssecast_result ssecast_subscription_next(struct ssecast_subscription *subscription,
                                         struct ssecast_slice *bytes,
                                         struct ssecast_error *error);

/// Says why a stream is over, once `ssecast_subscription_next` has returned `SSECAST_ENDED`.
///
/// Fails with `SSECAST_WOULD_BLOCK` before; with `SSECAST_BUSY` while another thread asks for what is next.
ssecast_result ssecast_subscription_reason(const struct ssecast_subscription *subscription,
                                           ssecast_reason *reason,
                                           struct ssecast_error *error);

/// Sends an event to this client alone, behind everything that was published before.
///
/// Fails with `SSECAST_ENDED`, `SSECAST_TOO_MUCH_PENDING`, `SSECAST_EVENT_TOO_LARGE`, or as `ssecast_event_encode`
/// does.
ssecast_result ssecast_subscription_send(struct ssecast_subscription *subscription,
                                         const struct ssecast_event *event,
                                         struct ssecast_error *error);

/// Counts the bytes that were sent to this client alone and that `ssecast_subscription_next` has not given yet: 0
/// once it has ended. What the poller has for it by now counts as given.
ssecast_result ssecast_subscription_pending_bytes(const struct ssecast_subscription *subscription,
                                                  size_t *bytes,
                                                  struct ssecast_error *error);

/// Adds and removes topics: what is published from here on counts. Either array may be NULL with the length 0.
///
/// Fails with `SSECAST_ENDED`, `SSECAST_INVALID_TOPIC` or `SSECAST_TOO_MANY_TOPICS`; then nothing changes.
ssecast_result ssecast_subscription_change_topics(struct ssecast_subscription *subscription,
                                                  const struct ssecast_slice *add,
                                                  size_t add_len,
                                                  const struct ssecast_slice *remove,
                                                  size_t remove_len,
                                                  struct ssecast_error *error);

/// Ends a stream after everything that was published and sent before: `ssecast_subscription_next` gives that, and
/// then `SSECAST_ENDED` with the reason `SSECAST_REASON_SERVER`.
///
/// Fails with `SSECAST_ENDED` if it has ended, or is ending.
ssecast_result ssecast_subscription_end(struct ssecast_subscription *subscription,
                                        struct ssecast_error *error);

/// Ends a stream as `ssecast_subscription_end` does, and for good: `ssecast_subscription_next` gives a last block after
/// what was sent before, and the client's next request has a last event ID that `ssecast_is_finished` knows. Answer that
/// request with 204, and the client does not come back.
///
/// Fails with `SSECAST_ENDED` if it has ended, or is ending; with `SSECAST_TOO_MUCH_PENDING` if the client can't be told,
/// because more waits for it than its limit allows or the hub is closed: then the stream ends as with
/// `ssecast_subscription_end`, and the client comes back.
ssecast_result ssecast_subscription_finish(struct ssecast_subscription *subscription,
                                           struct ssecast_error *error);

/// Takes the next subscription that has something: bytes, or its end. Ask it with `ssecast_subscription_next`, now or when its
/// client can take more. It is given again only after that has returned `SSECAST_WOULD_BLOCK`, or when it has ended meanwhile, and
/// never after its end. It never waits.
///
/// Fails with `SSECAST_WOULD_BLOCK` when no subscription has anything: wait until the descriptor is readable; with
/// `SSECAST_ENDED` in a child of the process that made it.
ssecast_result ssecast_poller_next(struct ssecast_poller *poller,
                                   struct ssecast_subscription **subscription,
                                   struct ssecast_error *error);

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_listen_config)`.
ssecast_result ssecast_listen_config_init(struct ssecast_listen_config *config, size_t size);

/// Fills a configuration in with the defaults. `size` is `sizeof(ssecast_stream_config)`.
ssecast_result ssecast_stream_config_init(struct ssecast_stream_config *config, size_t size);

/// Fills a refusal in with the defaults. `size` is `sizeof(ssecast_refusal)`.
ssecast_result ssecast_refusal_init(struct ssecast_refusal *refusal, size_t size);

/// Says whether a listener could answer with this: for servers that write their responses themselves, and are to refuse clients
/// as listeners do. With `cors` the server has headers of CORS, which then are not the refusal's.
///
/// Fails with `SSECAST_INVALID_OPTION`, and names `status`, `headers` or `body`.
ssecast_result ssecast_refusal_check(const struct ssecast_refusal *refusal,
                                     bool cors,
                                     struct ssecast_error *error);

/// Binds an address and answers requests for streams there, on a thread of its own; an idle client costs about a
/// kilobyte. Either `route` or `query_topics` is set. Requests that can't have a stream are answered without the
/// route: 400, 404, 405, 406, 408, 413, 431, 503, 505; preflights, too. TLS and HTTP/2 are for a proxy in front of
/// it. Give the listener back with `ssecast_listener_free`.
///
/// Fails with `SSECAST_INVALID_OPTION`, and names the field; with `SSECAST_TOO_MANY_DESCRIPTORS` or `SSECAST_CLOSED`.
ssecast_result ssecast_hub_listen(struct ssecast_hub *hub,
                                  const struct ssecast_listen_config *config,
                                  struct ssecast_listener **listener,
                                  struct ssecast_error *error);

/// Gives the address and port that a listener has, such as `127.0.0.1:8080`; left out for NULL. It is valid until
/// the listener is freed.
struct ssecast_slice ssecast_listener_address(const struct ssecast_listener *listener);

/// Gives the port that a listener has; 0 for NULL.
uint16_t ssecast_listener_port(const struct ssecast_listener *listener);

/// Closes a listener, without waiting for it: it accepts no connection any more, and answers 503 to every client
/// that has no stream yet. Streams go on until the hub is closed.
///
/// Fails with `SSECAST_ENDED` if it is closed already.
ssecast_result ssecast_listener_close(struct ssecast_listener *listener,
                                      struct ssecast_error *error);

/// Closes a listener and frees it, after its thread has ended: that takes about a quarter of a second at most,
/// beyond a call of `route` or `cors_allows` that is under way. These may do it themselves, and then wait for
/// nothing. NULL is fine.
void ssecast_listener_free(struct ssecast_listener *listener);

/// Gives a request's method: `GET`, or `HEAD`, which is answered like it but for the stream.
struct ssecast_slice ssecast_request_method(const struct ssecast_request *request);

/// Gives a request's path, with its percent-encoded bytes decoded: an encoded slash is a slash here.
struct ssecast_slice ssecast_request_path(const struct ssecast_request *request);

/// Gives a request's query as the client sent it, without its question mark; left out if there is none.
struct ssecast_slice ssecast_request_query(const struct ssecast_request *request);

/// Gives the first value of a name in a request's query, decoded; left out if there is none. `name` ends with a
/// zero byte.
struct ssecast_slice ssecast_request_query_value(const struct ssecast_request *request,
                                                 const char *name);

/// Gives the first value of a header, whatever the case of its name; left out if there is none. `name` ends with a
/// zero byte.
struct ssecast_slice ssecast_request_header(const struct ssecast_request *request,
                                            const char *name);

/// Gives the id of the last event that the client has, by the header `Last-Event-ID` or the query's `lastEventId`;
/// left out if there is none. The stream resumes there by itself.
struct ssecast_slice ssecast_request_last_event_id(const struct ssecast_request *request);

/// Gives the address and port that a request came from: a proxy's, if there is one.
struct ssecast_slice ssecast_request_peer(const struct ssecast_request *request);

/// Gives the client a stream of these topics, `topics_len` of them; none makes a private stream. If the hub takes
/// no connection or no topic more, the listener answers 503.
///
/// Fails with `SSECAST_ENDED` if the request is over: it was answered before, the client has left, `answer_ms` have
/// passed, or the hub is closed; with `SSECAST_INVALID_TOPIC`, and then the request waits for another answer.
ssecast_result ssecast_responder_allow(struct ssecast_responder *responder,
                                       const struct ssecast_slice *topics,
                                       size_t topics_len,
                                       struct ssecast_error *error);

/// Gives the client a stream as `ssecast_responder_allow` does; if it has no last event ID, the stream begins with so many of
/// the last events, of all its topics together, or with all (`SSECAST_REPLAY_ALL`), whatever the listener's `replay` is.
///
/// Fails as `ssecast_responder_allow` does.
ssecast_result ssecast_responder_allow_with_replay(struct ssecast_responder *responder,
                                                   const struct ssecast_slice *topics,
                                                   size_t topics_len,
                                                   uint64_t replay,
                                                   struct ssecast_error *error);

/// Gives the client a stream as `ssecast_responder_allow` does, with what `config` says: a replay, headers of this response,
/// callbacks of this stream's own, and user data that say who the client is.
///
/// Fails as `ssecast_responder_allow` does, and with `SSECAST_INVALID_OPTION` for headers that can't be sent; then the request
/// waits for another answer, and none of the callbacks is called.
ssecast_result ssecast_responder_allow_stream(struct ssecast_responder *responder,
                                              const struct ssecast_stream_config *config,
                                              struct ssecast_error *error);

/// Answers with a status from 400 to 599, or with 204, by which an `EventSource` does not come back.
///
/// Fails with `SSECAST_ENDED` as `ssecast_responder_allow` does; with `SSECAST_INVALID_OPTION` for another status,
/// and then the request waits for another answer.
ssecast_result ssecast_responder_refuse(struct ssecast_responder *responder,
                                        uint16_t status,
                                        struct ssecast_error *error);

/// Answers with a status, headers and a body.
///
/// Fails with `SSECAST_ENDED` as `ssecast_responder_allow` does; with `SSECAST_INVALID_OPTION` for a field that can't be sent,
/// which it names, and then the request waits for another answer.
ssecast_result ssecast_responder_refuse_with(struct ssecast_responder *responder,
                                             const struct ssecast_refusal *refusal,
                                             struct ssecast_error *error);

/// Gives the number that the stream will have in the listener's callbacks. No other stream of the process ever has
/// it.
ssecast_result ssecast_responder_stream(const struct ssecast_responder *responder,
                                        uint64_t *stream,
                                        struct ssecast_error *error);

/// Frees a responder. NULL is fine.
void ssecast_responder_free(struct ssecast_responder *responder);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SSECAST_H */
