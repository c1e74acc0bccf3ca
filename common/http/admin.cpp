#include "common/http/admin.hpp"

namespace sluice::http {

namespace {

using NotReady = std::shared_ptr<std::atomic<const char*>>;

// The handlers are plain functions: a lambda that is itself a coroutine would have to outlive it.
net::Awaitable<Response> livez() { co_return Response::text(200, "ok\n"); }

net::Awaitable<Response> readyz(NotReady not_ready) {
    const char* reason = not_ready->load();
    if (reason == nullptr) co_return Response::text(200, "ok\n");
    co_return Response::text(503, std::string(reason) + "\n");
}

net::Awaitable<Response> exposition(const metrics::Registry* registry) {
    Response response = Response::text(200, registry->exposition());
    response.headers.front().second = "text/plain; version=0.0.4; charset=utf-8";
    co_return response;
}

Router admin_routes(const metrics::Registry& registry, const NotReady& not_ready) {
    Router router;
    router.add("GET", "/livez", [](Request) { return livez(); });
    router.add("GET", "/readyz", [not_ready](Request) { return readyz(not_ready); });
    router.add("GET", "/metrics", [registry = &registry](Request) { return exposition(registry); });
    return router;
}

Server::Options options_for(const config::HostPort& address) {
    Server::Options options;
    options.address = address;
    options.connections_max = 64;
    return options;
}

}  // namespace

AdminServer::AdminServer(net::IoThreads& threads,
                         const config::HostPort& address,
                         metrics::Registry& registry)
    : not_ready_(std::make_shared<std::atomic<const char*>>("starting")),
      server_(std::make_unique<Server>(
          threads, options_for(address), admin_routes(registry, not_ready_))) {}

}  // namespace sluice::http
