// A worker in C++, as worker.c is one in C.
#include <iostream>
#include <ssecast.hpp>

int main(int, char** arguments) {
  auto config = ssecast::hub_config();
  config.store = ssecast::slice(arguments[1]);
  ssecast::Hub hub(config);
  const ssecast::Listener listener(hub, ssecast::listen_config(), [](const ssecast_request* request, ssecast::Responder responder) {
    const auto path = ssecast::view(ssecast_request_path(request));
    responder.allow({"news"}, path == "/all" ? SSECAST_REPLAY_ALL : 0);
  });
  std::cout << "http://127.0.0.1:" << listener.port() << '/' << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "!end") {
      hub.end_topic("news");
      std::cout << "ended" << std::endl;
    } else {
      std::cout << hub.publish("news", {line, "said"}).id << std::endl;
    }
  }
}
