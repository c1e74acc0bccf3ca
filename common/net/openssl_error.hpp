#pragma once

#include <boost/system/error_code.hpp>

namespace sluice::net {

// Why TLS failed, as a code whose text is OpenSSL's reason: "bad record mac".
boost::system::error_code tls_error(unsigned long openssl_error);
// The same for a certificate that was not accepted: "certificate verify failed: unable to get ...";
// an X509_V_ERR_ value.
boost::system::error_code certificate_error(long verify_result);

// The oldest entry of OpenSSL's error queue of this thread, the cause of what follows it; empties
// the queue.
boost::system::error_code take_openssl_error();

}  // namespace sluice::net
