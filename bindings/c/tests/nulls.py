"""Makes a C program that goes through the whole header: every function with each of its pointers NULL in turn, and every
structure that says its size with wrong ones. A function that is added to the header is in it, or fails it."""

from header import Header

# Pointers that may be NULL.
OPTIONAL = {"error", "user_data", "ssecast_hub_new.config", "ssecast_hub_publish.published", "ssecast_hub_close.event",
            "ssecast_hub_attach_socket.connection", "ssecast_source_lose.problem",
            "ssecast_stream_headers.cache_control", "ssecast_hub_unavailable.accept", "ssecast_cors_headers.origin",
            "ssecast_cors_headers.methods"}
# A good value for each type of parameter.
GOOD = {
    "bool": "true", "size_t": "1", "uint16_t": "403", "uint32_t": "0", "uint64_t": "0", "ssecast_socket": "spare",
    "void*": "NULL", "char*": "buffer",
    "ssecast_slice": 'text("t")', "const ssecast_slice*": "&topic", "ssecast_slice*": "&slice", "size_t*": "&length",
    "uint64_t*": "&number", "bool*": "&over", "ssecast_reason*": "&reason", "ssecast_published*": "&published", "ssecast_error*": "&error",
    "ssecast_item_callback": "on_item", "ssecast_unread_callback": "on_unread",
}
GOOD_BY_NAME = {"capacity": "sizeof buffer", "cause": "SSECAST_CAUSE_ENDED", "max_event_bytes": "0"}
# Structures that the library fills in: the caller sets their size alone.
FILLED = {"ssecast_published", "ssecast_stats", "ssecast_unavailable", "ssecast_source_request", "ssecast_source_step"}
# The first field that was appended to a structure: programs that were compiled before are smaller.
APPENDED = {"ssecast_hub_config": "store", "ssecast_stats": "store", "ssecast_attach_config": "replay",
            "ssecast_subscription_config": "replay", "ssecast_listen_config": "replay"}

PREAMBLE = r"""
#include "stream.h"

static ssecast_responder *responder;
static ssecast_connection *connection;

static int on_item(void *user_data, const ssecast_item *item) {
  (void)user_data, (void)item;
  return 0;
}

static void on_unread(void *user_data) {
  (void)user_data;
}

static void route(void *user_data, const ssecast_request *request, ssecast_responder *given) {
  (void)user_data;
  CHECK(ssecast_request_header(request, NULL).data == NULL);
  CHECK(ssecast_request_query_value(request, NULL).data == NULL);
  *(ssecast_responder *volatile *)&responder = given;
}

#define REFUSED(expected, named, call) \
  do { \
    memset(&error, 0, sizeof error); \
    CHECK_FAILS(expected, call); \
    if (strcmp(error.field, named) != 0) check_failed(__FILE__, __LINE__, error.message); \
    refusals++; \
  } while (0)
"""

SETUP = r"""
  struct stream client, peer, visitor;
  int spare = connected(&client), attached;
  size_t refusals = 0, length = 0;
  char buffer[256];
  uint64_t number = 0;
  bool over;
  ssecast_error error;
  ssecast_slice topic = {"t", 1}, slice = {NULL, 0};
  ssecast_reason reason = 0;
  ssecast_published published = {.size = sizeof published};
  ssecast_event event = event_of("x");
  ssecast_stats stats;
  ssecast_hub_config hub_config;
  ssecast_attach_config attach_config;
  ssecast_subscription_config subscription_config;
  ssecast_listen_config listen_config;
  ssecast_stream_config stream_config;
  ssecast_refusal refusal;
  ssecast_cors cors;
  ssecast_poller *poller;
  ssecast_parser *parser;
  ssecast_unavailable unavailable = {.size = sizeof unavailable};
  ssecast_source *source;
  ssecast_unread_watch *unread_watch;
  ssecast_source_config source_config;
  ssecast_source_request source_request = {.size = sizeof source_request};
  ssecast_source_response source_response;
  ssecast_source_step source_step = {.size = sizeof source_step};
  ssecast_subscription *subscription;
  ssecast_listener *listener;
  ssecast_hub *hub = quiet_hub();
  stats.size = sizeof stats;
  ssecast_hub_config_init(&hub_config, sizeof hub_config);
  ssecast_attach_config_init(&attach_config, sizeof attach_config);
  ssecast_subscription_config_init(&subscription_config, sizeof subscription_config);
  ssecast_listen_config_init(&listen_config, sizeof listen_config);
  ssecast_stream_config_init(&stream_config, sizeof stream_config);
  ssecast_refusal_init(&refusal, sizeof refusal);
  ssecast_cors_init(&cors, sizeof cors);
  cors.decision = 1;
  ssecast_source_config_init(&source_config, sizeof source_config);
  ssecast_source_response_init(&source_response, sizeof source_response);
  source_config.url = text("http://localhost/");
  CHECK_OK(ssecast_source_new(&source_config, &source, &error));
  listen_config.route = route;
  attached = connected(&peer);
  CHECK_OK(ssecast_parser_new(0, &parser, &error));
  CHECK_OK(ssecast_hub_attach_socket(hub, attached, &attach_config, &connection, &error));
  CHECK_OK(ssecast_poller_new(hub, &poller, &error));
  CHECK_OK(ssecast_hub_subscribe(hub, &subscription_config, &subscription, &error));
  CHECK_OK(ssecast_hub_listen(hub, &listen_config, &listener, &error));
  tcp_connect(&visitor, ssecast_listener_port(listener));
  say(&visitor, "GET /?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EVENTUALLY(*(ssecast_responder *volatile *)&responder != NULL);
"""

