#pragma once

#include "backend/client/replication_client.hpp"
#include "tests/support/test_client/commands.hpp"

#include <memory>

namespace sluice::test_client {

// The commands identify and receive, on a session with replication=true.
net::Awaitable<int> identify(std::unique_ptr<pg::PostgresClient> client, Deadline deadline);
net::Awaitable<int> receive_wal(std::unique_ptr<pg::PostgresClient> client, Options options);

}  // namespace sluice::test_client
