#pragma once

#include "common/base/secret.hpp"

namespace sluice::pg {

// The password as SCRAM hashes it: SASLprep (RFC 4013) as PostgreSQL does it. Pure ASCII stays as
// it is; text that is not UTF-8 or that SASLprep prohibits is used unchanged too.
Secret saslprep(const Secret& password);

}  // namespace sluice::pg
