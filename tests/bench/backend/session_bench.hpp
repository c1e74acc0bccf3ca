#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::bench {

// What one query costs a PostgresBackend whose handler answers with a short row: from the socket and
// back, coroutines and the handler's own included.
struct QueryCost {
    std::string name;  // of the kind of query
    double allocations = 0;
    double allocations_max =
        0;  // what it took when it was measured first; most are frames of coroutines
    double microseconds = 0;  // of CPU, of the server's thread
};
std::vector<QueryCost> measure_queries();

}  // namespace sluice::bench
