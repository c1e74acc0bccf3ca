#pragma once

#include <boost/system/error_code.hpp>

#include <string>

namespace sluice::net {

// The oldest entry of OpenSSL's error queue of this thread, the cause of what follows it; empties
// the queue.
struct OpensslError {
    boost::system::error_code code;
    std::string reason;
};
OpensslError take_openssl_error();

}  // namespace sluice::net