TEARDOWN = r"""
  CHECK(!ssecast_hub_is_closed(hub) && stats_of(hub).published == 0 && stats_of(hub).connections == 2);
  ssecast_responder_free(responder);
  ssecast_listener_free(listener);
  ssecast_subscription_free(subscription);
  ssecast_poller_free(poller);
  ssecast_connection_free(connection);
  ssecast_parser_free(parser);
  ssecast_source_free(source);
  ssecast_hub_free(hub);
  close(spare), close(client.socket), close(attached), close(peer.socket), close(visitor.socket);
"""


def too_small(structure):
    """One byte less than any version of a structure had."""
    first = f"offsetof({structure}, {APPENDED[structure]})" if structure in APPENDED else f"sizeof({structure})"
    return f"{first} - 1"


def good(header, function, type_, name):
    base = type_.replace("const ", "").rstrip("*")
    if name in GOOD_BY_NAME:
        return GOOD_BY_NAME[name]
    if name == "size":
        return f"sizeof({function.removesuffix('_init')})"
    if base in header.handles and type_.endswith("**"):
        return f"&{base.removeprefix('ssecast_')}"
    if base in header.handles:
        return base.removeprefix("ssecast_")
    if type_ not in GOOD and base in header.structs:
        return f"&{base.removeprefix('ssecast_')}"
    return GOOD[type_]


def calls(header):
    for function, result, parameters in header.functions:
        values = [good(header, function, type_, name) for type_, name in parameters] if result == "ssecast_result" else []
        if result != "ssecast_result":
            nothing = ["text(NULL)" if type_ == "ssecast_slice" else "0" for type_, _ in parameters]
            yield f"  (void){function}({', '.join(nothing)});" if result != "void" else f"  {function}({', '.join(nothing)});"
            continue
        detailed = parameters[-1][1] == "error"
        for at, (type_, name) in enumerate(parameters):
            if name in OPTIONAL or f"{function}.{name}" in OPTIONAL:
                continue
            if function.endswith("_init"):
                if name == "size":
                    for size in ("0", "1", too_small(function.removesuffix("_init")), "(size_t)-1"):
                        yield f"  CHECK({function}({values[0]}, {size}) == SSECAST_INVALID_SIZE);"
                else:
                    yield f"  CHECK({function}(NULL, {values[1]}) == SSECAST_NULL_POINTER);"
                continue
            assert detailed, f"{function} must take an ssecast_error last"
            if type_.endswith("*") or type_ in header.callbacks or (type_ == "ssecast_slice" and name != "chunk"):
                nothing = "text(NULL)" if type_ == "ssecast_slice" else "NULL"
                arguments = ", ".join([*values[:at], nothing, *values[at + 1:]])
                yield f'  REFUSED(SSECAST_NULL_POINTER, "{name}", {function}({arguments}));'
            base = type_.replace("const ", "").rstrip("*")
            if base in header.structs and header.structs[base][0][0] == "size":
                local = values[at].removeprefix("&")
                label = "size" if base in FILLED else f"{name}.size"
                for size in ("0", "1", too_small(base), "(size_t)-1"):
                    yield f"  {local}.size = {size};"
                    yield f'  REFUSED(SSECAST_INVALID_SIZE, "{label}", {function}({", ".join(values)}));'
                yield f"  {local}.size = sizeof({base});"


def program():
    header = Header()
    named = f"each of {len(header.functions)} functions bears NULL and wrong sizes (%zu times), and then has done nothing"
    return "\n".join([
        PREAMBLE, "int main(void) {", SETUP, *calls(header), TEARDOWN,
        "  CHECK(refusals > 50);", f'  printf("ok {named}\\n", refusals);', "  return 0;\n}\n",
    ])
