// A whole server: every client of http://127.0.0.1:3000/stream gets the seconds since it started. The argument is another port.
#include <chrono>
#include <iostream>
#include <thread>

#include <ssecast.hpp>

int main(int count, char** arguments) {
  const std::string address = std::string("127.0.0.1:") + (count > 1 ? arguments[1] : "3000");
  ssecast::Hub hub;
  auto config = ssecast::listen_config();
  config.address = ssecast::slice(address);
  config.path = ssecast::slice("/stream");
  const ssecast::Listener listener(hub, config, [](const ssecast::Request&, ssecast::Responder responder) {
    responder.allow({"ticks"});
  });
  std::cout << "http://127.0.0.1:" << listener.port() << "/stream" << std::endl;
  for (long now = 0;; ++now) {
    hub.publish("ticks", {std::to_string(now), "tick"});
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}
